"""Which rows count, and the side each falls on: a function of the multiset of rows, whatever their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from contract import Contract
from etl.engine import Engine
from etl.rows import GROUP, KEY, LINE, PLACE, ROW_ID, SPLIT
from etl.run import Refused
from etl.sql import Ask, counted, listed, quoted, select, word

NAMES = ("train", "validation", "test")
_HEX_DIGITS = 8
_COPY = "__copy"


@dataclass(frozen=True)
class Counted:
    """`equal`: rows that are equal to an earlier one in every column read. They are kept, or `dropped` of them."""

    rows: str
    replaced: int = 0
    equal: int = 0
    dropped: int = 0


@dataclass(frozen=True)
class Bounds:
    """Places below `test` are those of test rows, from there to below `validation` of validation rows."""

    test: str
    validation: str


def last_of_each_key(engine: Engine, rows: str, read: int, contract: Contract) -> Counted:
    """The row of a key that stands last in the file."""
    number = f"row_number() over (partition by {quoted(KEY)} order by {quoted(LINE)} desc) as {quoted(_COPY)}"
    names = listed(_placed(contract))
    numbered = select([names, quoted(LINE), number], rows)
    kept = engine.materialise(select(names, numbered, where=f"{quoted(_COPY)} = 1"))
    return Counted(kept, replaced=read - engine.ask(counted(kept))[0][0])


def numbered_copies(engine: Engine, rows: str, contract: Contract) -> Counted:
    """Copies of a row get ids of their own, or are dropped: its first one keeps the id."""
    names = _placed(contract)
    same = listed([ROW_ID, contract.target.name, *(name for name in names if name in (KEY, GROUP))])
    number = f"row_number() over (partition by {same} order by {quoted(LINE)}) as {quoted(_COPY)}"
    copies = engine.materialise(select([listed(names), number], rows))
    first = f"{quoted(_COPY)} = 1"
    equal = engine.ask(counted(copies, where=f"not {first}"))[0][0]
    if contract.quality.equal_rows == "drop":
        return Counted(select(listed(names), copies, where=first), equal=equal, dropped=equal)
    row_id = quoted(ROW_ID)
    copied = f"md5(concat({row_id}, {word('#')}, cast({quoted(_COPY)} as string)))"
    ids = f"case when {first} then {row_id} else {copied} end as {row_id}"
    return Counted(select([ids, *map(quoted, names[1:])], copies), equal=equal)


def columns_of(contract: Contract) -> list[str]:
    """What the file says of a row, its id first: features and target, and the texts of its key and group."""
    texts = {KEY: contract.data.key, GROUP: contract.split.group}
    return [ROW_ID, *contract.columns, *(name for name, declared in texts.items() if declared)]


def _placed(contract: Contract) -> list[str]:
    """The same, and what decides the side."""
    return [*columns_of(contract), *([] if unit_of(contract) == "row" else [PLACE])]


def unit_of(contract: Contract) -> str:
    """What falls on one side as a whole."""
    if contract.split.group:
        return "group"
    return "key" if contract.data.key else "row"


def place_of(contract: Contract) -> str:
    """The column that says where between 0 and 1 a row stands."""
    return ROW_ID if unit_of(contract) == "row" else PLACE


def bounds_of(contract: Contract) -> Bounds:
    test = contract.split.test
    return Bounds(_bound(test), _bound(test + contract.split.validation))


def with_split(rows: str, contract: Contract, bounds: Bounds) -> str:
    """Compares hexadecimal digits as text: engines differ in their functions for hashes and conversions."""
    place = quoted(place_of(contract))
    test = f"when {place} < {word(bounds.test)} then 'test'"
    validation = f"when {place} < {word(bounds.validation)} then 'validation'"
    return select(["*", f"case {test} {validation} else 'train' end as {quoted(SPLIT)}"], rows)


def part(rows: str, split: str, contract: Contract) -> str:
    """The rows of a side."""
    return select(listed(columns_of(contract)), rows, where=f"{quoted(SPLIT)} = {word(split)}")


def sizes(ask: Ask, rows: str, contract: Contract) -> dict[str, dict[str, int]]:
    """Rows of each side by the level of the target."""
    found = {name: dict.fromkeys(contract.target.parts, 0) for name in NAMES}
    for side, count, *level in ask(_grouped([quoted(SPLIT), "count(*)"], [SPLIT], rows, contract)):
        found[side][_level(level, contract)] = count
    return found


def levels(ask: Ask, rows: str, contract: Contract) -> dict[str, int]:
    """Rows by the level of the target; one that is a number has the one level ""."""
    found = dict.fromkeys(contract.target.parts, 0)
    for count, *level in ask(_grouped(["count(*)"], [], rows, contract)):
        found[_level(level, contract)] = count
    return found


def _grouped(shown: list[str], by: list[str], rows: str, contract: Contract) -> str:
    target = [contract.target.name] if contract.target.coded else []
    group = f" group by {listed([*by, *target])}" if by or target else ""
    return select([*shown, *map(quoted, target)], rows) + group


def _level(found: Sequence[float], contract: Contract) -> str:
    return contract.target.parts[int(found[0])] if found else ""


def filled(ask: Ask, rows: str, contract: Contract, file: str) -> tuple[Bounds, dict[str, int]]:
    """Bounds between which no side is empty, and the rows that each of these sides took. Raises Refused.

    A side without rows takes the units that stand nearest, as many as its share of them.
    """
    place = quoted(place_of(contract))
    found = ask(select([place, "count(*)"], rows) + f" group by {place}")
    units = dict(sorted((str(unit), int(count)) for unit, count in found))
    if len(units) < len(NAMES):
        unit, total = unit_of(contract), sum(units.values())
        kind = {"row": "different rows", "key": "keys", "group": "groups"}[unit]
        raise Refused(
            f"{file}: the {total} usable rows have {len(units)} {kind}, and train, validation and test rows need "
            f"at least one each; upload more {kind}"
        )
    return moved_units(units, contract)


def moved_units(units: Mapping[str, int], contract: Contract) -> tuple[Bounds, dict[str, int]]:
    """The same for units, three at least: rows by place, in order."""
    bounds, places = bounds_of(contract), list(units)
    before = (sum(place < bounds.test for place in places), sum(place < bounds.validation for place in places))
    test, tested = _cuts(before, len(places), contract)
    rows = [0, *accumulate(units.values())]
    moved = {}
    if before[0] == 0:
        moved["test"] = rows[test]
    if before[1] == before[0]:
        moved["validation"] = rows[tested] - rows[test]
    if before[1] == len(places):
        moved["train"] = rows[-1] - rows[tested]
    return Bounds(places[test], places[tested]), moved


def _cuts(before: tuple[int, int], units: int, contract: Contract) -> tuple[int, int]:
    """How many units are test units, and test or validation units."""
    share = contract.split
    wanted = {side: max(1, round(getattr(share, side) * units)) for side in NAMES}
    test, tested = before
    if before[1] == units:
        tested = units - wanted["train"]
    if before[0] == 0:
        test = wanted["test"]
    if before[0] == before[1] == units:
        test = tested - wanted["validation"]
    elif before[0] == before[1]:
        tested = test + wanted["validation"]
    test = max(1, min(test, units - 2))
    return test, max(test + 1, min(tested, units - 1))


def _bound(share: float) -> str:
    return format(min(round(share * 16**_HEX_DIGITS), 16**_HEX_DIGITS - 1), f"0{_HEX_DIGITS}x")
