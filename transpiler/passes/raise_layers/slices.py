"""Single slices of a tensor, however they were taken."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from transpiler.ir import Node, Value
from transpiler.ops.array import Index, Unstack
from transpiler.ops.shape import Split, Squeeze
from transpiler.passes.raise_layers.linear import Producer


@attrs.frozen
class Slice:
    """Element `index` of an axis of `value` that has `count` of them, without that axis."""

    value: Value
    axis: int
    index: int
    count: int | None


def slice_of(producer: Producer, value: Value) -> Slice | None:
    """The slice that a value is: of Unstack, of an index, or a part of size 1 whose axis was taken away."""
    node = producer(value)
    if node is None:
        return None
    match node.op:
        case Unstack(axis=axis, count=count):
            rank = node.operands[0].type.rank
            own = axis % rank if rank is not None else axis
            return Slice(node.operands[0], own, node.results.index(value), count)
        case Index():
            return _indexed(node)
        case Squeeze(axes=(axis,)):
            return _squeezed(producer, node, axis)
        case _:
            return None


def _indexed(node: Node) -> Slice | None:
    op, x = node.op, node.operands[0]
    assert isinstance(op, Index)
    numbers = [i for i, item in enumerate(op.key) if isinstance(item, int) and not isinstance(item, bool)]
    rest = [item for i, item in enumerate(op.key) if i not in numbers]
    everything = all(isinstance(item, Mapping) and item.get("slice") == [None, None, None] for item in rest)
    if len(numbers) != 1 or not everything or x.type.shape is None:
        return None
    count, index = x.type.shape[numbers[0]], op.key[numbers[0]]
    assert isinstance(index, int)
    if count is None:
        return None if index < 0 else Slice(x, numbers[0], index, None)
    return Slice(x, numbers[0], index % count, count)


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
