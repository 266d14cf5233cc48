"""Tensor types: a dtype and a shape whose dimensions are ints or unknown (None, never -1)."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable

import msgspec

Dim = int | None
Shape = tuple[Dim, ...]


class DType(enum.Enum):
    """Element types, spelled as the text form prints them."""

    FLOAT32 = "f32"
    FLOAT16 = "f16"
    BFLOAT16 = "bf16"
    FLOAT64 = "f64"
    INT8 = "i8"
    INT16 = "i16"
    INT32 = "i32"
    INT64 = "i64"
    UINT8 = "u8"
    BOOL = "bool"
    STRING = "string"


class TensorType(msgspec.Struct, frozen=True, cache_hash=True):
    """A tensor's dtype and shape; a shape of None means that not even the rank is known."""

    shape: Shape | None = None
    dtype: DType = DType.FLOAT32

    @property
    def rank(self) -> int | None:
        return None if self.shape is None else len(self.shape)

    @property
    def is_static(self) -> bool:
        return self.shape is not None and None not in self.shape

    def with_shape(self, shape: Iterable[Dim] | None) -> TensorType:
        """The same dtype with another shape."""
        return TensorType(None if shape is None else tuple(shape), self.dtype)

    def __str__(self) -> str:
        if self.shape is None:
            return f"{self.dtype.value}[*]"
        return f"{self.dtype.value}[{', '.join('?' if d is None else str(d) for d in self.shape)}]"


UNKNOWN = TensorType()


def product(dims: Iterable[Dim]) -> Dim:
    """The number of elements of these dimensions; unknown if any is unknown (unless another is 0)."""
    known = list(dims)
    if 0 in known:
        return 0
    return None if None in known else math.prod(d for d in known if d is not None)


def agree(left: Dim, right: Dim) -> bool:
    """Whether two dimensions can be equal."""
    return left is None or right is None or left == right


def merge(left: Dim, right: Dim) -> Dim:
    """The better known of two dimensions that agree."""
    return right if left is None else left


def refines(known: TensorType, declared: TensorType) -> bool:
    """Whether `known` is consistent with `declared`: same dtype, and every dimension agrees."""
    if known.dtype is not declared.dtype:
        return False
    if known.shape is None or declared.shape is None:
        return True
    return len(known.shape) == len(declared.shape) and all(map(agree, known.shape, declared.shape))
