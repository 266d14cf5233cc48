"""Rules for ops that move elements: reshaping, slicing, joining, padding, gathering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from transpiler.dialects.tensorflow.graph_def import dtype_of
from transpiler.ir import DType, Value
from transpiler.ops.array import (
    BroadcastTo,
    Flip,
    Gather,
    PadAxes,
    PadMode,
    Roll,
    Stack,
    TileAxes,
    Unstack,
)
from transpiler.ops.einsum import Einsum
from transpiler.ops.elementwise import Cast
from transpiler.ops.functional import ReshapeTo, ShapeOf
from transpiler.ops.preprocessing import OneHot
from transpiler.ops.shape import Concat, Crop, ExpandDims, Flatten, Pad, Reshape, Split, Squeeze, Transpose
from transpiler.ops.spatial import DataFormat
from transpiler.passes.lower.tensorflow_node import Keep, Reading, Rule
from transpiler.passes.lower.tensorflow_slices import Slices, read_slices
from transpiler.passes.lower.tensorflow_static import Size


def _shape(reading: Reading) -> Sequence[Value]:
    return reading.emit(ShapeOf(dtype=dtype_of(reading.get("out_type")) or DType.INT32), reading.x(0))


def _reshape(reading: Reading) -> Sequence[Value]:
    """Sizes that are numbers, or the operand's own, are a plain reshape; a vector per example is flattening."""
    x, static = reading.x(0), reading.static(1)
    if static is None or static.array.ndim != 1:
        return reading.emit(ReshapeTo(), x, reading.x(1))
    target = _target(x, list(static.array))
    if target is None:
        sizes = tuple(item if isinstance(item, int) and item >= 0 else None for item in static.array)
        return reading.emit(ReshapeTo(sizes=sizes), x, reading.x(1))
    return reading.emit(_flattening(x, target) or _per_example(x, target), x)


def _target(x: Value, items: list[Any]) -> list[int] | None:
    """The sizes as `reshape` says them: 0 copies, one -1 is computed. None if they say something else."""
    rank = x.type.rank
    made: list[int] = []
    for i, item in enumerate(items):
        if isinstance(item, int) and item != 0:
            made.append(item)
        elif isinstance(item, Size) and item.dims == ((x, i),) and item.factor == 1 and rank is not None:
            made.append(0)
        else:
            made.append(-1)
    return made if made.count(-1) <= 1 and (rank is not None or 0 not in made) else None


def _flattening(x: Value, target: list[int]) -> Flatten | None:
    """[-1, elements of an example], or [N, -1]; [N, elements] is how a reshape to a vector is written."""
    shape = x.type.shape
    if shape is None or len(target) != 2 or len(shape) < 2:
        return None
    if target[0] == 0 and target[1] == -1:
        return Flatten()
    count: int | None = 1
    for size in shape[1:]:
        count = None if count is None or size is None else count * size
    return Flatten() if count is not None and target[1] == count and target[0] == -1 else None


def _per_example(x: Value, target: list[int]) -> Reshape:
    """A reshape that leaves the batch as it is names only the other axes."""
    shape = x.type.shape
    if target and shape and (target[0] == 0 or (target[0] == -1 and _same_count(shape, target))):
        rest = target[1:]
        if all(size != 0 for size in rest):
            return Reshape(target=tuple(rest), axis=1)
    return Reshape(target=tuple(target))


def _same_count(shape: tuple[int | None, ...], target: list[int]) -> bool:
    """Whether the other axes hold as many elements as before, so that -1 is the batch."""
    have = want = 1
    for size in shape[1:]:
        if size is None:
            return False
        have *= size
    for number in target[1:]:
        if number < 1:
            return False
        want *= number
    return have == want


def _transpose(reading: Reading) -> Sequence[Value]:
    x = reading.x(0)
    axes = tuple(int(axis) for axis in reading.numbers(1))
    return (x,) if axes == tuple(range(len(axes))) else reading.emit(Transpose(axes=axes), x)


def _axis(reading: Reading, i: int) -> int:
    numbers = reading.numbers(i)
    if len(numbers) != 1:
        raise Keep
    return int(numbers[0])


def _concat(reading: Reading) -> Sequence[Value]:
    first = reading.node.op == "Concat"
    values = reading.all_but(0 if first else -1)
    if not values:
        raise Keep
    axis = _axis(reading, 0 if first else -1)
    return (
        tuple(values) if len(values) == 1 else reading.emit(Concat(axis=_positive(axis, values[0])), *values)
    )


def _positive(axis: int, x: Value) -> int:
    rank = x.type.rank
    return axis + rank if axis < 0 and rank is not None and axis + rank >= 0 else axis


def _split(reading: Reading) -> Sequence[Value]:
    count = int(reading.get("num_split", 1))
    x = reading.x(1)
    return reading.emit(Split(axis=_positive(_axis(reading, 0), x), count=count), x)


def _split_sizes(reading: Reading) -> Sequence[Value]:
    x, sizes = reading.x(0), [int(size) for size in reading.numbers(1)]
    axis = _positive(_axis(reading, 2), x)
    if not sizes or -1 in sizes[:-1]:
        raise Keep
    total = x.type.shape[axis] if x.type.shape and axis < len(x.type.shape) else None
    if total is not None and sizes[-1] in (-1, 0) and sum(sizes[:-1]) == total:
        sizes.pop()  # an empty part, which must not be read
    points, at = [], 0
    for size in sizes[:-1]:
        at += size
        points.append(at)
    return reading.emit(Split(axis=axis, count=len(sizes), points=tuple(points)), x)


def _stack(reading: Reading) -> Sequence[Value]:
    return reading.emit(Stack(axis=int(reading.get("axis", 0))), *reading.all())


def _unstack(reading: Reading) -> Sequence[Value]:
    return reading.emit(
        Unstack(count=int(reading.get("num", 1)), axis=int(reading.get("axis", 0))), reading.x(0)
    )


def _expand(reading: Reading) -> Sequence[Value]:
    return reading.emit(ExpandDims(axis=_axis(reading, 1)), reading.x(0))


def _squeeze(reading: Reading) -> Sequence[Value]:
    x = reading.x(0)
    axes = tuple(reading.get("squeeze_dims") or reading.get("axis") or ())
    shape = x.type.shape
    if not axes:
        if shape is None or None in shape:
            raise Keep
        axes = tuple(i for i, size in enumerate(shape) if size == 1)
    return reading.emit(Squeeze(axes=axes), x) if axes else (x,)


def _slice(reading: Reading) -> Sequence[Value]:
    begins, sizes = reading.numbers(1), reading.numbers(2)
    whole = reading.x(0).type.shape or (None,) * len(begins)
    items = [
        slice(int(b) or None, None if n == -1 or (b == 0 and n == size) else int(b + n))
        for b, n, size in zip(begins, sizes, whole, strict=True)
    ]
    return _taken(reading, Slices(tuple(items)))


def _strided(reading: Reading) -> Sequence[Value]:
    key = read_slices(reading.node, reading.numbers(1), reading.numbers(2), reading.numbers(3))
    if key is None:
        raise Keep
    crops = _crops(reading.x(0), key.items)
    return _taken(reading, key) if crops is None else reading.emit(crops, reading.x(0))


def _taken(reading: Reading, key: Slices) -> Sequence[Value]:
    op, x = key.op(), reading.x(0)
    return (x,) if op is None else reading.emit(op, x)


def _crops(x: Value, items: Sequence[Any]) -> Crop | None:
    """Slices of the spatial axes that keep all but some elements at their ends."""
    shape = x.type.shape
    if shape is None or not 3 <= len(shape) <= 5 or len(items) > len(shape):
        return None
    pairs: list[tuple[int, int]] = []
    for item, size in zip((*items, *(slice(None),) * (len(shape) - len(items))), shape, strict=True):
        if not isinstance(item, slice) or item.step not in (None, 1):
            return None
        begin, end = item.start or 0, item.stop
        if begin < 0 or (end is not None and end > 0 and size is None):
            return None
        after = 0 if end is None else -end if end < 0 else max((size or 0) - end, 0)
        pairs.append((begin, after))
    if pairs[0] != (0, 0) or not any(map(any, pairs)):
        return None
    if pairs[-1] == (0, 0):
        return Crop(crops=tuple(pairs[1:-1]), data_format=DataFormat.CHANNELS_LAST)
    return Crop(crops=tuple(pairs[2:]), data_format=DataFormat.CHANNELS_FIRST) if pairs[1] == (0, 0) else None


def _pad(reading: Reading) -> Sequence[Value]:
    flat = [int(size) for size in reading.numbers(1)]
    pairs = tuple(zip(flat[::2], flat[1::2], strict=True))
    value = reading.scalar(2) if reading.node.op == "PadV2" else 0.0
    if value is None:
        raise Keep
    x = reading.x(0)
    rank = len(pairs)
    if 3 <= rank <= 5 and pairs[0] == (0, 0):
        if pairs[-1] == (0, 0):
            return reading.emit(
                Pad(pads=pairs[1:-1], value=float(value), data_format=DataFormat.CHANNELS_LAST), x
            )
        if pairs[1] == (0, 0):
            return reading.emit(
                Pad(pads=pairs[2:], value=float(value), data_format=DataFormat.CHANNELS_FIRST), x
            )
    return reading.emit(PadAxes(pads=pairs, value=float(value)), x)


def _mirror(reading: Reading) -> Sequence[Value]:
    flat = [int(size) for size in reading.numbers(1)]
    pairs = tuple(zip(flat[::2], flat[1::2], strict=True))
    mode = PadMode.SYMMETRIC if reading.get("mode") == "SYMMETRIC" else PadMode.REFLECT
    return reading.emit(PadAxes(pads=pairs, mode=mode), reading.x(0))


def _tile(reading: Reading) -> Sequence[Value]:
    return reading.emit(TileAxes(repeats=tuple(int(n) for n in reading.numbers(1))), reading.x(0))


def _broadcast(reading: Reading) -> Sequence[Value]:
    return reading.emit(BroadcastTo(shape=tuple(int(n) for n in reading.numbers(1))), reading.x(0))


def _gather(reading: Reading) -> Sequence[Value]:
    axis = _axis(reading, 2) if reading.node.op == "GatherV2" else 0
    if reading.get("batch_dims", 0):
        raise Keep
    return reading.emit(Gather(axis=axis), reading.x(0), reading.x(1))


def _one_hot(reading: Reading) -> Sequence[Value]:
    on, off, depth = reading.scalar(2), reading.scalar(3), reading.scalar(1)
    if (on, off) != (1, 0) or not depth:
        raise Keep
    made = reading.emit(OneHot(count=int(depth), axis=int(reading.get("axis", -1))), reading.x(0))
    dtype = dtype_of(reading.get("T")) or DType.FLOAT32
    return made if made[0].type.dtype is dtype else reading.emit(Cast(dtype=dtype), *made, what="cast")


def _reverse(reading: Reading) -> Sequence[Value]:
    return reading.emit(Flip(axes=tuple(int(axis) for axis in reading.numbers(1))), reading.x(0))


def _roll(reading: Reading) -> Sequence[Value]:
    shifts, axes = (tuple(int(n) for n in reading.numbers(i)) for i in (1, 2))
    return reading.emit(Roll(shifts=shifts, axes=axes), reading.x(0))


def _einsum(reading: Reading) -> Sequence[Value]:
    return reading.emit(Einsum(equation=str(reading.get("equation", ""))), *reading.all())


def _flatten(reading: Reading) -> Sequence[Value]:
    """OpenCV's op of that name in graphs that it was given."""
    return reading.emit(Flatten(), reading.x(0))


RULES: Final[Mapping[str, Rule]] = {
    "Shape": _shape,
    "Reshape": _reshape,
    "Transpose": _transpose,
    "Concat": _concat,
    "ConcatV2": _concat,
    "Split": _split,
    "SplitV": _split_sizes,
    "Pack": _stack,
    "Unpack": _unstack,
    "ExpandDims": _expand,
    "Squeeze": _squeeze,
    "Slice": _slice,
    "StridedSlice": _strided,
    "Pad": _pad,
    "PadV2": _pad,
    "MirrorPad": _mirror,
    "Tile": _tile,
    "BroadcastTo": _broadcast,
    "Gather": _gather,
    "GatherV2": _gather,
    "ResourceGather": _gather,
    "OneHot": _one_hot,
    "ReverseV2": _reverse,
    "Roll": _roll,
    "Einsum": _einsum,
    "Flatten": _flatten,
}
