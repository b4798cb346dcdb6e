"""Training on a category of many levels: a matrix that holds its ones alone, and trees that take zeros for zeros.

What a sparse matrix does not hold is missing to XGBoost. In a column of 0 and 1 that parts the rows as well as a zero
does, but the trees that come of it send a zero where its threshold says, and not where they sent what was missing. So
the splits on such columns are written anew: below 1, what is missing too, to one side, and 1 to the other.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xgboost
    from numpy.typing import NDArray
    from scipy import sparse

_LEAF = -1
# What a tree says of each of its nodes, but for the parent.
_OF_NODES = (
    *("left_children", "right_children", "split_indices", "split_conditions", "split_type", "default_left"),
    *("base_weights", "loss_changes", "sum_hessian"),
)


def matrix_of(
    numbers: NDArray[np.float64],
    columns: NDArray[np.int64],
    ones: tuple[NDArray[np.int64], NDArray[np.int64]],
    width: int,
) -> sparse.csr_matrix:
    """Every number, zeros too, in its column of `columns`, and 1 at the rows and columns of `ones`. `width` columns."""
    from scipy import sparse

    rows = np.repeat(np.arange(len(numbers)), len(columns))
    values = np.concatenate([numbers.ravel(), np.ones(len(ones[0]))])
    places = np.concatenate([rows, ones[0]]), np.concatenate([np.tile(columns, len(numbers)), ones[1]])
    return sparse.csr_matrix((values, places), shape=(len(numbers), width))


def with_zeros(booster: xgboost.Booster, columns: Collection[int], *, threads: int) -> xgboost.Booster:
    """The same trees for a dense matrix: 0 goes where what was missing in `columns` goes, which held ones alone."""
    import xgboost

    document = json.loads(booster.save_raw("json"))
    for tree in document["learner"]["gradient_booster"]["model"]["trees"]:
        _mend(tree, frozenset(columns))
    mended = xgboost.Booster({"nthread": threads})
    mended.load_model(bytearray(json.dumps(document).encode()))
    return mended


def _mend(tree: dict[str, Any], columns: Collection[int]) -> None:
    """A node comes before its children, so that it is at its place when its turn comes."""
    for node in range(len(tree["left_children"])):
        left = tree["left_children"][node]
        if left == _LEAF or tree["split_indices"][node] not in columns:
            continue
        ones_left, missing_left = tree["split_conditions"][node] > 1.0, bool(tree["default_left"][node])
        assert ones_left != missing_left, "a split of the ones from the others parts no rows"
        if ones_left:
            _exchange(tree, left, tree["right_children"][node])
        tree["split_conditions"][node], tree["default_left"][node] = 1.0, 1


def _exchange(tree: dict[str, Any], left: int, right: int) -> None:
    """The two children of a node. Their numbers stay: XGBoost looks for the right one behind the left one."""
    for name in _OF_NODES:
        values = tree[name]
        values[left], values[right] = values[right], values[left]
    for node in (left, right):
        for child in (tree["left_children"][node], tree["right_children"][node]):
            if child != _LEAF:
                tree["parents"][child] = node
