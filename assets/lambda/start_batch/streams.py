"""A file on its way: chunks of what is read, and pieces of what is written as a file that boto3 can upload."""

from __future__ import annotations

import io
import time
from collections.abc import Iterable, Iterator
from typing import Any

from contract import FileError

CHUNK_BYTES = 1 << 19


def chunks_until(body: Any, until: float) -> Iterator[bytes]:
    """Of a body of S3. Raises FileError when it is not read at `until` on the monotonic clock."""
    for chunk in body.iter_chunks(CHUNK_BYTES):
        if time.monotonic() > until:
            raise FileError(
                "it takes too long to be rewritten, as many of its rows stand on several lines; split the file"
            )
        yield chunk


class Stream(io.RawIOBase):
    """Pieces one behind the other, read once."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        super().__init__()
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")

    @classmethod
    def of(cls, pieces: Iterable[bytes]) -> io.BufferedReader:
        return io.BufferedReader(cls(pieces))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        target = memoryview(buffer).cast("B")
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
