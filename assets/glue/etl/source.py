"""The uploaded version, opened: how it is written, and the texts of its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from contract.reading import HEAD_BYTES, PARQUET, FileRules, Layout, layout_of
from etl import parquet
from etl.run import Source
from etl.store import Store
from etl.texts import Splitter, Texts


@dataclass(frozen=True)
class Opened:
    """`comments`: how many lines were comments, once all texts are read."""

    layout: Layout
    texts: Callable[[], Iterator[Texts]]
    comments: Callable[[], int]


def opened(store: Store, source: Source, rules: FileRules, folder: Path) -> Opened:
    """`folder`: on the local disk, for what cannot be read from its beginning to its end. Raises FileError, Refused."""
    head = store.head(source, HEAD_BYTES)
    if head.startswith(PARQUET):
        path = folder / "source.parquet"
        store.download(source, path)
        file = parquet.opened(path)
        layout = parquet.layout_of(file, rules)
        return Opened(layout, lambda: parquet.texts_of(file, rules, layout), lambda: 0)
    layout = layout_of(head, rules)
    splitter = Splitter(rules, layout)
    return Opened(layout, lambda: splitter.split(store.pieces(source)), lambda: splitter.comments)
