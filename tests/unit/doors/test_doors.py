"""One reader, one rule: the same verdict at every door, row by row."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from contract import Contract, contract_of, load, load_all
from contract.reading import LONGEST_RECORD
from tests.unit.doors.doors import DOORS, LOOSE, REFUSED, Verdicts
from tests.unit.doors.hostile import CONTRACT, file
from tests.unit.pipeline.binary import DOCUMENT

ROOT = Path(__file__).parents[3]
CASES = ROOT / "tests" / "data" / "cases"
SHARED = ROOT.parent / "shared" / "cases"
HOUSING = load(ROOT / "tests" / "unit" / "contract" / "housing.toml")
MODELS = load_all(ROOT / "tests" / "data" / "models")


def _with_booleans(contract: Contract, *names: str) -> Contract:
    document: dict[str, Any] = contract.to_dict()
    for name in names:
        document["features"][name]["type"] = "boolean"
    return contract_of(document)


FLAGS = _with_booleans(MODELS["bike"], "holiday", "workingday")

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
    ("bike_hours.csv", FLAGS, 290, 0),
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


HEADER = "price,rooms,town,built,sold\n"
FOREIGN = contract_of(
    {
        **DOCUMENT,
        "features": {
            "price": {"type": "number"},
            "rooms": {"type": "number", "nullable": True},
            "town": {"type": "category", "levels": ["K\u00f6ln", "\u0141\u00f3d\u017a", "A"]},
            "built": {"type": "category", "levels": ["true", "false"], "nullable": True},
        },
        "target": {"name": "sold", "levels": ["no", "yes"]},
        "derived": {},
    }
)
SEMICOLONS = "price;rooms;town;built;sold\r\n1234,5;3;K\u00f6ln;true;no\r\n2,25;;A;;yes\r\n"
NUMBERS = {"1e3": True, "+5": True, ".5": True, "7.": True, "0x10": False, "\u0661\u0662": False, "1_0": False}
NUMBERS |= {"5%": False, "(5)": False, "1 000": False, "inf": False, "\uff17": False, '="1"': False}
# What a file is, with what its contract declares, and which of its rows are good; None: refused.
FILES: dict[str, tuple[bytes, dict[str, str], list[bool] | None]] = {
    "German": (SEMICOLONS.encode("utf-8-sig"), {}, [True, True]),
    "German in an encoding that is declared": (SEMICOLONS.encode("cp1252"), {"encoding": "cp1252"}, [True, True]),
    "German in one that is not": (SEMICOLONS.encode("cp1252"), {}, [False, True]),
    "French": ("price;rooms;town;built;sold\n1\u202f234,5;1;A;VRAI;no\n2,5;1;A;;no\n".encode(), {}, [False, True]),
    "points for thousands": (SEMICOLONS.replace("1234,5", "1.234,5").encode(), {}, [False, True]),
    "sep": (f"sep=;\r\n{SEMICOLONS}".encode(), {}, [True, True]),
    "UTF-16": (SEMICOLONS.replace(";", "\t").encode("utf-16"), {}, [True, True]),
    "UTF-32": (SEMICOLONS.encode("utf-32"), {}, None),
    "packed Latin-2": (
        gzip.compress(f"{HEADER}1,2,\u0141\u00f3d\u017a,true,no\n".encode("iso-8859-2"), mtime=0),
        {"encoding": "iso-8859-2"},
        [True],
    ),
    "blank columns behind": (f"{HEADER.strip()},,,\n1,2,A,true,no,,,\n3,4,A,,yes,,,\n".encode(), {}, [True, True]),
    "a delimiter behind rows": (f"{HEADER}1,2,A,true,no,\n3,4,A,,yes\n".encode(), {}, [False, True]),
    "a name twice": (f"price,{HEADER}1,2,3,A,true,no\n".encode(), {}, None),
    "an ignored name twice": (f"x,x,{HEADER}1,2,2,3,A,true,no\n".encode(), {}, [True]),
    "numbers": ("".join([HEADER, *(f'"{n}",1,A,,no\n' for n in NUMBERS)]).encode(), {}, [*NUMBERS.values()]),
    "dates": (f"{HEADER}2024-01-02,1,A,,no\n1,1/2/24,A,,no\n".encode(), {}, [False, False]),
    "TRUE and true": (f"{HEADER}1,1,A,TRUE,no\n1,1,A,true,no\n".encode(), {}, [False, True]),
    "a quoted header": (b'"price","rooms","town","built","sold"\n"1","2","A","true","no"\n', {}, [True]),
    "three line ends": (f"{HEADER}1,2,A,,no\r\n3,4,A,,no\r5,6,A,,yes\r\n\r\n\r7,8,A,,no".encode(), {}, [True] * 4),
    "NUL": (f"{HEADER}1\0,2,A,true,no\n".encode(), {}, None),
    "a line of 2 MB": (f"x,{HEADER}{'x' * 2_000_000},1,2,A,,no\nx,1,2,A,,no\n".encode(), {}, [False, True]),
    "a line of 1.2 MB": (f"x,{HEADER}{'x' * 1_200_000},1,2,A,,no\nx,1,2,A,,no\n".encode(), {}, [False, True]),
    "a field of 2 MB": (f'x,{HEADER}"{"x" * 2_000_000}",1,2,A,,no\nx,1,2,A,,no\n'.encode(), {}, [False, True]),
    "an open quote": (f'x,{HEADER}"x,1,2,A,,no\nx,1,2,A,,no\n'.encode(), {}, [False, True]),
    "decomposed accents": (f"{HEADER}1,2,Ko\u0308ln,,no\n1,2,K\u00f6ln,,no\n".encode(), {}, [True, True]),
    "half an archive": (gzip.compress(f"{HEADER}{'1,2,A,true,no' * 500}\n".encode(), mtime=0)[:-30], {}, None),
}


@pytest.mark.parametrize("name", FILES)
def test_a_foreign_file_ends_the_same_at_every_door(name: str) -> None:
    content, data, good = FILES[name]
    verdicts = assert_alike(content, contract_of({**FOREIGN.to_dict(), "data": data}))
    assert verdicts == [(0, REFUSED)] if good is None else [not reason for _, reason in verdicts] == good
