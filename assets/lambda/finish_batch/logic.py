"""How a batch ended: rows counted in its predictions, or why there are none."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from contract import PREDICTION_ERROR

_OUTPUT = re.compile(r"s3://[^/]+/(?P<folder>[a-z0-9_]+/batch/[0-9a-f]+)/output")
SHOWN = 10
# The file that a transform makes of input/rows.csv.
PREDICTIONS = "output/rows.csv.out"


class NotPredictionsError(Exception):
    """An output that is not the answer of a model in batch mode."""


@dataclass(frozen=True)
class Tally:
    """`errors`: the first bad rows with the number of their line in the predictions, where the header is line 1."""

    rows: int
    bad_rows: int
    errors: tuple[dict[str, Any], ...]


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


def tally_of(lines: Iterable[bytes]) -> Tally:
    """Of a predictions file, where each row is a line and its last field is the reason why it was not predicted.

    Raises NotPredictionsError.
    """
    rows = bad = 0
    errors: list[dict[str, Any]] = []
    header = None
    for number, line in enumerate(lines, start=1):
        if header is None:
            header = line
            if not line.rstrip(b"\r").endswith(f",{PREDICTION_ERROR}".encode()):
                raise NotPredictionsError(
                    "The model does not answer as a batch. Train again, and approve that version."
                )
        if line in (b"", header):
            continue
        rows += 1
        if line.endswith(b","):
            continue
        bad += 1
        if len(errors) < SHOWN:
            (fields,) = csv.reader([line.decode()])
            errors.append({"line": number, "reason": fields[-1]})
    return Tally(rows, bad, tuple(errors))
