"""One reader, one rule: the same verdict at every door, row by row."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from contract import Contract, load, load_all
from contract.reading import LONGEST_RECORD
from tests.unit.doors.doors import DOORS, LOOSE, REFUSED, Verdicts
from tests.unit.doors.hostile import CONTRACT, file

ROOT = Path(__file__).parents[3]
CASES = ROOT / "tests" / "data" / "cases"
SHARED = ROOT.parent / "shared" / "cases"
HOUSING = load(ROOT / "tests" / "unit" / "contract" / "housing.toml")
MODELS = load_all(ROOT / "tests" / "data" / "models")

# file, contract, rows, and how many of them are bad; None: refused as a whole
RIGHT = [
    ("na_words.csv", HOUSING, 10, 0),
    ("excel_empty_rows.csv", HOUSING, 400, 0),
    ("no_nullable_column.csv", HOUSING, 5, 0),
    ("quoted_newline.csv", HOUSING, 10, 0),
    ("one_bad_byte_early.csv", HOUSING, 400, 0),
    ("lone_cr_batch.csv", HOUSING, 5, 0),
    ("nbsp_level.csv", HOUSING, 400, 0),
    ("markup_header.csv", HOUSING, None, 0),
    ("penguins_raw.csv", MODELS["penguins"], 344, 0),
    ("auto_mpg.csv", MODELS["auto_mpg"], 406, 0),
    ("bike.csv", MODELS["bike"], 17_379, 0),
    ("equal_rows.csv", MODELS["churn"], 12_000, 0),
]

# Of each part; more of them were tried than are run each time.
SEEDS = 40


def content_of(name: str) -> bytes:
    path = next((folder / name for folder in (CASES, SHARED) if (folder / name).is_file()), None)
    if path is None:
        pytest.skip(f"{name} is too large to lie beside the tests")
    return path.read_bytes()


def assert_alike(content: bytes, contract: Contract) -> Verdicts:
    first, *others = DOORS
    expected = DOORS[first](content, contract)
    for name in others:
        found = DOORS[name](content, contract)
        assert found == expected, name
    good = [(line, not reason) for line, reason in expected]
    for name, door in LOOSE.items():
        loose = door(content, contract)
        assert loose is None or [(line, not reason) for line, reason in loose] == good, name
    return expected


@pytest.mark.parametrize(("name", "contract", "rows", "bad"), RIGHT, ids=[case[0] for case in RIGHT])
def test_a_case_ends_the_same_at_every_door(name: str, contract: Contract, rows: int | None, bad: int) -> None:
    verdicts = assert_alike(content_of(name), contract)
    if rows is None:
        assert verdicts == [(0, REFUSED)]
        return
    assert (len(verdicts), sum(bool(reason) for _, reason in verdicts)) == (rows, bad)


@pytest.mark.parametrize("end", ["\n", "\r\n", ""], ids=["lf", "crlf", "no end"])
def test_a_line_that_is_too_long_costs_itself_at_every_door(end: str) -> None:
    """Even where all of its length stands in a column that is not used."""
    header = ",".join(feature.name for feature in HOUSING.features) + ",median_house_value,note"
    good = "-122.23,37.88,41,880,129,322,126,8.3252,NEAR BAY,100000,"
    fits, long = (good + "x" * (LONGEST_RECORD - len(good) + more) for more in (0, 1))
    lines = [header, good, long, good, fits, long, *([] if end == "" else [good])]
    content = ((end or "\n").join(lines) + end).encode()
    reason = "the line is longer than 1,048,576 characters"
    bad = {3: reason, 6: reason}
    assert assert_alike(content, HOUSING) == [(line, bad.get(line, "")) for line in range(2, len(lines) + 1)]


@pytest.mark.parametrize("part", range(10))
def test_hostile_files_end_the_same_at_every_door(part: int) -> None:
    kinds: Counter[bool] = Counter()
    for seed in range(part * SEEDS, part * SEEDS + SEEDS):
        try:
            verdicts = assert_alike(file(seed), CONTRACT)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {file(seed)[:1500]!r}") from error
        kinds.update(not reason for _, reason in verdicts)
    # The files are hostile, and not hopeless.
    assert kinds[True] > 100
    assert kinds[False] > 100
