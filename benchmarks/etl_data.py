"""Files for the ETL: as many rows as wanted, like those of the data file, no two equal, one in a hundred bad."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

_SOME = 50_000


def write(data: Path, path: Path, rows: int, *, words: Sequence[str] = (), seed: int = 7) -> None:
    """Numbers are moved a little, and missing ones stay missing. Every 100th row has a word for a number.

    `words` stand in the place of those of the data file.
    """
    with data.open(newline="") as file:
        header, *known = csv.reader(file)
    rng = np.random.default_rng(seed)
    columns = list(zip(*known, strict=True))
    numbers = [_numbers(column) for column in columns]
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for start in range(0, rows, _SOME):
            chosen = rng.integers(0, len(known), min(_SOME, rows - start))
            writer.writerows(_rows(columns, numbers, chosen, rng, start, words))


def _rows(
    columns: Sequence[Sequence[str]],
    numbers: Sequence[Numbers | None],
    chosen: NDArray[np.int64],
    rng: np.random.Generator,
    start: int,
    words: Sequence[str],
) -> Iterator[tuple[str, ...]]:
    texts = [_texts(column, values, chosen, rng, words) for column, values in zip(columns, numbers, strict=True)]
    for place, row in enumerate(zip(*texts, strict=True), start):
        yield row if place % 100 else ("unknown", *row[1:])


def _texts(
    column: Sequence[str],
    values: Numbers | None,
    chosen: NDArray[np.int64],
    rng: np.random.Generator,
    words: Sequence[str],
) -> list[str]:
    if values is None and words:
        return [words[place] for place in rng.integers(0, len(words), len(chosen)).tolist()]
    if values is None:
        return [column[place] for place in chosen.tolist()]
    moved = values[chosen] * (1 + rng.uniform(-0.004, 0.004, len(chosen)))
    digits = 4 if np.nanmax(np.abs(values)) < 1000 else 0
    return ["" if number != number else f"{number:.{digits}f}" for number in moved.tolist()]  # noqa: PLR0124 - NaN


def _numbers(column: Sequence[str]) -> Numbers | None:
    """NaN for what is missing; None for a column of words."""
    try:
        return np.array([float(text) if text else np.nan for text in column])
    except ValueError:
        return None
