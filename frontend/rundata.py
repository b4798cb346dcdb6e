"""What the REST API answers about the rows of a run, as frozen dataclasses."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

from frontend.answers import Json


@dataclass(frozen=True)
class Books:
    """Where the rows went that were read. `frequent`: the most frequent reasons of rejected ones."""

    sentence: str
    frequent: tuple[str, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, document: Json) -> Books:
        return cls(
            sentence=str(document["sentence"]),
            frequent=tuple(map(str, document.get("frequent") or ())),
            notes=tuple(map(str, document.get("notes") or ())),
            warnings=tuple(map(str, document.get("warnings") or ())),
        )


@dataclass(frozen=True)
class Reject:
    line: int
    reason: str
    row: str


@dataclass(frozen=True)
class Rejects:
    """Rejected rows in the order of the file. `more`: there are others below them."""

    items: tuple[Reject, ...]
    more: bool

    @classmethod
    def of(cls, document: Json) -> Rejects:
        items = (Reject(int(item["line"]), str(item["reason"]), str(item["row"])) for item in document["rejects"])
        return cls(tuple(items), more=document.get("after") is not None)

    @property
    def csv(self) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([("line", "reason", "row"), *((item.line, item.reason, item.row) for item in self.items)])
        return text.getvalue().encode()


@dataclass(frozen=True)
class DataFile:
    """A Parquet file; the address is signed and good for minutes."""

    name: str
    url: str


@dataclass(frozen=True)
class DataFiles:
    """The rows of one side as they were in the file. `splits`: the sides whose rows are kept so."""

    split: str
    rows: int
    splits: tuple[str, ...]
    files: tuple[DataFile, ...]

    @classmethod
    def of(cls, document: Json) -> DataFiles:
        return cls(
            split=str(document["split"]),
            rows=int(document["rows"]),
            splits=tuple(map(str, document["splits"])),
            files=tuple(DataFile(str(item["name"]), str(item["url"])) for item in document["files"]),
        )
