"""Cutting ranges out of tensors with the layers Caffe has: Slice, and Silence for the parts that are not wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from transpiler.dialects.rows import Refusal
from transpiler.ir import Node, Value
from transpiler.ir.rewriting import Rewriter
from transpiler.ops.shape import Crop, Reshape, Silence, Slice, Split
from transpiler.ops.spatial import axis_of
from transpiler.passes.beside import Beside
from transpiler.passes.normalize_padding import known

Ranges = Mapping[int, tuple[int, int]]
"""Axis -> the elements start:stop that are kept."""


SIZE_UNKNOWN = Refusal(
    "its padding depends on the size of its input, which is unknown", "give the input shape"
)


def spatial_sizes(node: Node) -> tuple[int, ...] | None:
    """The spatial sizes of a node's first operand, channels first; None unless all are known."""
    shape = node.operands[0].type.shape
    return None if shape is None else known(shape[2:])


def leading(size: int, count: int, span: int, stride: int, before: int, least: int = 0) -> int:
    """How many windows must lead so that padding both ends alike leaves room for `count` more (and pads `least`)."""
    short = (count - 1) * stride - (size + 2 * before - span)
    return max(-(-max(short, 0) // stride), -(-max(least - before, 0) // stride))


def keep_ranges(steps: Beside, value: Value, ranges: Ranges) -> Value:
    """`value` with only the listed elements of each axis, whose size must be known."""
    for axis, (start, stop) in ranges.items():
        value = _keep_range(steps, value, axis, start, stop)
    return value


def _keep_range(steps: Beside, value: Value, axis: int, start: int, stop: int) -> Value:
    shape = value.type.shape
    size = shape[axis] if shape is not None else None
    assert size is not None
    points = tuple(point for point in (start, stop) if 0 < point < size)
    if not points:
        return value
    cut = Split(axis=axis, count=len(points) + 1, points=points)
    parts = steps.add_node(f"cut{axis}", cut, value).results
    wanted = 1 if start > 0 else 0
    steps.add_node(f"unused{axis}", Silence(), *(part for i, part in enumerate(parts) if i != wanted))
    return parts[wanted]


def crop(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """A crop by numbers is a slice along every cropped axis."""
    op, shape = node.op, node.operands[0].type.shape
    assert isinstance(op, Crop)
    if shape is None or None in shape[2:]:
        return Refusal(
            "where to cut depends on the size of its input, which is unknown", "give the input shape"
        )
    rows = enumerate(zip(op.crops, shape[2:], strict=True), start=2)
    ranges = {
        axis: (before, (size or 0) - after) for axis, ((before, after), size) in rows if before or after
    }
    return _kept(node, rewriter, ranges)


def cut(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """Consecutive elements of some axes; axes of which one element is taken may go."""
    op, shape = node.op, node.operands[0].type.shape
    assert isinstance(op, Slice)
    if any(step != 1 for step in op.steps):
        return Refusal("Caffe takes consecutive elements only, not every n-th or backwards")
    if shape is None:
        return Refusal(
            "where to cut depends on the shape of its input, which is unknown", "give the input shape"
        )
    ranges: dict[int, tuple[int, int]] = {}
    for axis, begin, end in zip(op.axes, op.begins, op.ends, strict=True):
        where = axis_of(axis, len(shape))
        size = shape[where]
        if size is None:
            return Refusal(f"the size of axis {where} is unknown", "give the input shape")
        start, stop, _ = slice(begin, end).indices(size)
        if (start, stop) != (0, size):
            ranges[where] = (start, stop)
    dropped = sorted(axis_of(axis, len(shape)) for axis in op.squeeze)
    if not dropped:
        return _kept(node, rewriter, ranges)
    steps = Beside(node, rewriter)
    value = keep_ranges(steps, node.operands[0], ranges)
    for axis in reversed(dropped[1:]):
        value = steps.add(f"without{axis}", Reshape(target=(), axis=axis, num_axes=1), value)
    return steps.finish(Reshape(target=(), axis=dropped[0], num_axes=1), value)


def _kept(node: Node, rewriter: Rewriter, ranges: Ranges) -> Sequence[Value]:
    """The node gives way to the parts; where nothing is cut, to its operand."""
    value = keep_ranges(Beside(node, rewriter), node.operands[0], ranges)
    return (value,)
