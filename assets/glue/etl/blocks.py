"""A file's bytes in blocks that end with a line, as UTF-8 where they are text."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from typing import AnyStr

from contract.reading import Layout, is_unreadable, texts, unpacked

BLOCK_BYTES = 4 << 20


def blocks(pieces: Iterable[bytes], layout: Layout, size: int = BLOCK_BYTES) -> Iterator[bytes | str]:
    """Bytes are UTF-8, or what a file in UTF-8 has instead. Text is of a file in another encoding that is unreadable.

    A block ends within a line only where `size` bytes hold no line feed. Raises FileError for a broken archive.
    """
    if codecs.lookup(layout.encoding).name == "utf-8":
        plain = unpacked(pieces) if layout.compression == "gzip" else pieces
        yield from _without_mark(_cut(plain, b"\n", size))
        return
    decoded = texts(pieces, encoding=layout.encoding, compression=layout.compression)
    for text in _cut(decoded, "\n", size):
        yield text if is_unreadable(text, layout.encoding) else text.encode()


def _cut(pieces: Iterable[AnyStr], end: AnyStr, size: int) -> Iterator[AnyStr]:
    empty = end[:0]
    held: list[AnyStr] = []
    for piece in pieces:
        held.append(piece)
        if sum(map(len, held)) >= size:
            joined = empty.join(held)
            cut = joined.rfind(end) + 1 or len(joined)
            yield joined[:cut]
            held = [joined[cut:]]
    if rest := empty.join(held):
        yield rest


def _without_mark(found: Iterator[bytes]) -> Iterator[bytes]:
    for number, block in enumerate(found):
        yield block if number else block.removeprefix(codecs.BOM_UTF8)
