"""HDF5's words for shapes and element types."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import msgspec

from transpiler.ir.types import DType
from transpiler.weights.file_bytes import Cursor
from transpiler.weights.hdf5_headers import REPACK
from transpiler.weights.unreadable import damaged, hostile, unsupported

if TYPE_CHECKING:
    import numpy as np

_MAX_ELEMENTS: Final = 1 << 48
MAX_RANK: Final = 32

_NUMBERS: Final = {
    "f2": DType.FLOAT16,
    "f4": DType.FLOAT32,
    "f8": DType.FLOAT64,
    "i1": DType.INT8,
    "i2": DType.INT16,
    "i4": DType.INT32,
    "i8": DType.INT64,
    "u1": DType.UINT8,
}
_FLOATS: Final = {(2, 10, 5): "f2", (4, 23, 8): "f4", (8, 52, 11): "f8"}
_CLASSES: Final = (
    "numbers", "floating-point numbers", "times", "texts", "bit fields", "opaque bytes", "records", "references",
    "enumerated values", "lists of varying length", "arrays",
)  # fmt: skip


def read_shape(cursor: Cursor, length_size: int) -> tuple[int, ...] | None:
    """The shape that a dataspace message says; None for one that holds nothing at all."""
    version, rank, flags = cursor.number(1), cursor.number(1), cursor.number(1)
    if version == 1:
        cursor.skip(5)
        is_null = False
    elif version == 2:
        is_null = cursor.number(1) == 2
    else:
        raise unsupported("a shape in the file is written in a way that is not read here", REPACK)
    if is_null:
        return None
    if rank > MAX_RANK or flags & ~0x03:
        raise damaged("a shape in the file makes no sense")
    shape = tuple(cursor.number(length_size) for _ in range(rank))
    if math.prod(size for size in shape if size) > _MAX_ELEMENTS:
        raise hostile(f"an array of the file claims the shape {list(shape)}")
    return shape


class ElementType(msgspec.Struct, frozen=True):
    """An element type. `numpy`: its name in numpy's words, byte order first; "" for what is no number."""

    size: int
    numpy: str = ""
    text: bool = False
    """Texts of fixed length."""
    varying: bool = False
    """Texts of varying length, which lie in a heap."""
    opaque: bool = False
    name: str = ""
    """What it is, for messages."""

    @property
    def word(self) -> DType | None:
        """The graph's word for it."""
        return _NUMBERS.get(self.numpy[1:])

    def dtype(self) -> np.dtype[Any]:
        """numpy's type. Raises Unreadable for what holds no numbers."""
        import numpy as np

        if not self.numpy:
            raise unsupported(f"an array of {self.name} is not read here: weights are numbers")
        return np.dtype(self.numpy)


def read_type(cursor: Cursor) -> ElementType:
    """The element type that a datatype message says."""
    first = cursor.number(1)
    kind, version = first & 0x0F, first >> 4
    bits = cursor.number(3)
    size = cursor.number(4)
    if not 1 <= version <= 5 or kind >= len(_CLASSES) + 1 or not size:
        raise damaged("an element type of the file makes no sense")
    order = ">" if bits & 0x01 else "<"
    if kind == 0:
        offset, precision = cursor.number(2), cursor.number(2)
        if offset or precision != 8 * size or size not in (1, 2, 4, 8):
            return ElementType(size, name=f"numbers of {precision} bits")
        return ElementType(size, f"{order}{'i' if bits & 0x08 else 'u'}{size}")
    if kind == 1:
        return _float(cursor, bits, size, order)
    if kind == 3:
        return ElementType(size, text=True, name="texts")
    if kind == 5:
        return ElementType(size, opaque=True, name="opaque bytes")
    if kind == 9 and bits & 0x0F == 1:
        return ElementType(size, varying=True, name="texts")
    return ElementType(size, name=_CLASSES[min(kind, len(_CLASSES) - 1)])


def _float(cursor: Cursor, bits: int, size: int, order: str) -> ElementType:
    offset, precision = cursor.number(2), cursor.number(2)
    cursor.skip(1)
    exponent = cursor.number(1)
    cursor.skip(1)
    mantissa = cursor.number(1)
    letter = _FLOATS.get((size, mantissa, exponent))
    if offset or precision != 8 * size or letter is None or bits & 0x40:
        return ElementType(size, name=f"floating-point numbers of {precision} bits")
    return ElementType(size, order + letter)
