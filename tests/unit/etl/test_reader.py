"""Whichever way a block is split, what comes of a file is what contract.reading says of each row by itself."""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract import Contract, FileError
from contract.identity import RowIdentity, spelled
from contract.reading import HEAD_BYTES, LONGEST_RECORD, Layout, RowReader, layout_of, records
from etl.arrow import doubles
from etl.blocks import BLOCK_BYTES
from etl.reader import Reader
from etl.tally import Tally
from etl.texts import Splitter
from etl.values import spelled_numbers
from tests.unit.etl.harness import small_contract

NAMES = "rooms,beds,people,town,price"


def cut(content: bytes, sizes: Sequence[int]) -> Iterator[bytes]:
    """In pieces of these sizes, over and over."""
    start = 0
    for size in itertools.cycle(sizes):
        if start >= len(content):
            return
        yield content[start : start + size]
        start += size


def read(
    content: bytes, contract: Contract, layout: Layout, folder: Path, *, block: int, pieces: Sequence[int]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], Tally]:
    """Good rows, rejects and the tally of the ETL's reader."""
    tally = Tally(folder / "rejects.json")
    tally.path.write_text("")
    splitter = Splitter(contract.rules_to_train, layout, block_bytes=block)
    reader = Reader(contract, layout, tally)
    rows = [row for batch in reader.batches(splitter.split(cut(content, pieces))) for row in batch.to_pylist()]
    tally.comments = splitter.comments
    return rows, [json.loads(line) for line in tally.path.read_text().splitlines()], tally


def expected(content: bytes, contract: Contract, layout: Layout) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The same, one record after the other."""
    reader, identity = RowReader(contract.rules_to_train, layout), RowIdentity.under(contract)
    rows, rejects = [], []
    for record in records([content], layout):
        row = reader.row(record)
        if row.findings:
            text = row.text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            rejects.append({"line": row.line, "reason": row.reason, "row": text})
            continue
        features = {item.name: row.values[item.name] for item in contract.features}
        target = row.values[contract.target.name]
        found = {"__line": row.line, "row_id": identity.row_id(list(features.values())), **features}
        found |= {contract.target.name: target}
        if contract.group_field:
            found["__group"] = spelled(row.values[contract.group_field.name])
        rows.append(found)
    return rows, rejects


def same(found: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> None:
    """-0.0 is another double than 0.0, and repr tells them apart."""
    assert [{name: repr(value) for name, value in row.items() if name != "__place"} for row in found] == [
        {name: repr(value) for name, value in row.items()} for row in wanted
    ]


field = st.one_of(
    st.sampled_from(["1", "2.5", "-3", "+4.", ".5", "1e2", "1E999", "1e-400", "0", "-0", "1000", "1001", "0x1", "1_0"]),
    st.sampled_from(["", " ", "NA", "nan", "null", "-", ".", "e5", "inf", "Infinity", "1,5", "5 ", "\xa07", "\u0663"]),
    st.sampled_from(["D", " D", "<1H A", "<1H\xa0A", "<1H  A", "d", "#", "#D", "rooms", "\u2003", "\x1c", "\x85", "é"]),
    st.sampled_from(
        ['"1"', '"B, C"', '"B,\nC"', '"a""b"', '"', 'x"', '"1', ' "2" ', '"3"x', "\x0b", "\ufeff", "\udcff"]
    ),
    st.floats(-1e3, 1e3).map(repr),
    st.text(st.sampled_from('1.,"e #\r\n\t'), max_size=4),
)
good = st.tuples(
    st.floats(0, 1000).map(repr),
    st.sampled_from(["", "1", "NA"]),
    st.sampled_from(["1", "2.0"]),
    st.sampled_from(["D", "<1H A"]),
    st.floats(0, 1e6).map(repr),
).map(",".join)
line = st.one_of(
    good,
    good,
    st.lists(field, min_size=5, max_size=5).map(",".join),
    st.lists(field, max_size=7).map(",".join),
    st.sampled_from(["", ",,,,", " ,\t, , , ", "# a comment", '#"', NAMES, "rooms, beds ,people,town,price", "é" * 9]),
)
end = st.sampled_from(["\n", "\n", "\n", "\r\n", "\r\n", "\r", "\r\r\n", ""])
body = st.lists(st.tuples(line, end), max_size=25).map(lambda pairs: "".join(text for pair in pairs for text in pair))
cutting = st.lists(st.integers(1, 40), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reader")


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=body, block=st.sampled_from([1, 20, 60, 200, 4096]), pieces=cutting, group=st.booleans())
def test_a_hostile_file_is_read_as_its_records_are(
    folder: Path, body: str, block: int, pieces: list[int], group: bool
) -> None:
    contract = small_contract(split={"group": "town"} if group else {})
    content = f"{NAMES}\n{body}".encode("utf-8", "surrogateescape")
    assert_read_alike(content, contract, folder, block, pieces)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    body=body,
    encoding=st.sampled_from(["utf-16", "utf-16-le", "utf-8-sig", "cp1252", "gzip"]),
    block=st.sampled_from([1, 60, 4096]),
    pieces=cutting,
)
def test_so_is_one_in_another_encoding(folder: Path, body: str, encoding: str, block: int, pieces: list[int]) -> None:
    text = f"{NAMES}\n{body}"
    contract = small_contract(data={"encoding": "cp1252"}) if encoding == "cp1252" else small_contract()
    packed = encoding == "gzip"
    content = text.encode("utf-8" if packed else encoding, "replace")
    content = gzip.compress(content, mtime=0) if packed else content
    assert_read_alike(content, contract, folder, block, pieces)


@settings(max_examples=60, deadline=None)
@given(body=st.lists(st.tuples(line, end), max_size=20), mark=st.sampled_from([";", "\t", "|"]), pieces=cutting)
def test_so_is_one_with_another_delimiter(
    folder: Path, body: list[tuple[str, str]], mark: str, pieces: list[int]
) -> None:
    contract = small_contract(data={"delimiter": mark, "decimal": ","})
    text = NAMES + "\n" + "".join(part for pair in body for part in pair)
    content = text.replace(",", mark).replace(".", ",").encode("utf-8", "surrogateescape")
    assert_read_alike(content, contract, folder, 60, pieces)


def assert_read_alike(content: bytes, contract: Contract, folder: Path, block: int, pieces: Sequence[int]) -> None:
    try:
        layout = layout_of(content[:HEAD_BYTES], contract.rules_to_train, complete=True)
    except FileError:
        return
    rows, rejects, tally = read(content, contract, layout, folder, block=block, pieces=pieces)
    wanted, bad = expected(content, contract, layout)
    same(rows, wanted)
    assert rejects == bad
    assert (tally.read, tally.rejected) == (len(wanted) + len(bad), len(bad))
    assert sum(tally.reasons.values()) == len(bad)


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("before", [0, 3, 60_000], ids=["first", "soon", "late"])
@pytest.mark.parametrize("letter", ["x", "é"], ids=["bytes", "characters"])
def test_a_line_that_is_too_long_costs_itself_however_a_block_is_split(
    folder: Path, end: str, before: int, letter: str
) -> None:
    """All of its length is in a column that is not used. Blocks are those of the job: rows around it are plain."""
    row, contract = "5,1,2,D,5,", small_contract()
    fits, long = (row + letter * (LONGEST_RECORD - len(row) + more) for more in (0, 1))
    lines = [f"{NAMES},note", *[row] * before, fits, long, *[row] * 3, long, fits]
    content = (end.join(lines) + end).encode()
    layout = layout_of(content[:HEAD_BYTES], contract.rules_to_train, complete=False)
    rows, rejects, tally = read(content, contract, layout, folder, block=BLOCK_BYTES, pieces=[8 << 20])
    assert (len(rows), tally.rejected) == (before + 5, 2)
    assert [(reject["line"], reject["reason"]) for reject in rejects] == [
        (line, "the line is longer than 1,048,576 characters") for line in (before + 3, before + 7)
    ]


@given(st.lists(st.one_of(st.floats(allow_nan=False), st.integers(-(10**17), 10**17).map(float)), max_size=20))
def test_numbers_are_spelled_as_the_identity_of_a_row_spells_them(values: list[float]) -> None:
    assert spelled_numbers(np.array(values, dtype=float)).to_pylist() == [spelled(value) for value in values]


def test_a_number_of_any_common_size_is_spelled_at_once() -> None:
    sizes = 10.0 ** np.arange(-4, 10)
    values = np.concatenate([sizes, -sizes, sizes * 1.2345678901234567, [0.0, -0.0, 880.0, 1e-4, 9999999999.9]])
    assert spelled_numbers(values).to_pylist() == [spelled(value) for value in values.tolist()]


def test_arrow_trims_the_blanks_that_python_trims() -> None:
    import pyarrow.compute as pc

    texts = [chr(code) for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF]
    trimmed = pc.utf8_trim_whitespace(pa.array(texts)).to_pylist()
    assert [text for text, found in zip(texts, trimmed, strict=True) if (found == "") != text.isspace()] == []


def test_missing_values_are_null(folder: Path) -> None:
    found = doubles(np.array([1.0, 2.0, 3.0]), np.array([False, True, False]))
    assert found.to_pylist() == [1.0, None, 3.0]
    assert found.null_count == 1


def test_reasons_name_the_target_by_its_column_in_the_file(tmp_path: Path) -> None:
    """Nobody who looks at the file finds the contract's own name in it."""
    contract = small_contract(target={"column": "Sale price (EUR)"})
    content = b"rooms,beds,people,town,Sale price (EUR)\n1,1,1,D,\n1,1,1,D,-1\n1,1,1,D,x\n1,1,1,D,7\n"
    layout = layout_of(content, contract.rules_to_train)
    rows, rejects, tally = read(content, contract, layout, tmp_path, block=1000, pieces=[len(content)])
    assert [row["price"] for row in rows] == [7.0]
    assert [reject["reason"] for reject in rejects] == [
        "Sale price (EUR) is missing",
        "Sale price (EUR) must be at least 0, is -1",
        "Sale price (EUR) must be a number, is 'x'",
    ]
    assert set(tally.reasons) == {f"Sale price (EUR): {kind}" for kind in ("missing", "below 0", "not a number")}
