"""Bytes of a file to text: compression, byte order marks, and what is neither text nor a table."""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from contract.reading.header import FileError

GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"
_HEAD_CHARACTERS = 65_536
# A small archive may hold a large file: it is unpacked in steps of at most this many bytes.
_STEP_BYTES = 1 << 20
_UNREADABLE_BYTE = re.compile("[\udc80-\udcff]")

# Longest first: the mark of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_FOREIGN = (
    (codecs.BOM_UTF32_LE, "UTF-32 text; save it as UTF-8"),
    (b"PK\x03\x04", "a zip archive or a spreadsheet; save it as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet; save it as CSV"),
    (b"BZh", "a bzip2 archive; upload the uncompressed CSV, or gzip it"),
    (b"\x28\xb5\x2f\xfd", "a zstandard archive; upload the uncompressed CSV, or gzip it"),
    (b"\xfd7zXZ", "an xz archive; upload the uncompressed CSV, or gzip it"),
    (b"%PDF", "a PDF; export the table as CSV"),
)


@dataclass(frozen=True)
class HeadText:
    """`complete`: the whole file is in `text`."""

    text: str
    encoding: str
    compression: str
    complete: bool


def decoded_head(head: bytes, declared: str | None, *, complete: bool) -> HeadText:
    """The text at the beginning of a file. Raises FileError for what is no CSV text."""
    compression = "none"
    if head.startswith(GZIP):
        head, complete = _unpacked_head(head, complete=complete)
        compression = "gzip"
    for mark, what in _FOREIGN:
        if head.startswith(mark):
            raise FileError(f"not a CSV file but {what}")
    encoding = encoding_of(head, declared)
    if not encoding.startswith("utf-16") and b"\0" in head:
        raise FileError(f"a binary file (byte {head.index(0)} is zero); upload a CSV file")
    decoder = codecs.getincrementaldecoder(encoding)(errors_of(encoding))
    text = decoder.decode(head, final=complete).removeprefix("\ufeff")
    if not complete and len(text) > _HEAD_CHARACTERS:
        text = text[:_HEAD_CHARACTERS]
    return HeadText(text, encoding, compression, complete)


def encoding_of(head: bytes, declared: str | None) -> str:
    """By the byte order mark; without one UTF-8 where the bytes are that, else what the contract declares."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    start = head[:200]
    if len(start) >= 4 and any(start):
        if not any(start[1::2]):
            return "utf-16-le"
        if not any(start[0::2]):
            return "utf-16-be"
    if declared is None:
        return "utf-8"
    try:
        # The last character may be cut.
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return declared
    return declared if text.isascii() else "utf-8"


def errors_of(encoding: str) -> str:
    """Bytes that are no text stay what they are, where an encoding has bytes of its own for each character."""
    return "replace" if encoding.startswith("utf-16") else "surrogateescape"


def is_unreadable(text: str, encoding: str) -> bool:
    """Whether bytes of `text` were no text in the file's encoding."""
    if text.isascii():
        return False
    if encoding.startswith("utf-16"):
        return "\ufffd" in text
    return _UNREADABLE_BYTE.search(text) is not None


def texts(pieces: Iterable[bytes], *, encoding: str, compression: str) -> Iterator[str]:
    """Pieces of a file's bytes to pieces of its text of bounded size, without a byte order mark. Raises FileError."""
    decoder = codecs.getincrementaldecoder(encoding)(errors_of(encoding))
    first = True
    for piece in unpacked(pieces) if compression == "gzip" else pieces:
        text = decoder.decode(piece)
        if text and first:
            text, first = text.removeprefix("\ufeff"), False
        yield from (text[start : start + _STEP_BYTES] for start in range(0, len(text), _STEP_BYTES))
    if rest := decoder.decode(b"", final=True):
        yield rest


def unpacked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """A gzip file, which may have several members, in pieces of bounded size. Raises FileError for a broken one."""
    unpacker = zlib.decompressobj(wbits=31)
    within = False
    for piece in pieces:
        data = piece
        while data:
            if not within:
                data = data.lstrip(b"\0")  # padding between members
                if not data:
                    break
                unpacker, within = zlib.decompressobj(wbits=31), True
            try:
                found = unpacker.decompress(data, _STEP_BYTES)
            except zlib.error as error:
                raise FileError(f"a gzip archive that is broken ({error}); upload it again") from error
            if found:
                yield found
            within = not unpacker.eof
            data = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
    if within:
        raise FileError("a gzip archive that ends too early; upload it again")


def _unpacked_head(head: bytes, *, complete: bool) -> tuple[bytes, bool]:
    """The beginning of what is packed, and whether it is all of it."""
    found = bytearray()
    try:
        for piece in unpacked([head]):
            found += piece
            if len(found) > _STEP_BYTES:
                return bytes(found), False
    except FileError:
        if complete or not found:
            raise
        return bytes(found), False
    return bytes(found), complete
