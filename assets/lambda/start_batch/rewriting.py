"""A data file as a transform can split it: one record a line, in UTF-8, without blank rows and comments.

Text that is plain goes through in whole blocks. What is not is read record by record, as training reads it.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator

from contract.reading import (
    ESCAPE,
    LONGEST_RECORD,
    FileError,
    Layout,
    Record,
    RecordReader,
    is_unreadable,
    on_one_line,
    quoted,
    texts,
)

# Characters that are not worth to be looked at in halves.
SMALL = 4096


class TooLargeError(FileError):
    """A file that is small only while it is packed."""


class Renumbering:
    """Where rows stand in the uploaded file, as far as row n is not on line n + 1: packed steps, one a line.

    A step is "ROWS LINES": so many rows after the step before it, the line is so many lines more than it would be.
    """

    def __init__(self) -> None:
        self._packer = zlib.compressobj(wbits=31)
        self._packed = bytearray()
        self._row, self._shift = 0, 1
        self.empty = True

    def note(self, row: int, line: int) -> None:
        """`row` counts from 1. Rows come in order."""
        shift = line - row
        if shift == self._shift:
            return
        self._packed += self._packer.compress(b"%d %d\n" % (row - self._row, shift - self._shift))
        self._row, self._shift, self.empty = row, shift, False

    def packed(self) -> bytes:
        return bytes(self._packed + self._packer.flush())


class Rewriter:
    """Of one file. Counts while `pieces` is read.

    `rows`: without the header. `unreadable`: rows with such bytes in a column that nobody reads.
    """

    def __init__(self, layout: Layout, *, limit: int) -> None:
        self._layout, self._limit = layout, limit
        self._reader = RecordReader(layout.delimiter, width=layout.width)
        self._names = list(layout.names)
        self._plain = Plain(layout)
        self._used = set(layout.positions.values())
        self._begun = False
        self.rows = 0
        self.unreadable = 0
        self.first_unreadable = ""
        self.lines = Renumbering()

    def pieces(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The file anew. Raises FileError for an archive that is broken, and for one that is too large."""
        size = 0
        layout = self._layout
        for text in texts(chunks, encoding=layout.encoding, compression=layout.compression):
            piece = self._piece(text).encode()
            size += len(piece)
            if size > self._limit:
                raise TooLargeError(f"it has more than {self._limit:,} bytes when it is unpacked; split it")
            yield piece
        yield self._lines(self._reader.feed("", final=True)).encode()

    @property
    def warnings(self) -> list[str]:
        if not self.unreadable:
            return []
        times = "one row has" if self.unreadable == 1 else f"{self.unreadable:,} rows have"
        encoding = self._layout.encoding.upper()
        return [
            f"{times} bytes that are no {encoding} text in a column that is not used, first {self.first_unreadable}"
        ]

    def _piece(self, text: str) -> str:
        block = self._reader.pending + text
        end = block.rfind("\n") + 1
        if not (self._begun and end and self._plain.is_plain(block[:end])):
            # What is not plain may be a single row: the text around it is.
            half = text.find("\n", len(text) // 2) + 1
            if len(text) > SMALL and 0 < half < len(text):
                return self._piece(text[:half]) + self._piece(text[half:])
            return self._lines(self._reader.feed(text))
        count = block.count("\n", 0, end)
        self.lines.note(self.rows + 1, self._reader.line)
        self._reader.skip(count, block[end:])
        self.rows += count
        return block[:end]

    def _lines(self, records: Iterable[Record]) -> str:
        return "".join(f"{self._line(record)}\n" for record in records if record.line >= self._layout.header_line)

    def _line(self, record: Record) -> str:
        if not self._begun:
            self._begun = True
            return on_one_line(record.text)
        self.rows += 1
        self.lines.note(self.rows, record.line)
        if is_unreadable(record.text, self._layout.encoding):
            self._note_unreadable(record)
        if record.fields == self._names:
            return on_one_line(record.text, "the header stands here again")
        return on_one_line(record.text, record.problem)

    def _note_unreadable(self, record: Record) -> None:
        if record.fields is None or len(record.fields) != self._layout.width:
            return
        for position, text in enumerate(record.fields):
            if position not in self._used and is_unreadable(text, self._layout.encoding):
                self.unreadable += 1
                place = f"line {record.line}, {quoted(self._names[position])[1:-1]}"
                self.first_unreadable = self.first_unreadable or place
                return


class Plain:
    """Tells whole lines that are one row each, and stay as they are."""

    def __init__(self, layout: Layout) -> None:
        self._encoding = layout.encoding
        # Any other printable character makes a line neither blank nor a comment.
        printable = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in (layout.delimiter, "#", '"'))
        mark = re.escape(layout.delimiter)
        field = rf'(?:"[^"\n]*+(?:""[^"\n]*+)*+"|[^"\n{mark}]*+)'
        self._quoted = re.compile(rf"(?:{field}(?:{mark}{field})*+\r?\n)*+")
        self._nothing = re.compile(rf"\n[^\n{re.escape(printable)}]*[\n#]")
        # A header that stands there again holds it. One that is short may hold for rows too, which are only slower.
        self._name = max(layout.names, key=len)

    def is_plain(self, block: str) -> bool:
        """`block` ends with a line feed."""
        return not (
            ESCAPE in block
            or self._name in block
            or block.count("\r") != block.count("\r\n")
            or self._nothing.search("\n" + block)
            or is_unreadable(block, self._encoding)
            or ('"' in block and not self._quoted.fullmatch(block))
            or (len(block) > LONGEST_RECORD and max(map(len, block.split("\n"))) > LONGEST_RECORD)
        )
