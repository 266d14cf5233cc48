"""Moving elements in TensorFlow's ops, and sizes that are only known when the graph runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transpiler.dialects.tensorflow.write_steps import (
    OPEN_SIZES,
    Input,
    Refused,
    Result,
    Steps,
    Tensor,
    ints,
    pairs,
    scalar,
)
from transpiler.dialects.tensorflow.write_template import Numbers
from transpiler.ir import Dim, DType, Shape
from transpiler.ops.array import (
    Index,
    PadAxes,
    PadMode,
)
from transpiler.ops.shape import (
    Concat,
    Crop,
    ExpandDims,
    Flatten,
    Pad,
    Reshape,
    Slice,
    Split,
    Squeeze,
    Transpose,
)
from transpiler.ops.spatial import DataFormat


def known_or_open(sizes: Sequence[Dim]) -> list[int]:
    """Sizes that are all known. Raises Refused."""
    found = [size for size in sizes if size is not None]
    if len(found) < len(sizes):
        raise Refused(*OPEN_SIZES)
    return found


def axis_size(s: Steps, axis: int, index: int = 0) -> Tensor:
    """The size of an axis of an operand, as a number in the graph."""
    return size_of(s, s.operand(index), axis)


def size_of(s: Steps, x: Tensor, axis: int) -> Tensor:
    """The size of an axis of a tensor, as a number in the graph."""
    whole = s.op("Shape", x, out_type=DType.INT32)
    return s.op(
        "StridedSlice",
        whole,
        ints("stack", (axis,)),
        ints("stack_1", (axis + 1,)),
        ints("stack_2", (1,)),
        name="strided_slice",
        shrink_axis_mask=1,
    )


def dynamic_shape(s: Steps, sizes: Sequence[Dim | Tensor], label: str) -> Input:
    """A shape: a constant if all sizes are known; unknown ones are those of the first operand's same axis."""
    if all(isinstance(size, int) for size in sizes):
        return ints(label, [size for size in sizes if isinstance(size, int)])
    parts: list[Input] = []
    for axis, size in enumerate(sizes):
        if size is None:
            parts.append(axis_size(s, axis))
        elif isinstance(size, int):
            parts.append(scalar(str(axis), size))
        else:
            parts.append(size)
    return s.op("Pack", *parts, name=label, axis=0)


def view(s: Steps, x: Input, sizes: Sequence[int | Tensor], name: str = "Reshape") -> Tensor:
    """A reshape to sizes of which one may be -1."""
    return s.op(
        "Reshape", x, dynamic_shape(s, sizes, f"{name}/shape" if _mixed(sizes) else "shape"), name=name
    )


def _mixed(sizes: Sequence[int | Tensor]) -> bool:
    return any(isinstance(size, Tensor) for size in sizes)


def _target(s: Steps, result: Shape) -> list[int | Tensor]:
    """The result's sizes for a reshape: an open one is inferred; more than one are the operand's of the same axis.

    Raises Refused where that cannot be.
    """
    if sum(size is None for size in result) <= 1:
        return [-1 if size is None else size for size in result]
    source = s.shape()
    sizes: list[int | Tensor] = []
    for axis, size in enumerate(result):
        same = axis < len(source) and source[: axis + 1] == result[: axis + 1]
        if size is not None:
            sizes.append(size)
        elif same:
            sizes.append(axis_size(s, axis))
        else:
            sizes.append(-1)
    if sizes.count(-1) > 1:
        raise Refused("more than one size of its result is unknown", "give --input-shape")
    return sizes


def flatten(op: Flatten, s: Steps) -> Result:
    result = s.result_shape()
    rank = s.rank()
    if op.axis % max(rank, 1) == 1 and op.end_axis % max(rank, 1) == rank - 1 and None in result[1:]:
        return view(s, s.x, [axis_size(s, 0), -1])
    return view(s, s.x, _target(s, result))


def reshape(op: Reshape, s: Steps) -> Result:
    """Sizes that are copied from unknown ones are read from the operand."""
    result = s.result_shape()
    if sum(size is None for size in result) <= 1:
        return view(s, s.x, [-1 if size is None else size for size in result])
    source = s.shape()
    start = op.axis % (len(source) + 1)
    stop = len(source) if op.num_axes == -1 else start + op.num_axes
    sizes: list[int | Tensor] = [
        *(axis_size(s, i) if size is None else size for i, size in enumerate(source[:start])),
        *_written(op, s, start),
        *(axis_size(s, i) if size is None else size for i, size in enumerate(source) if i >= stop),
    ]
    return view(s, s.x, sizes)


def _written(op: Reshape, s: Steps, start: int) -> list[int | Tensor]:
    source = s.shape()
    made: list[int | Tensor] = []
    for i, size in enumerate(op.target):
        copied = source[start + i] if size == 0 else size
        made.append(axis_size(s, start + i) if copied is None else copied)
    return made


def expand_dims(op: ExpandDims, s: Steps) -> Result:
    return s.op("ExpandDims", s.x, scalar("dim", op.axis % (s.rank() + 1)))


def squeeze(op: Squeeze, s: Steps) -> Result:
    return s.op("Squeeze", s.x, squeeze_dims=tuple(sorted(axis % s.rank() for axis in op.axes)))


def transpose(op: Transpose, s: Steps) -> Result:
    return s.op("Transpose", s.x, ints("perm", op.axes))


def concat(op: Concat, s: Steps) -> Result:
    if len(s.operands) == 1:
        return s.op("Identity", s.x)
    return s.op("ConcatV2", *s.operands, scalar("axis", op.axis % s.rank()), name="concat")


def split(op: Split, s: Steps) -> Result:
    axis = op.axis % s.rank()
    if not op.points:
        return s.many("Split", scalar("split_dim", axis), s.x, count=op.count, num_split=op.count)
    sizes = op.sizes(s.shape()[axis])
    parts = [-1 if size is None else size for size in sizes]
    return s.many(
        "SplitV",
        s.x,
        ints("size_splits", parts),
        scalar("split_dim", axis),
        count=op.count,
        num_split=op.count,
    )


def slice_(op: Slice, s: Steps) -> Result:
    """Axes that are not cut are whole in the masks."""
    rank = s.rank()
    begins, ends, steps = [0] * rank, [0] * rank, [1] * rank
    whole_begin = whole_end = (1 << rank) - 1
    shrink = 0
    given = op.steps or (1,) * len(op.axes)
    squeezed = {axis % rank for axis in op.squeeze}
    for axis, begin, end, step in zip(op.axes, op.begins, op.ends, given, strict=True):
        where = axis % rank
        begins[where], steps[where] = begin, step
        whole_begin &= ~(1 << where)
        if end is not None:
            ends[where] = end
            whole_end &= ~(1 << where)
        if where in squeezed:
            shrink |= 1 << where
    return cut(s, s.x, begins, ends, steps, (whole_begin, whole_end, shrink))


def cut(
    s: Steps,
    x: Input,
    begins: Sequence[int],
    ends: Sequence[int],
    steps: Sequence[int],
    masks: tuple[int, int, int],
    more: Mapping[str, int] | None = None,
) -> Tensor:
    """A strided slice; `masks`: of begins, of ends, of dropped axes."""
    return s.op(
        "StridedSlice",
        x,
        ints("stack", begins),
        ints("stack_1", ends),
        ints("stack_2", steps),
        name="strided_slice",
        begin_mask=masks[0],
        end_mask=masks[1],
        shrink_axis_mask=masks[2],
        **(more or {}),
    )


def index(op: Index, s: Steps) -> Result:
    """Numpy's brackets are those of a strided slice."""
    begins, ends, steps = [], [], []
    begin_mask = end_mask = shrink = new = dots = 0
    for i, item in enumerate(op.key):
        begin, end, step = 0, 0, 1
        if item is None:
            new |= 1 << i
        elif isinstance(item, Mapping) and "ellipsis" in item:
            dots |= 1 << i
        elif isinstance(item, Mapping):
            limits: Any = item["slice"]
            first, last, by = limits
            begin, end, step = first or 0, last or 0, by or 1
            begin_mask |= (first is None) << i
            end_mask |= (last is None) << i
        else:
            begin = int(item)  # type: ignore[arg-type]
            end = begin + 1
            end_mask |= (end == 0) << i
            shrink |= 1 << i
        begins.append(begin)
        ends.append(end)
        steps.append(step)
    masks = {"new_axis_mask": new, "ellipsis_mask": dots}
    return cut(s, s.x, begins, ends, steps, (begin_mask, end_mask, shrink), masks)


def crop(op: Crop, s: Steps) -> Result:
    rank = s.rank()
    first = 2 if op.data_format is DataFormat.CHANNELS_FIRST else 1
    begins, ends = [0] * rank, [0] * rank
    whole_begin = whole_end = (1 << rank) - 1
    for i, (before, after) in enumerate(op.crops):
        begins[first + i], ends[first + i] = before, -after
        if before:
            whole_begin &= ~(1 << first + i)
        if after:
            whole_end &= ~(1 << first + i)
    return cut(s, s.x, begins, ends, [1] * rank, (whole_begin, whole_end, 0))


def pad(op: Pad, s: Steps) -> Result:
    rows = (
        [(0, 0), (0, 0), *op.pads]
        if op.data_format is DataFormat.CHANNELS_FIRST
        else [(0, 0), *op.pads, (0, 0)]
    )
    return padded(s, rows, op.value)


def padded(s: Steps, rows: Sequence[tuple[int, int]], value: float) -> Tensor:
    """Zeros around a tensor, or another number."""
    if value == 0.0:
        return s.op("Pad", s.x, pairs("paddings", rows))
    return s.op("PadV2", s.x, pairs("paddings", rows), s.like("constant_values", value, s.x), name="Pad")


def pad_axes(op: PadAxes, s: Steps) -> Result:
    if op.mode is PadMode.CONSTANT:
        return padded(s, op.pads, op.value)
    return s.op("MirrorPad", s.x, pairs("paddings", op.pads), mode=op.mode.value.upper())


def whole_numbers(s: Steps, x: Tensor) -> Tensor:
    """Indices as whole numbers: frameworks feed them as reals too."""
    if x.dtype in (DType.INT32, DType.INT64):
        return x
    return s.op("Cast", x, DstT=DType.INT32)


def tensor_of(shape: tuple[int, ...], values: Sequence[float], dtype: DType) -> Numbers:
    """Fixed numbers of an element type."""
    if dtype is DType.BOOL:
        return Numbers(dtype, shape, tuple(bool(value) for value in values))
    if dtype in (DType.FLOAT32, DType.FLOAT16, DType.BFLOAT16, DType.FLOAT64):
        return Numbers(dtype, shape, tuple(float(value) for value in values))
    return Numbers(dtype, shape, tuple(int(value) for value in values))
