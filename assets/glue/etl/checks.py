"""Checks of a file as a whole: what fails here is refused, with a sentence that says what to do."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contract import Contract
from etl.rows import Layout, split_fields
from etl.run import Refused

HEAD_BYTES = 65_536
LARGEST = 1e100  # of a value: the squares in a standard deviation stay within a double
_SHOWN = 10

_SIGNATURES = {
    b"\x1f\x8b": "a gzip archive; upload the uncompressed CSV",
    b"PK\x03\x04": "a zip archive or a spreadsheet; save it as CSV",
    b"PAR1": "a Parquet file; export it as CSV",
    codecs.BOM_UTF16_LE: "UTF-16 text; save it as UTF-8",
    codecs.BOM_UTF16_BE: "UTF-16 text; save it as UTF-8",
}


@dataclass(frozen=True)
class Tally:
    """`reasons` counts rejected rows by kind; `first_line` is where each kind occurs first."""

    read: int
    rejected: int
    reasons: Mapping[str, int]
    first_line: Mapping[str, int]


def check_model(model: str, contracts: Mapping[str, Contract], file: str) -> Contract:
    if model not in contracts:
        known = ", ".join(sorted(contracts)) or "none"
        raise Refused(f"{file}: there is no model {model}; upload below the folder of a known model ({known})")
    return contracts[model]


def layout_of(head: bytes, contract: Contract, file: str) -> Layout:
    """From the first HEAD_BYTES of a file. Raises Refused."""
    number, line, complete = _first_line(_text(head, file), file, truncated=len(head) >= HEAD_BYTES)
    if not complete:
        raise Refused(f"{file}: line {number} is longer than {HEAD_BYTES} bytes; the first line must name the columns")
    try:
        names = split_fields(line)
    except ValueError as error:
        raise Refused(f"{file}: line {number}, the header: {error}; write the column names, comma separated") from error
    _check_header(names, contract.columns, f"{file}: line {number}")
    positions = tuple(names.index(column) for column in contract.columns)
    ignored = tuple(name for name in names if name not in contract.columns)
    return Layout(header_line=number, width=len(names), positions=positions, ignored=ignored)


def check_rejects(tally: Tally, contract: Contract, file: str) -> None:
    if not tally.read:
        raise Refused(f"{file}: there is a header and no row below it; upload a file with data")
    limit = contract.quality.max_reject_share
    if tally.rejected <= limit * tally.read:
        return
    kind = min(tally.reasons, key=lambda item: (-tally.reasons[item], item))
    share = f"{tally.rejected / tally.read:.1%}, the limit is {limit:.1%}"
    raise Refused(
        f"{file}: {tally.rejected} of {tally.read} rows rejected ({share}); most often {kind} "
        f"({tally.reasons[kind]} rows, first on line {tally.first_line[kind]}). "
        "Every row and its reason stand in rejects/; correct the file and upload it again"
    )


def check_rows(sizes: Mapping[str, int], contract: Contract, file: str) -> None:
    """`sizes`: usable, distinct rows a split."""
    rows, needed = sum(sizes.values()), contract.quality.min_rows
    if rows < needed:
        raise Refused(f"{file}: {rows} usable rows; the model {contract.name} needs at least {needed}; upload more")
    for split, size in sizes.items():
        if not size:
            raise Refused(f"{file}: none of the {rows} usable rows fell into the {split} split; upload more rows")


def check_kept(rows: int, contract: Contract, file: str) -> None:
    """`rows`: train rows inside the fences."""
    if not rows:
        limits = f"the outlier factor {contract.outliers.factor:g} of {', '.join(contract.outliers.columns)}"
        raise Refused(f"{file}: every train row is an outlier by {limits}; upload more rows, or raise the factor")


def check_ranges(ranges: Mapping[str, Sequence[float]], file: str) -> None:
    """`ranges`: the least and the greatest value of derived features, among others."""
    for name, values in ranges.items():
        if any(abs(value) > LARGEST for value in values):
            raise Refused(
                f"{file}: the derived feature {name} exceeds {LARGEST:g}, which is too large to compute with; "
                "correct the columns it is derived from, or give them bounds in the contract"
            )


def _text(head: bytes, file: str) -> str:
    for signature, what in _SIGNATURES.items():
        if head.startswith(signature):
            raise Refused(f"{file}: not a CSV file but {what}")
    if b"\0" in head:
        raise Refused(f"{file}: a binary file (byte {head.index(0)} is zero); upload a CSV file in UTF-8")
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head, final=len(head) < HEAD_BYTES)
    except UnicodeDecodeError as error:
        line = head.count(b"\n", 0, error.start) + 1
        raise Refused(f"{file}: line {line} is not UTF-8 text (byte {error.start}); save the file as UTF-8") from error
    return text.removeprefix("\ufeff")


def _first_line(text: str, file: str, *, truncated: bool) -> tuple[int, str, bool]:
    """Number and text of the first line that is not blank, and whether its end was seen."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for index, line in enumerate(lines):
        if line.strip():
            return index + 1, line, not truncated or index < len(lines) - 1
    raise Refused(f"{file}: the file is empty; upload a CSV file with a header and rows")


def _check_header(names: Sequence[str], columns: Sequence[str], place: str) -> None:
    missing = [column for column in columns if column not in names]
    if missing == list(columns):
        # The line may be data, so it is not quoted here.
        separator = next((mark for mark in ";\t|" if mark in "".join(names)), None)
        hint = f"; separate fields by commas, not by {separator!r}" if separator else ""
        raise Refused(f"{place} names none of the columns; it must be a header with {', '.join(columns)}{hint}")
    if missing:
        unknown = [name for name in names if name not in columns]
        hint = f"; not known: {', '.join(unknown[:_SHOWN])}" if unknown else ""
        raise Refused(f"{place}, the header, lacks {', '.join(missing)}; add what is missing{hint}")
    twice = [column for column in columns if names.count(column) > 1]
    if twice:
        raise Refused(f"{place}, the header, names {', '.join(twice)} twice; keep one of each")
