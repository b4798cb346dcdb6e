"""On which side of the split a row falls. A hash says it, so that a row never changes sides."""

from __future__ import annotations

from hashlib import md5
from typing import TYPE_CHECKING, Literal

from contract.identity import RowIdentity, spelled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contract.model import Contract, Split
    from contract.reading import Value

Side = Literal["train", "validation", "test"]
Unit = Literal["row", "key", "group"]
SIDES: tuple[Side, ...] = ("train", "validation", "test")
# Of a digest's beginning, which is compared as text: engines differ in their functions for hashes and conversions.
HEX_DIGITS = 8


def unit_of(contract: Contract) -> Unit:
    """What stays on one side as a whole. Rows of a group stay together, so it counts before the key."""
    if contract.split.group is not None:
        return "group"
    return "row" if contract.data.key is None else "key"


def side_of(digest: str, split: Split) -> Side:
    """`digest`: 32 hexadecimal digits. The least are test rows, the next validation rows, the others train rows."""
    start = digest[:HEX_DIGITS]
    if start < bound(split.test):
        return "test"
    return "validation" if start < bound(split.test + split.validation) else "train"


def bound(share: float) -> str:
    """The beginning of the first digest that a share of all digests lies below."""
    return format(min(round(share * 16**HEX_DIGITS), 16**HEX_DIGITS - 1), f"0{HEX_DIGITS}x")


def digest_of(
    contract: Contract, values: Sequence[Value], *, copy: int = 1, key: Value = None, group: Value = None
) -> str:
    """What the side of a row hangs on. `values`: those of the features, in the contract's order.

    `copy` counts from 1 among the rows that are equal in every column read. Raises ValueError without the key or the
    group that the contract declares.
    """
    unit = unit_of(contract)
    if unit == "row":
        return copy_id(RowIdentity.under(contract).row_id(values), copy)
    value = group if unit == "group" else key
    if value is None:
        raise ValueError(f"the {unit} of the row is missing")
    return text_digest(contract, spelled(value))


def copy_id(row_id: str, copy: int) -> str:
    """The first of equal rows has the id itself."""
    return row_id if copy == 1 else _hash(f"{row_id}#{copy}")


def text_digest(contract: Contract, text: str) -> str:
    """Of a key or a group, by the one spelling of its value."""
    return _hash(f"{contract.split.salt}{text}")


def _hash(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()
