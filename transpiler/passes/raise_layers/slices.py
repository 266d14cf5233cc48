"""Single slices of a tensor, however they were taken."""

from __future__ import annotations

import msgspec

from transpiler.ir import Node, Op, Value
from transpiler.ops import shape
from transpiler.ops.array import Unstack
from transpiler.ops.shape import Split, Squeeze
from transpiler.passes.raise_layers.linear import Producer


class Slice(msgspec.Struct, frozen=True):
    """Element `index` of an axis of `value` that has `count` of them, without that axis."""

    value: Value
    axis: int
    index: int
    count: int | None


def slice_of(producer: Producer, value: Value) -> Slice | None:
    """The slice that a value is: of Unstack, of a slice that drops its axis, or a part of size 1 without that axis."""
    node = producer(value)
    if node is None:
        return None
    match node.op:
        case Unstack(axis=axis, count=count):
            rank = node.operands[0].type.rank
            own = axis % rank if rank is not None else axis
            return Slice(node.operands[0], own, node.results.index(value), count)
        case shape.Slice():
            element = element_of(node.op, node.operands[0].type.rank)
            return None if element is None else _single(node.operands[0], *element)
        case Squeeze(axes=(axis,)):
            return _squeezed(producer, node, axis)
        case _:
            return None


def element_of(op: Op, rank: int | None) -> tuple[int, int] | None:
    """The axis of which a slice takes one element and drops it, and that element; None if it does anything else."""
    if not isinstance(op, shape.Slice) or len(op.axes) != 1 or len(op.squeeze) != 1:
        return None
    (axis,) = op.axes
    return (axis if rank is None else axis % rank), op.begins[0]


def _single(x: Value, axis: int, index: int) -> Slice | None:
    if x.type.shape is None:
        return None
    own = axis % len(x.type.shape)
    count = x.type.shape[own]
    if count is None:
        return None if index < 0 else Slice(x, own, index, None)
    return Slice(x, own, index % count, count)


def _squeezed(producer: Producer, node: Node, axis: int) -> Slice | None:
    part = producer(node.operands[0])
    if part is None or not isinstance(part.op, Split) or part.op.points:
        return None
    rank = part.operands[0].type.rank
    if rank is None or axis % rank != part.op.axis % rank or node.operands[0].type.shape is None:
        return None
    if node.operands[0].type.shape[axis] != 1:
        return None
    return Slice(part.operands[0], axis % rank, part.results.index(node.operands[0]), part.op.count)
