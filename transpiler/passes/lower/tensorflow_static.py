"""Small tensors known while a graph is read: constants, sizes of tensors, and what is computed from these.

An element is a number, a truth value, a `Size` (a product of unknown dimensions and a number) or UNKNOWN. So
`reshape(x, stack([shape(x)[0], 49]))` is understood without running anything.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import msgspec
import numpy as np

from transpiler.dialects.tensorflow.functions import FlatNode
from transpiler.dialects.tensorflow.graph_def import Array, TensorProto, dtype_of
from transpiler.ir import DType, Value
from transpiler.passes.lower.tensorflow_slices import read_slices

MAX_ELEMENTS: Final = 2048
MAX_FACTORS: Final = 8
LARGEST: Final = 2**63
"""Whole numbers beyond it are none that TensorFlow computes with."""


class _Unknown:
    """The one element that nothing is known of."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown()


class Size(msgspec.Struct, frozen=True):
    """A number times sizes of axes that the file leaves open."""

    dims: tuple[tuple[Value, int], ...]
    factor: int = 1

    def times(self, other: object) -> object:
        """The product with another element."""
        if isinstance(other, Size):
            made = Size(self.dims + other.dims, self.factor * other.factor)
        elif isinstance(other, int) and not isinstance(other, bool):
            if not other:
                return 0
            made = Size(self.dims, self.factor * other)
        else:
            return UNKNOWN
        return made if len(made.dims) <= MAX_FACTORS and abs(made.factor) <= LARGEST else UNKNOWN


class Static(msgspec.Struct, frozen=True, eq=False):
    """A tensor of known elements (an array of objects), and its element type."""

    array: Array
    dtype: DType

    @property
    def numbers(self) -> list[Any] | None:
        """Its elements in row-major order when all are numbers."""
        flat = self.array.reshape(-1).tolist()
        return flat if all(isinstance(item, (int, float)) for item in flat) else None

    @property
    def known(self) -> bool:
        return self.numbers is not None


def make(items: Sequence[Any], shape: tuple[int, ...], dtype: DType) -> Static:
    """A static tensor of these elements in row-major order."""
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return Static(array.reshape(shape), dtype)


def constant(tensor: TensorProto) -> Static | None:
    """The elements of a constant, if they are few and numbers. Raises ValueError when they cannot be decoded."""
    dims = tensor.shape.dims
    dtype = dtype_of(tensor.dtype)
    if dims is None or dtype is None or None in dims or math.prod(size or 0 for size in dims) > MAX_ELEMENTS:
        return None
    array = tensor.array()
    if array.dtype.kind not in "fiub":
        return None
    flat = array.reshape(-1)
    items = [float(str(item)) for item in flat] if array.dtype == np.float32 else flat.tolist()
    return make(items, array.shape, dtype)


def shape_of(value: Value, dtype: DType) -> Static | None:
    """The sizes of a value, if its rank is known."""
    shape = value.type.shape
    if shape is None:
        return None
    return make([Size(((value, i),)) if n is None else n for i, n in enumerate(shape)], (len(shape),), dtype)


def fold(node: FlatNode, operands: Sequence[Static | None]) -> Static | None:
    """What a node computes from known elements; None when that is not known."""
    rule = _RULES.get(node.op)
    if rule is None or not operands or any(operand is None for operand in operands):
        return None
    given = [operand for operand in operands if operand is not None]
    try:
        made = rule(node, given)
    except (ValueError, IndexError, TypeError, OverflowError, ZeroDivisionError):
        return None
    return made if made is not None and made.array.size <= MAX_ELEMENTS else None


def _add(a: object, b: object) -> object:
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return a + b
    if a == 0 and isinstance(b, Size):
        return b
    return a if b == 0 and isinstance(a, Size) else UNKNOWN


def _subtract(a: object, b: object) -> object:
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return a - b
    return a if b == 0 else UNKNOWN


def _multiply(a: object, b: object) -> object:
    if isinstance(a, Size):
        return a.times(b)
    if isinstance(b, Size):
        return b.times(a)
    return a * b if isinstance(a, (int, float)) and isinstance(b, (int, float)) else UNKNOWN


def _floor_divide(a: object, b: object) -> object:
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return a // b
    if isinstance(a, Size) and isinstance(b, int) and b and a.factor % b == 0:
        return Size(a.dims, a.factor // b)
    return UNKNOWN


def _always(number: int, item: object) -> object:
    return number


def _numeric(function: Callable[..., Any]) -> Callable[..., object]:
    def apply(*items: object) -> object:
        return function(*items) if all(isinstance(item, (int, float)) for item in items) else UNKNOWN

    return apply


def _elementwise(
    function: Callable[..., object], *, truth: bool = False
) -> Callable[[FlatNode, list[Static]], Static]:
    def rule(node: FlatNode, given: list[Static]) -> Static:
        if math.prod(np.broadcast_shapes(*(item.array.shape for item in given))) > MAX_ELEMENTS:
            raise ValueError("too many elements")
        arrays = np.broadcast_arrays(*(item.array for item in given))
        items = [function(*row) for row in zip(*(array.reshape(-1) for array in arrays), strict=True)]
        items = [UNKNOWN if isinstance(item, int) and abs(item) > LARGEST else item for item in items]
        if given[-1].dtype is DType.FLOAT32 and not truth:
            items = [_single(item) for item in items]
        return make(items, arrays[0].shape, DType.BOOL if truth else given[-1].dtype)

    return rule


def _single(item: object) -> object:
    if not isinstance(item, float):
        return item
    with np.errstate(over="ignore"):
        return float(str(np.float32(item)))


def _cast(node: FlatNode, given: list[Static]) -> Static | None:
    dtype = dtype_of(node.get("DstT"))
    if dtype is None:
        return None
    whole = dtype not in (DType.FLOAT32, DType.FLOAT64, DType.FLOAT16, DType.BFLOAT16)
    kind: Any = bool if dtype is DType.BOOL else int if whole else float
    items = [kind(item) if isinstance(item, (int, float)) else item for item in given[0].array.reshape(-1)]
    return make(items, given[0].array.shape, dtype)


def _check_total(given: Sequence[Static]) -> None:
    if sum(item.array.size for item in given) > MAX_ELEMENTS:
        raise ValueError("too many elements")


def _pack(node: FlatNode, given: list[Static]) -> Static:
    _check_total(given)
    arrays = [item.array for item in given]
    return Static(np.stack(arrays, axis=int(node.get("axis", 0))), given[0].dtype)


def _concat(node: FlatNode, given: list[Static]) -> Static:
    values, axis = (given[1:], given[0]) if node.op == "Concat" else (given[:-1], given[-1])
    _check_total(values)
    return Static(
        np.concatenate([item.array for item in values], axis=int(axis.array.item())), values[0].dtype
    )


def _strided(node: FlatNode, given: list[Static]) -> Static | None:
    x, begin, end, strides = given
    key = read_slices(node, begin.numbers, end.numbers, strides.numbers)
    if key is None:
        return None
    return Static(np.asarray(x.array[key.numpy()], dtype=object), x.dtype)


def _slice(node: FlatNode, given: list[Static]) -> Static | None:
    begin, size = given[1].numbers, given[2].numbers
    if begin is None or size is None:
        return None
    key = tuple(slice(b, None if n == -1 else b + n) for b, n in zip(begin, size, strict=True))
    return Static(given[0].array[key], given[0].dtype)


def _product(node: FlatNode, given: list[Static]) -> Static | None:
    axes = given[1].numbers
    if axes is None or given[0].array.ndim != 1 or [axis % 1 for axis in axes] not in ([0], []):
        return None
    total: object = 1
    for item in given[0].array:
        total = _multiply(total, item)
    shape = (1,) if node.get("keep_dims") else ()
    return make([total], shape, given[0].dtype)


def _gather(node: FlatNode, given: list[Static]) -> Static | None:
    indices = given[1].numbers
    if indices is None or given[0].array.ndim != 1:
        return None
    return make([given[0].array[i] for i in indices], given[1].array.shape, given[0].dtype)


def _range(node: FlatNode, given: list[Static]) -> Static | None:
    numbers = [item.numbers for item in given]
    if any(item is None or len(item) != 1 for item in numbers):
        return None
    start, stop, step = (item[0] for item in numbers if item is not None)
    if step == 0 or abs((stop - start) / step) > MAX_ELEMENTS:
        return None
    items = np.arange(start, stop, step).tolist()
    return make(items, (len(items),), given[0].dtype)


def _fill(node: FlatNode, given: list[Static]) -> Static | None:
    sizes = given[0].numbers
    if sizes is None or math.prod(sizes) > MAX_ELEMENTS:
        return None
    return make([given[1].array.item()] * math.prod(sizes), tuple(sizes), given[1].dtype)


def _reshape(node: FlatNode, given: list[Static]) -> Static | None:
    sizes = given[1].numbers
    return None if sizes is None else Static(given[0].array.reshape(sizes), given[0].dtype)


def _expand(node: FlatNode, given: list[Static]) -> Static:
    return Static(np.expand_dims(given[0].array, int(given[1].array.item())), given[0].dtype)


def _squeeze(node: FlatNode, given: list[Static]) -> Static:
    axes = tuple(node.get("squeeze_dims") or node.get("axis") or ())
    return Static(np.squeeze(given[0].array, axes or None), given[0].dtype)


def _select(node: FlatNode, given: list[Static]) -> Static | None:
    condition = given[0].numbers
    return None if condition is None or len(condition) != 1 else given[1 if condition[0] else 2]


_RULES: Final[dict[str, Callable[[FlatNode, list[Static]], Static | None]]] = {
    **dict.fromkeys(("Add", "AddV2"), _elementwise(_add)),
    "Sub": _elementwise(_subtract),
    "Mul": _elementwise(_multiply),
    "FloorDiv": _elementwise(_floor_divide),
    **dict.fromkeys(("RealDiv", "Div"), _elementwise(_numeric(lambda a, b: a / b))),
    "Maximum": _elementwise(_numeric(max)),
    "Minimum": _elementwise(_numeric(min)),
    "FloorMod": _elementwise(_numeric(lambda a, b: a % b)),
    "Neg": _elementwise(_numeric(lambda a: -a)),
    "Sqrt": _elementwise(_numeric(math.sqrt)),
    "Rsqrt": _elementwise(_numeric(lambda a: 1 / math.sqrt(a))),
    "Reciprocal": _elementwise(_numeric(lambda a: 1 / a)),
    "Pow": _elementwise(_numeric(lambda a, b: a**b if abs(b) < 64 else 1 / 0)),
    "Less": _elementwise(_numeric(lambda a, b: a < b), truth=True),
    "Greater": _elementwise(_numeric(lambda a, b: a > b), truth=True),
    "GreaterEqual": _elementwise(_numeric(lambda a, b: a >= b), truth=True),
    "LessEqual": _elementwise(_numeric(lambda a, b: a <= b), truth=True),
    "Equal": _elementwise(_numeric(lambda a, b: a == b), truth=True),
    "ZerosLike": _elementwise(partial(_always, 0)),
    "OnesLike": _elementwise(partial(_always, 1)),
    "Cast": _cast,
    "Pack": _pack,
    "ConcatV2": _concat,
    "Concat": _concat,
    "StridedSlice": _strided,
    "Slice": _slice,
    "Prod": _product,
    **dict.fromkeys(("Gather", "GatherV2"), _gather),
    "Range": _range,
    "Fill": _fill,
    "Reshape": _reshape,
    "ExpandDims": _expand,
    "Squeeze": _squeeze,
    **dict.fromkeys(("Select", "SelectV2"), _select),
}
"""How each op computes with known elements."""
