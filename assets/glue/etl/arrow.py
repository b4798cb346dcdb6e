"""Arrow arrays out of numpy and Python values. pyarrow.array() would do it too, and imports pandas: half a second."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Doubles = NDArray[np.float64]
Places = NDArray[np.int32]


def strings(values: Sequence[str]) -> pa.StringArray:
    encoded = [value.encode() for value in values]
    offsets = np.zeros(len(encoded) + 1, np.int32)
    np.cumsum(np.fromiter(map(len, encoded), np.int32, len(encoded)), out=offsets[1:])
    return pa.StringArray.from_buffers(len(encoded), pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded)))


def doubles(values: Doubles, missing: Bools | None = None) -> pa.DoubleArray:
    """Null where `missing`."""
    return _fixed(pa.float64(), np.ascontiguousarray(values, np.float64), missing)


def integers(values: NDArray[np.int64]) -> pa.Int64Array:
    return _fixed(pa.int64(), np.ascontiguousarray(values, np.int64), None)


def coded(places: Places, words: pa.StringArray) -> pa.DictionaryArray:
    """`words[place]` for each of the places; null for a negative one."""
    codes = _fixed(pa.int32(), np.ascontiguousarray(np.maximum(places, 0)), places < 0)
    return pa.DictionaryArray.from_arrays(codes, words)


def hexadecimal(digests: Sequence[bytes]) -> pa.StringArray:
    """Digests of 16 bytes as texts."""
    offsets = np.arange(len(digests) + 1, dtype=np.int32) * 32
    text = b"".join(digests).hex().encode()
    return pa.StringArray.from_buffers(len(digests), pa.py_buffer(offsets), pa.py_buffer(text))


def places_of(codes: pa.Int32Array) -> Places:
    """The values of an array without nulls."""
    return _numbers(codes, np.int32)


def doubles_of(array: pa.DoubleArray) -> Doubles:
    """The same for doubles."""
    return _numbers(array, np.float64)


def _fixed(kind: pa.DataType, values: NDArray[np.generic], missing: Bools | None) -> pa.Array:
    valid = None
    if missing is not None and missing.any():
        valid = pa.py_buffer(np.packbits(~missing, bitorder="little"))
    return pa.Array.from_buffers(kind, len(values), [valid, pa.py_buffer(values)])


def _numbers(array: pa.Array, kind: type[np.generic]) -> NDArray[Any]:
    if not len(array):
        return np.zeros(0, kind)
    return np.frombuffer(array.buffers()[1], kind)[array.offset : array.offset + len(array)]
