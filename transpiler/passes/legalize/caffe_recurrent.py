"""Recurrent layers that read the batch first, for Caffe, whose own read time first: written out step by step.

All steps share the matrices. What steps are taken from and put into is cut with Slice and joined with Concat.
"""

from __future__ import annotations

from collections.abc import Sequence

from transpiler.dialects.rows import Refusal
from transpiler.ir import Node, Value
from transpiler.ir.rewriting import Rewriter
from transpiler.ops.activation import Affine
from transpiler.ops.array import FillLike, Stack, Unstack
from transpiler.ops.shape import Concat, Reshape, Split
from transpiler.ops.spatial import axis_of
from transpiler.passes.beside import Beside
from transpiler.passes.legalize.caffe_shapes import SHAPE_UNKNOWN

Made = Sequence[Value] | Refusal | None


def unrolled(node: Node, rewriter: Rewriter) -> Made:
    """Every step as its matrix products, gates and states. The formulas are the same for every target."""
    from transpiler.passes.legalize import tensorflow_recurrent

    return tensorflow_recurrent.unrolled(node, rewriter)


def unstack(node: Node, rewriter: Rewriter) -> Made:
    """Slices of size 1, whose axis goes."""
    op, rank = node.op, node.operands[0].type.rank
    assert isinstance(op, Unstack)
    if rank is None:
        return SHAPE_UNKNOWN
    axis = axis_of(op.axis, rank)
    steps = Beside(node, rewriter)
    parts: Sequence[Value] = node.operands
    if op.count > 1:
        parts = steps.add_node("slices", Split(axis=axis, count=op.count), *node.operands).results
    without = Reshape(target=(), axis=axis, num_axes=1)
    return [steps.add(str(i), without, part) for i, part in enumerate(parts)]


def stack(node: Node, rewriter: Rewriter) -> Made:
    """Each tensor with an axis of size 1, joined along it."""
    op, rank = node.op, node.operands[0].type.rank
    assert isinstance(op, Stack)
    if rank is None:
        return SHAPE_UNKNOWN
    axis = axis_of(op.axis, rank, extra=1)
    steps = Beside(node, rewriter)
    view = Reshape(target=(1,), axis=axis, num_axes=0)
    views = [steps.add(f"step{i}", view, value) for i, value in enumerate(node.operands)]
    return steps.finish(Concat(axis=axis), *views)


def fill_like(node: Node, rewriter: Rewriter) -> Made:
    """Nothing of the tensor, and the number."""
    assert isinstance(node.op, FillLike)
    return rewriter.swap(node, Affine(scale=0.0, shift=node.op.value))
