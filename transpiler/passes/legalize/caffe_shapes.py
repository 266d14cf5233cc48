"""Changes of shape, reductions and dense layers for Caffe."""

from __future__ import annotations

import math
from collections.abc import Sequence

from transpiler.dialects.rows import Refusal
from transpiler.ir import Node, Value
from transpiler.ir.rewriting import Rewriter
from transpiler.ops.activation import Maxout
from transpiler.ops.convolution import Unfold
from transpiler.ops.dense import Dense, Embedding
from transpiler.ops.elementwise import Maximum
from transpiler.ops.pooling import GlobalAveragePool, GlobalMaxPool
from transpiler.ops.reduction import Reduce, Reducer, ReduceTail
from transpiler.ops.shape import (
    Concat,
    ExpandDims,
    RepeatVector,
    Reshape,
    Reverse,
    ShuffleChannels,
    Split,
    Squeeze,
    Tile,
    Transpose,
)
from transpiler.ops.spatial import axis_of
from transpiler.ops.wrappers import TimeDistributed
from transpiler.passes.beside import Beside

Made = Sequence[Value] | Refusal | None
MOST_PARTS = 4096
"""A tensor is not cut into more single slices than this."""
SHAPE_UNKNOWN = Refusal("the shape of its input is unknown", "give the input shape")
_TAIL_REDUCERS = (Reducer.SUM, Reducer.MEAN, Reducer.ABS_SUM, Reducer.SQUARE_SUM)


def expand_dims(node: Node, rewriter: Rewriter) -> Made:
    op, rank = node.op, node.operands[0].type.rank
    assert isinstance(op, ExpandDims)
    if rank is None:
        return SHAPE_UNKNOWN
    return rewriter.swap(node, Reshape(target=(1,), axis=axis_of(op.axis, rank, extra=1), num_axes=0))


def squeeze(node: Node, rewriter: Rewriter) -> Made:
    op, rank = node.op, node.operands[0].type.rank
    assert isinstance(op, Squeeze)
    if rank is None:
        return SHAPE_UNKNOWN
    axes = sorted({axis_of(axis, rank) for axis in op.axes}, reverse=True)
    if not axes:
        return node.operands
    steps = Beside(node, rewriter)
    value = node.operands[0]
    for axis in axes[:-1]:
        value = steps.add(f"without{axis}", Reshape(target=(), axis=axis, num_axes=1), value)
    return steps.finish(Reshape(target=(), axis=axes[-1], num_axes=1), value)


def repeat_vector(node: Node, rewriter: Rewriter) -> Made:
    op = node.op
    assert isinstance(op, RepeatVector)
    steps = Beside(node, rewriter)
    view = steps.add("step", Reshape(target=(1,), axis=1, num_axes=0), node.operands[0])
    return steps.finish(Tile(axis=1, tiles=op.count), view)


def transpose(node: Node, rewriter: Rewriter) -> Made:
    """Axes of size 1 may move anywhere: their elements stay where they are. Any others take Im2col's help."""
    op, shape = node.op, node.operands[0].type.shape
    assert isinstance(op, Transpose)
    if shape is None or None in shape:
        return SHAPE_UNKNOWN
    sizes = tuple(size or 0 for size in shape)
    steps = Beside(node, rewriter)
    value = rotated(steps, node.operands[0], sizes, op.axes)
    return steps.finish(Reshape(target=tuple(sizes[axis] for axis in op.axes)), value)


def rotated(steps: Beside, value: Value, sizes: Sequence[int], axes: Sequence[int]) -> Value:
    """The elements of `value` in the order of a transposition, in some shape or other.

    Im2col with a window of one whole row makes [A, 1, B, C] into [A, C, B, 1], which swaps the last two of three
    groups of axes; step by step this brings every axis to its place.
    """
    order = [axis for axis in range(len(sizes)) if sizes[axis] != 1]
    wanted = [axis for axis in axes if sizes[axis] != 1]
    for place, axis in enumerate(wanted):
        at = order.index(axis)
        if at == place:
            continue
        groups = order[:place], order[place:at], order[at:]
        outer, middle, inner = (math.prod(sizes[i] for i in group) for group in groups)
        view = steps.add(f"rows{place}", Reshape(target=(outer, 1, middle, inner)), value)
        rows = Unfold(kernel=(1, inner), strides=(1, 1), dilations=(1, 1))
        value = steps.add(f"swapped{place}", rows, view)
        order = [*groups[0], *groups[2], *groups[1]]
    return value


def last_axes(steps: Beside, value: Value, axes: Sequence[int]) -> Value | None:
    """`value` with these axes moved behind all others, in their order; None where a size is unknown."""
    shape = value.type.shape
    if shape is None or None in shape:
        return None
    sizes = tuple(size or 0 for size in shape)
    rest = [axis for axis in range(len(sizes)) if axis not in axes]
    order = (*rest, *axes)
    if order == tuple(range(len(sizes))):
        return value
    moved = rotated(steps, value, sizes, order)
    return steps.add("moved", Reshape(target=tuple(sizes[axis] for axis in order)), moved)


def _reordered(node: Node, rewriter: Rewriter, axis: int, order: Sequence[int]) -> Made:
    """The single slices of an axis joined in another order."""
    if len(order) > MOST_PARTS:
        return Refusal(f"it would take {len(order)} slices")
    if len(order) == 1:
        return node.operands
    steps = Beside(node, rewriter)
    parts = steps.add_node("slices", Split(axis=axis, count=len(order)), node.operands[0]).results
    return steps.finish(Concat(axis=axis), *(parts[i] for i in order))


def shuffle(node: Node, rewriter: Rewriter) -> Made:
    op, shape = node.op, node.operands[0].type.shape
    assert isinstance(op, ShuffleChannels)
    axis = axis_of(op.axis, len(shape)) if shape is not None else 0
    size = shape[axis] if shape is not None else None
    if size is None:
        return SHAPE_UNKNOWN
    rest = size // op.groups
    return _reordered(node, rewriter, axis, [g * rest + i for i in range(rest) for g in range(op.groups)])


def reverse(node: Node, rewriter: Rewriter) -> Made:
    op, shape = node.op, node.operands[0].type.shape
    assert isinstance(op, Reverse)
    axis = axis_of(op.axis, len(shape)) if shape is not None else 0
    size = shape[axis] if shape is not None else None
    if size is None:
        return SHAPE_UNKNOWN
    return _reordered(node, rewriter, axis, list(range(size))[::-1])


def maxout(node: Node, rewriter: Rewriter) -> Made:
    """Neighbours along an axis are taken apart and compared."""
    op, shape = node.op, node.operands[0].type.shape
    assert isinstance(op, Maxout)
    if shape is None:
        return SHAPE_UNKNOWN
    axis = axis_of(op.axis, len(shape))
    size = shape[axis]
    if size is None:
        return SHAPE_UNKNOWN
    if op.pieces == 1:
        return node.operands
    steps = Beside(node, rewriter)
    view = steps.add(
        "groups", Reshape(target=(size // op.pieces, op.pieces), axis=axis, num_axes=1), *node.operands
    )
    parts = steps.add_node("pieces", Split(axis=axis + 1, count=op.pieces), view).results
    largest = steps.add("max", Maximum(), *parts)
    return steps.finish(Reshape(target=(), axis=axis + 1, num_axes=1), largest)


def reduce(node: Node, rewriter: Rewriter) -> Made:
    """Sums and means over the last axes are a Reduction; over all of space also the largest has a form."""
    op, shape = node.op, node.operands[0].type.shape
    assert isinstance(op, Reduce)
    if shape is None:
        return SHAPE_UNKNOWN
    rank = len(shape)
    axes = sorted({axis_of(axis, rank) for axis in op.axes})
    if not axes:
        return node.operands if op.factor == 1 else None
    steps = Beside(node, rewriter)
    if axes == list(range(2, rank)) and op.factor == 1 and op.reducer in (Reducer.MEAN, Reducer.MAX):
        kind = GlobalMaxPool if op.reducer is Reducer.MAX else GlobalAveragePool
        return steps.finish(kind(keepdims=op.keepdims), *node.operands)
    if op.reducer not in _TAIL_REDUCERS:
        return Refusal(f"Caffe's Reduction adds; it cannot give the {op.reducer.value} over axes {axes}")
    moved = last_axes(steps, node.operands[0], axes)
    if moved is None:
        return SHAPE_UNKNOWN
    tail = ReduceTail(reducer=op.reducer, axis=rank - len(axes), factor=op.factor)
    if not op.keepdims:
        return steps.finish(tail, moved)
    kept = tuple(1 if i in axes else size or 0 for i, size in enumerate(shape))
    return steps.finish(Reshape(target=kept), steps.add("reduced", tail, moved))


def embedding(node: Node, rewriter: Rewriter) -> Made:
    """A declared length changes nothing; a mask would."""
    op = node.op
    assert isinstance(op, Embedding)
    if op.mask_zero:
        return Refusal("Caffe's Embed cannot mark steps that later layers skip")
    return rewriter.swap(node, op.evolve(length=None)) if op.length is not None else None


def time_distributed(node: Node, rewriter: Rewriter) -> Made:
    """What works on single elements or the last axis needs no wrapper."""
    op, rank = node.op, node.operands[0].type.rank
    assert isinstance(op, TimeDistributed)
    from transpiler.ops.activation import Activation

    if isinstance(op.inner, Dense) and rank is not None:
        axis = axis_of(op.inner.axis, rank - 1)
        return rewriter.swap(node, op.inner.evolve(axis=axis + 1))
    if isinstance(op.inner, Activation) and not op.inner.roles and not hasattr(op.inner, "axis"):
        return rewriter.swap(node, op.inner)
    return Refusal(f"Caffe applies {op.inner.name} to a batch, not to every step of one")
