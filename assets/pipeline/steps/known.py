"""Which test rows a champion knows from its own training: by its contract they may have been on another side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from contract import Contract
from contract.identity import RowIdentity, spelled
from contract.sides import copy_id, side_of, text_digest, unit_of
from steps.context import moved_sides
from steps.dataset import GROUP, KEY, RawRows
from steps.seen import Mask, UndecidedError
from steps.trained import TrainedModel

__all__ = ["UndecidedError", "copies", "known_rows"]


def known_rows(champion: TrainedModel, model: TrainedModel, raw: RawRows, seen: RawRows | None = None) -> Mask:
    """The test rows of `model` that fall on a side that the champion was fitted on. Raises UndecidedError.

    `raw` has the features of the model, `seen` those of the champion, of the same rows; without it they are the same.
    """
    theirs = raw if seen is None else seen
    fitted = {"train", "validation"} if champion.training.get("refit") else {"train"}
    if filled := sorted(moved_sides(champion.manifest) & fitted):
        raise UndecidedError(f"its {' and '.join(filled)} side was filled with rows that belong to another one")
    if _same_rule(champion, model) and not moved_sides(model.manifest):
        return np.zeros(raw.rows, dtype=bool)
    split, digests = champion.contract.split, _digests(champion, model, raw, theirs)
    known = np.array([side_of(digest, split) in fitted for digest in digests], dtype=bool)
    return known | _misnumbered(champion, model, theirs)


def _same_rule(champion: TrainedModel, model: TrainedModel) -> bool:
    """Whether both contracts put every row on the same side: then test rows are test rows."""
    theirs, ours = champion.contract, model.contract
    alike = theirs.split == ours.split and theirs.data.key == ours.data.key and _spelled(theirs) == _spelled(ours)
    same_words = theirs.data.missing_words == ours.data.missing_words
    return alike and same_words and _drops_equal(champion) == _drops_equal(model)


def _spelled(contract: Contract) -> list[tuple[object, ...]]:
    """How the values are read, in order, whose spelling says the side."""
    unit = unit_of(contract)
    by = {"group": contract.group_field, "key": contract.key_field}.get(unit)
    fields = [by] if by is not None else [feature.field for feature in contract.features]
    return [(field.column, field.type, field.levels) for field in fields]


def _digests(champion: TrainedModel, model: TrainedModel, raw: RawRows, theirs: RawRows) -> Sequence[str]:
    """What the side of each row hangs on, by the champion's contract."""
    contract = champion.contract
    unit = unit_of(contract)
    if unit != "row":
        return [text_digest(contract, text) for text in _texts(contract, model.contract, raw, theirs)]
    bases = _row_ids(contract, theirs)
    if _drops_equal(champion) or champion.manifest.get("equal_rows") == 0:
        return bases
    if not _numbers_alike(champion, model):
        raise UndecidedError("it counted equal rows in another way, so it may have been trained on these test rows")
    own = _row_ids(model.contract, raw)
    return [copy_id(base, copy) for base, copy in zip(bases, copies(own, raw.row_ids), strict=True)]


def _row_ids(contract: Contract, raw: RawRows) -> list[str]:
    """Of the first copy of each row."""
    identity = RowIdentity.under(contract)
    columns = [raw.column(feature.name) for feature in contract.features]
    return [identity.row_id(values) for values in zip(*columns, strict=True)]


def copies(bases: Sequence[str], row_ids: Sequence[str]) -> list[int]:
    """The number of each copy among equal rows, found from its id. Raises UndecidedError for an id that is no copy's.

    `bases`: the id of the first copy.
    """
    wanted: dict[str, set[str]] = defaultdict(set)
    for base, row_id in zip(bases, row_ids, strict=True):
        wanted[base].add(row_id)
    found: dict[str, int] = {}
    for base, ids in wanted.items():
        # Copies are numbered without gaps over all sides; most of them are no test rows.
        left, copy, most = set(ids), 0, 1000 * len(ids) + 1000
        while left:
            copy += 1
            if copy > most:
                raise UndecidedError("the ids of the test rows do not follow from their values")
            candidate = copy_id(base, copy)
            if candidate in left:
                left.remove(candidate)
                found[candidate] = copy
    return [found[row_id] for row_id in row_ids]


def _drops_equal(model: TrainedModel) -> bool:
    """Whether equal rows are one to it: by choice, or because it is from before they were counted."""
    return model.contract.quality.equal_rows == "drop" or "duplicates" in model.manifest.get("rows", {})


def _numbers_alike(champion: TrainedModel, model: TrainedModel) -> bool:
    """Whether the n-th of some equal rows is the n-th of them by both contracts."""
    return not _drops_equal(model) and _read_columns(champion.contract) == _read_columns(model.contract)


def _misnumbered(champion: TrainedModel, model: TrainedModel, theirs: RawRows) -> Mask:
    """Rows that had more equals with the champion: it takes words for missing that the model reads as values."""
    found = np.zeros(theirs.rows, dtype=bool)
    more = champion.contract.data.missing_words - model.contract.data.missing_words
    if more and unit_of(champion.contract) == "row" and not _drops_equal(champion):
        for name in theirs.features:
            found |= np.array([value is None for value in theirs.column(name)], dtype=bool)
    return found


def _read_columns(contract: Contract) -> set[tuple[str, str]]:
    """Columns of a file that are read, and as what."""
    return {(field.column, field.type) for field in contract.rules_to_train.fields}


def _texts(theirs: Contract, ours: Contract, raw: RawRows, seen: RawRows) -> Iterable[str]:
    """The champion's key or group of each test row, as it spells it."""
    unit = unit_of(theirs)
    wanted = theirs.group_field if unit == "group" else theirs.key_field
    assert wanted is not None, "the contract has this unit"
    feature = next((item for item in theirs.features if item.field.column == wanted.column), None)
    if feature is not None:
        return map(spelled, seen.column(feature.name))
    # A number has lost how it was written.
    same = {item.field.column: item for item in ours.categorical}.get(wanted.column)
    if same is not None:
        return map(spelled, raw.column(same.name))
    for place, field in ((KEY, ours.key_field), (GROUP, ours.group_field)):
        if field is not None and (field.column, field.type) == (wanted.column, wanted.type) and place in raw.texts:
            return raw.texts[place]
    raise UndecidedError(f"its rows were split by the {unit} {wanted.column}, which the test rows do not have")
