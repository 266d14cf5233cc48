"""What writers of weight files are given: layer by layer, arrays that are decoded when their turn has come."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import msgspec

from transpiler.ir import LazyArray
from transpiler.ir.types import DType

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[Any, np.dtype[Any]]

_NUMPY: Final = {
    DType.FLOAT16: "<f2",
    DType.FLOAT32: "<f4",
    DType.FLOAT64: "<f8",
    DType.INT8: "|i1",
    DType.INT16: "<i2",
    DType.INT32: "<i4",
    DType.INT64: "<i8",
    DType.UINT8: "|u1",
}
_PIECE: Final = 1 << 20
"""Bytes that are made ready for writing at a time."""


class LayerArrays(msgspec.Struct, frozen=True, eq=False):
    """One layer's learned arrays in its framework's own order.

    `path` is the layer's name, inside nested models behind theirs (`encoder/dense_1`); `type` its native type.
    """

    path: str
    type: str
    arrays: tuple[LazyArray, ...]


def numpy_dtype(array: LazyArray) -> np.dtype[Any]:
    """How an array's elements are stored. Raises ValueError for those that no weight file holds."""
    import numpy as np

    if array.dtype not in _NUMPY:
        raise ValueError(f"elements of the type {array.dtype} cannot be written")
    return np.dtype(_NUMPY[array.dtype])


def byte_count(array: LazyArray) -> int:
    """How many bytes an array's elements take."""
    return math.prod(array.shape) * numpy_dtype(array).itemsize


def decoded(array: LazyArray) -> Numbers:
    """The elements. Raises ValueError when they are not what was announced."""
    numbers = array.load()
    if numbers.shape != array.shape or numbers.dtype != numpy_dtype(array).newbyteorder("="):
        raise ValueError(
            f"an array was announced as {array.dtype} {list(array.shape)}, "
            f"but is {numbers.dtype} {list(numbers.shape)}"
        )
    return numbers


def pieces(numbers: Numbers, dtype: np.dtype[Any]) -> Iterator[Numbers]:
    """The elements in row-major order, as flat arrays of a moderate size: no second copy of the whole is made."""
    if numbers.flags.c_contiguous:
        flat = numbers.reshape(-1)
        step = max(_PIECE // flat.itemsize, 1)
        for start in range(0, flat.size, step):
            yield flat[start : start + step].astype(dtype, copy=False)
        return
    row = math.prod(numbers.shape[1:]) * numbers.itemsize
    step = _PIECE // row if row else len(numbers)
    if step == 0:
        for part in numbers:
            yield from pieces(part, dtype)
        return
    for start in range(0, len(numbers), step):
        yield numbers[start : start + step].reshape(-1).astype(dtype, copy=False)


def regions(numbers: Numbers) -> Iterator[tuple[tuple[slice | int, ...], Numbers]]:
    """Parts of an array that together are the whole, and where each lies; none needs a large copy to be written."""
    if numbers.flags.c_contiguous or numbers.nbytes <= _PIECE:
        yield (), numbers
        return
    row = math.prod(numbers.shape[1:]) * numbers.itemsize
    step = _PIECE // row
    if step == 0:
        for i, part in enumerate(numbers):
            for place, inside in regions(part):
                yield (i, *place), inside
        return
    for start in range(0, len(numbers), step):
        yield (slice(start, start + step),), numbers[start : start + step]
