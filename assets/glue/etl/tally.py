"""What was read, and what was not: rejected rows as JSON lines, counted by kind, with an example of each."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from contract.reading import Row, quoted


class Tally:
    """`reasons`: rejected rows by kind. `examples`: the first one of each. `comments`: lines that are no rows.

    `unreadable`: rows with bytes that are no text in a column that is not used. `complete`: the file was read to its
    end. `replaced` and `dropped`: of the rows that are none of the rejected ones, once they are counted.
    """

    def __init__(self, path: Path) -> None:
        """`path`: where the rejected rows are written."""
        self.path = path
        self.read = self.rejected = self.comments = self.unreadable = 0
        self.replaced = self.dropped = 0
        self.complete = False
        self.reasons: Counter[str] = Counter()
        self.examples: dict[str, str] = {}
        self._first: tuple[int, str] = (0, "")

    def add_rows(self, rows: int) -> None:
        self.read += rows

    def add_rejects(self, rows: list[Row]) -> None:
        """In the order of the file."""
        self.read += len(rows)
        self.rejected += len(rows)
        for row in rows:
            kind = row.kind or ""
            self.reasons[kind] += 1
            if kind not in self.examples:
                self.examples[kind] = _example(row)
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(map(_json_line, rows))

    def add_unreadable(self, rows: list[Row]) -> None:
        if rows and not self.unreadable:
            self._first = (rows[0].line, rows[0].unreadable or "")
        self.unreadable += len(rows)

    def warnings(self) -> list[str]:
        if not self.unreadable:
            return []
        line, column = self._first
        rows = "1 row has" if self.unreadable == 1 else f"{self.unreadable} rows have"
        return [
            f"{rows} bytes that are no text in a column that is not used; the first is {quoted(column)} on line {line}"
        ]


def _example(row: Row) -> str:
    name, found = next(iter(row.findings.items()))
    return f"line {row.line}: {name} {found.reason}" if name else f"line {row.line}: {found.reason}"


def _json_line(row: Row) -> str:
    text = row.text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return json.dumps({"line": row.line, "reason": row.reason, "row": text}) + "\n"
