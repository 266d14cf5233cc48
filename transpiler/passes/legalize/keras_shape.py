"""Shapes for Keras: its layers leave the batch axis alone; what touches it becomes an operation node."""

from __future__ import annotations

from collections.abc import Sequence

from transpiler.dialects.rows import Refusal
from transpiler.ir import Node, Value
from transpiler.ir.rewriting import Rewriter
from transpiler.ir.types import Shape
from transpiler.ops.activation import Identity
from transpiler.ops.shape import (
    Concat,
    CropLike,
    Flatten,
    Reshape,
    ShuffleChannels,
    Slice,
    Split,
    Tile,
    Transpose,
)
from transpiler.passes.beside import Beside

MOST_TILES = 1024
"""A tensor is not joined with itself more often than this."""
UNKNOWN_RANK = Refusal("the rank of its input is unknown", "give --input-shape")


def _target(shape: Shape) -> tuple[int, ...] | Refusal:
    """Sizes for a reshape of everything but the batch; one unknown size may be inferred."""
    sizes = tuple(-1 if size is None else size for size in shape[1:])
    if sizes.count(-1) > 1:
        return Refusal("more than one size of its result is unknown", "give --input-shape")
    return sizes


def _to_shape(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """A reshape that keeps the batch axis, from the types on both sides."""
    source, result = node.operands[0].type.shape, node.results[0].type.shape
    if source is None or result is None:
        return UNKNOWN_RANK
    if not source or not result:
        return Refusal("it makes or takes a single number, which has no batch axis")
    if source[0] == result[0]:
        sizes = _target(result)
        if isinstance(sizes, Refusal):
            return sizes
        made = Reshape(target=sizes, axis=1)
    else:
        whole = tuple(-1 if size is None else size for size in result)
        if whole.count(-1) > 1:
            return Refusal("more than one size of its result is unknown", "give --input-shape")
        made = Reshape(target=whole)
    return None if made == node.op else Beside(node, rewriter).finish(made, *node.operands)


def flatten(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """A flatten of some axes is a reshape; of everything behind the batch it is Keras' own."""
    if node.op == Flatten():
        return None
    rank = node.operands[0].type.rank
    op = node.op
    if (
        isinstance(op, Flatten)
        and rank is not None
        and rank > 1
        and op.axis % rank == 1
        and op.end_axis % rank == rank - 1
    ):
        return Beside(node, rewriter).finish(Flatten(), *node.operands)
    return _to_shape(node, rewriter)


def reshape(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """Copied sizes and partial reshapes are written out."""
    return _to_shape(node, rewriter)


def expand_or_squeeze(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    return _to_shape(node, rewriter)


def copies(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    del rewriter
    return (node.operands[0],) * len(node.results)


def tile(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """A tensor joined with itself."""
    op = node.op
    if not isinstance(op, Tile):
        return None
    steps = Beside(node, rewriter)
    if op.tiles == 1:
        return steps.finish(Identity(), *node.operands)
    if op.tiles > MOST_TILES:
        return Refusal(f"it repeats its operand more than {MOST_TILES} times")
    return steps.finish(Concat(axis=op.axis), *(node.operands[0],) * op.tiles)


def shuffle(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """Groups and their members change places: reshape, transpose, reshape."""
    op, shape = node.op, node.operands[0].type.shape
    if not isinstance(op, ShuffleChannels):
        return None
    if shape is None:
        return UNKNOWN_RANK
    axis = op.axis % len(shape)
    size = shape[axis]
    if size is None or axis == 0:
        return Refusal("the number of its channels is unknown")
    view = (*shape[:axis], op.groups, size // op.groups, *shape[axis + 1 :])
    sizes, back = _target(view), _target(shape)
    if isinstance(sizes, Refusal) or isinstance(back, Refusal):
        return UNKNOWN_RANK
    steps = Beside(node, rewriter)
    grouped = steps.add("groups", Reshape(target=sizes, axis=1), *node.operands)
    order = (*range(axis), axis + 1, axis, *range(axis + 2, len(shape) + 1))
    turned = steps.add("turned", Transpose(axes=order), grouped)
    return steps.finish(Reshape(target=back, axis=1), turned)


def split(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """Parts cut out one by one."""
    op, shape = node.op, node.operands[0].type.shape
    if not isinstance(op, Split):
        return None
    if shape is None:
        return UNKNOWN_RANK
    sizes = op.sizes(shape[op.axis % len(shape)])
    if None in sizes:
        return Refusal("the sizes of its parts are unknown", "give --input-shape")
    steps = Beside(node, rewriter)
    start, parts = 0, []
    for i, size in enumerate(sizes):
        stop = start + (size or 0)
        part = Slice(axes=(op.axis,), begins=(start,), ends=(stop,))
        parts.append(steps.add(f"part{i}", part, *node.operands))
        start = stop
    return tuple(parts)


def crop_like(node: Node, rewriter: Rewriter) -> Refusal:
    del rewriter
    assert isinstance(node.op, CropLike)
    return Refusal("the sizes that it crops to are unknown", "give --input-shape")
