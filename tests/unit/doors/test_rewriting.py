"""A rewritten file holds the records of the file, in its order, whether they went through in blocks or one by one."""

from __future__ import annotations

import gzip
import random

import pytest

from contract import FileError
from contract.reading import GZIP, layout_of, records, restored
from tests.unit.doors.doors import functions
from tests.unit.doors.hostile import CONTRACT, file


def large(seed: int) -> bytes:
    """The lines of a hostile file among thousands that are alike."""
    draw = random.Random(seed)
    content = file(seed)
    header, *lines = (gzip.decompress(content) if content.startswith(GZIP) else content).split(b"\n")
    parts = []
    for _ in range(6):
        parts += [draw.choice(lines or [b""])] * draw.randrange(3000)
        parts += lines if draw.random() < 0.7 else []
    return b"\n".join([header, *parts])


@pytest.mark.parametrize("seed", range(40))
def test_records_and_their_lines_stay(seed: int) -> None:
    content, (start, finish) = large(seed), functions()
    try:
        layout = layout_of(content[:65_536], CONTRACT.rules_to_predict)
    except FileError:
        pytest.skip("This file is refused.")
    rewriter = start.rewriting.Rewriter(layout, limit=1 << 30)
    step = random.Random(seed).choice([5_000, 70_000, 1 << 19])
    pieces = rewriter.pieces(content[at : at + step] for at in range(0, len(content), step))
    lines = b"".join(pieces).decode("utf-8", "surrogateescape").split("\n")[1:]
    found = [restored(line.rstrip("\r")) for line in lines if line]
    expected = list(records([content], layout))
    assert [item.text for item in found] == [record.text for record in expected]
    known = list(layout.names)
    assert [bool(item.problem) for item in found] == [not r.fields or r.fields == known for r in expected]
    places = finish.logic.Places(gzip.decompress(rewriter.lines.packed()).splitlines())
    assert [places.line_of(number) for number in range(1, len(expected) + 1)] == [record.line for record in expected]


def test_one_long_row_that_is_not_plain_is_a_row() -> None:
    start, _ = functions()
    content = f'Price (kEUR),rooms,town,note\n1,2,A,"{"x" * 20_000}\ny"\n1,2,A,"{"z" * 20_000}\x1b"\n'.encode()
    rewriter = start.rewriting.Rewriter(layout_of(content, CONTRACT.rules_to_predict), limit=1 << 30)
    lines = b"".join(rewriter.pieces([content])).decode().splitlines()
    assert [len(line) for line in lines[1:]] == [20_011, 20_010]
    assert rewriter.rows == 2


def test_blocks_go_through_as_they_are() -> None:
    """The same bytes, and not record by record: a file of 5 GB has to be rewritten within a function's time."""
    start, _ = functions()
    row = b'1,2,A,x,"a, ""b""",\xc3\xa9\r\n'
    content = b"Price (kEUR),rooms,town,kind of; flat,note,more\n" + row * 60_000
    rewriter = start.rewriting.Rewriter(layout_of(content[:65_536], CONTRACT.rules_to_predict), limit=1 << 30)
    fed: list[int] = []
    feed = rewriter._reader.feed
    rewriter._reader.feed = lambda text, **more: fed.append(len(text)) or feed(text, **more)
    pieces = rewriter.pieces(content[at : at + (1 << 19)] for at in range(0, len(content), 1 << 19))
    assert b"".join(pieces).replace(b"\r", b"") == content.replace(b"\r", b"")
    assert rewriter.rows == 60_000
    # The first piece tells the header.
    assert sum(fed) <= 1 << 19
