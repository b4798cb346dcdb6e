"""How a batch ended: rows counted in its predictions, or why there are none."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from contract import PREDICTION_ERROR, Contract, FileRefusal, other_columns
from contract.reading import LONGEST_RECORD, FileError, Layout, fields_of

_OUTPUT = re.compile(r"s3://[^/]+/(?P<folder>[a-z0-9_]+/batch/[0-9a-f]+)/output")
# A row that is none stands in one field, with bytes that are no text as their codes.
csv.field_size_limit(4 * LONGEST_RECORD)
SHOWN = 10
REASONS = 3
# The file that a transform makes of input/rows.csv.
PREDICTIONS = "output/rows.csv.out"
# What differs between rows that are bad for the same reason: the value, and numbers in the words.
_VALUE = re.compile(r",? is (?:'|-?[\d.]).*", re.DOTALL)
_NUMBER = re.compile(r"\b\d[\d,.]*\b")


class NotPredictionsError(Exception):
    """An output that is not the answer of a model in batch mode."""


class RefusedError(Exception):
    """An output that says why the model predicts nothing of the file."""

    def __init__(self, refusal: FileRefusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


@dataclass(frozen=True)
class Tally:
    """`errors`: the first bad rows with their line in the uploaded file, where the first line is line 1.

    `reasons`: the most frequent ones with how many rows have them, and the first of those rows.
    """

    rows: int
    bad_rows: int
    errors: tuple[dict[str, Any], ...]
    reasons: tuple[dict[str, Any], ...]


@dataclass
class Places:
    """Lines of rows in the uploaded file, which are asked for in order.

    `steps`: "ROWS LINES", as start_batch noted them; without any, row n is on line n + `first`.
    """

    steps: Iterable[bytes] = ()
    first: int = 1
    _row: int = 0
    _next: tuple[int, int] | None = None
    _left: Iterator[bytes] | None = field(default=None, repr=False)
    _shift: int = 1

    def line_of(self, row: int) -> int:
        if self._left is None:
            self._left, self._shift = iter(self.steps), self.first
            self._advance()
        while self._next is not None and self._next[0] <= row:
            self._row, self._shift = self._next
            self._advance()
        return row + self._shift

    def _advance(self) -> None:
        step = next(self._left or iter(()), None)
        rows, more = map(int, step.split()) if step else (0, 0)
        self._next = (self._row + rows, self._shift + more) if step else None


def folder_of(job: dict[str, Any]) -> str | None:
    """The batch's folder in the artifact bucket; None for a transform job that is no batch of ours."""
    match = _OUTPUT.fullmatch(job["TransformOutput"]["S3OutputPath"])
    return match["folder"] if match else None


def lines_of(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines of a file that comes in pieces, without their ends. A carriage return ends none: it may be within a row."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
    yield rest


def records_of(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Records of a CSV file whose quotes are right: one goes on while a quote is open."""
    waiting: list[bytes] = []
    for line in lines:
        opens = bool(line.count(b'"') & 1)
        if opens or waiting:
            waiting.append(line)
        if opens and len(waiting) == 1:
            continue
        if not waiting:
            yield line
        elif opens:
            yield b"\n".join(waiting)
            waiting.clear()
    if waiting:
        yield b"\n".join(waiting)


def tally_of(records: Iterable[bytes], *, delimiter: str = ",", places: Places | None = None) -> Tally:
    """Of a predictions file, where the last field of each row is the reason why it was not predicted.

    Raises NotPredictionsError, RefusedError.
    """
    places = places or Places()
    rows = bad = blank = 0
    errors: list[dict[str, Any]] = []
    kinds: dict[str, dict[str, Any]] = {}
    good = delimiter.encode()
    header = None
    for record in records:
        if header is None:
            header = record
            if not record.rstrip(b"\r").endswith(f"{delimiter}{PREDICTION_ERROR}".encode()):
                if refusal := FileRefusal.read(record.decode("utf-8", "replace")):
                    raise RefusedError(refusal)
                raise NotPredictionsError(
                    "The model does not answer as a batch, or not for a file like this one. "
                    "Train again, and approve that version."
                )
        if not record:  # a blank row of a Parquet file
            blank += 1
            continue
        if record == header:
            continue
        rows += 1
        if record.endswith(good):
            continue
        bad += 1
        reason = fields_of(record.decode(), delimiter)[-1]
        found = kinds.get(kind_of(reason))
        if found is None:
            found = {"count": 0, "line": places.line_of(rows + blank), "reason": reason}
            kinds[kind_of(reason)] = found
        found["count"] += 1
        if len(errors) < SHOWN:
            errors.append({"line": places.line_of(rows + blank), "reason": reason})
    first = sorted(kinds.values(), key=lambda item: -item["count"])[:REASONS]
    return Tally(rows, bad, tuple(errors), tuple(first))


def kind_of(reason: str) -> str:
    """What a reason has in common with those of other rows: the first thing that is wrong, without the value."""
    return _NUMBER.sub("#", _VALUE.sub("", reason, count=1))


def reason_of(refusal: FileRefusal, *, model: str, version: int, deployed: Contract | None) -> str:
    """`deployed`: the contract of the versions to come, None for a model that is deployed no more."""
    if not refusal.names:
        return refusal.reason
    reads = deployed is not None and _reads(deployed, refusal.names)
    return other_columns(model, version, refusal.reason, deployed_reads_it=reads)


def _reads(contract: Contract, names: Sequence[str]) -> bool:
    try:
        Layout.of_names(names, contract.rules_to_predict, header_line=0)
    except FileError:
        return False
    return True
