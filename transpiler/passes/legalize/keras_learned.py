"""Learned tensors for Keras: matrix products over several axes, factors and summands without a normalization."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from transpiler.dialects.rows import Refusal
from transpiler.ir import Node, Value
from transpiler.ir import Reshape as Restored
from transpiler.ir.rewriting import Rewriter
from transpiler.ir.types import product
from transpiler.ops.activation import Affine
from transpiler.ops.array import Cumulative, FillLike
from transpiler.ops.core import Input, Parameter
from transpiler.ops.dense import Dense, Embedding
from transpiler.ops.einsum import EinsumDense
from transpiler.ops.elementwise import Add
from transpiler.ops.normalization import Bias, Scale
from transpiler.ops.shape import Flatten, Reshape, Slice
from transpiler.passes.beside import Beside


def dense(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """Keras multiplies the last axis only: the axes of the vector are flattened first."""
    op, shape = node.op, node.operands[0].type.shape
    if not isinstance(op, Dense):
        return None
    if shape is None:
        return Refusal("the rank of its input is unknown", "give --input-shape")
    axis = op.axis % len(shape)
    if axis == 0:
        return Refusal("it multiplies the batch axis too")
    last = op.evolve(axis=-1)
    steps = Beside(node, rewriter)
    if axis == len(shape) - 1:
        return None if last == op else steps.finish(last, *node.operands)
    if axis == 1:
        return steps.finish(last, steps.add("flatten", Flatten(), *node.operands))
    sizes = [*shape[1:axis], product(shape[axis:])]
    target = tuple(-1 if size is None else size for size in sizes)
    if target.count(-1) > 1:
        return Refusal("more than one size of its input is unknown", "give --input-shape")
    return steps.finish(last, steps.add("flatten", Reshape(target=target, axis=1), *node.operands))


def embedding(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """A bias on the rows is added behind."""
    op = node.op
    if not isinstance(op, Embedding) or not op.bias:
        return None
    steps = Beside(node, rewriter)
    rows = steps.add("rows", op.evolve(bias=False), *node.operands, params=[node.param("kernel")])
    use = msgspec.structs.replace(node.param("bias"), role="beta")
    return steps.finish(Bias(axis=-1, num_axes=1), rows, params=[use])


def scale(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """A learned factor over some axes is an EinsumDense whose equation sums over nothing."""
    op, shape = node.op, node.operands[0].type.shape
    if not isinstance(op, Scale) or not op.learned:
        return None
    if shape is None:
        return Refusal("the rank of its input is unknown", "give --input-shape")
    start = op.axis % len(shape) if op.num_axes else 0
    count = len(shape) - start if op.num_axes == -1 else op.num_axes
    if count == 0:
        return _single_factor(node, rewriter, op, len(shape))
    if start == 0:
        return Refusal("its factor spans the batch axis")
    letters = "abcdefghijklmnopqrstuvwxyz"[: len(shape)]
    span = letters[start : start + count]
    made = EinsumDense(
        equation=f"{letters},{span}->{letters}",
        output_shape=tuple(shape[1:]),
        bias_axes=span if op.bias else None,
    )
    uses = [msgspec.structs.replace(node.param("gamma"), role="kernel")]
    if op.bias:
        summand = msgspec.structs.replace(node.param("beta"), role="bias")
        blank = (1,) * (len(shape) - start - count)
        known = tuple(size for size in shape[start : start + count] if size is not None)
        if blank and len(known) < count:
            return Refusal("the sizes of the axes that it scales are unknown", "give --input-shape")
        uses.append(summand.then(Restored((*known, *blank))) if blank else summand)
    return Beside(node, rewriter).finish(made, *node.operands, params=uses)


def _single_factor(node: Node, rewriter: Rewriter, op: Scale, rank: int) -> Sequence[Value] | Refusal:
    """One number for the whole tensor: a product with a 1 x 1 matrix over an axis of size 1."""
    shape = node.operands[0].type.shape or ()
    if rank == 0:
        return Refusal("it scales a single number")
    steps = Beside(node, rewriter)
    sizes = tuple(-1 if size is None else size for size in shape[1:])
    if sizes.count(-1) > 1:
        return Refusal("more than one size of its input is unknown", "give --input-shape")
    column = steps.add("column", Reshape(target=(*sizes, 1), axis=1), *node.operands)
    uses = [msgspec.structs.replace(node.param("gamma"), role="kernel").then(Restored((1, 1)))]
    if op.bias:
        uses.append(msgspec.structs.replace(node.param("beta"), role="bias").then(Restored((1,))))
    scaled = steps.add("scaled", Dense(units=1, axis=-1, bias=op.bias), column, params=uses)
    return steps.finish(Reshape(target=sizes, axis=1), scaled, params=())


def bias(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """A learned summand is the only row of an embedding, looked up with zeros, added."""
    op, shape = node.op, node.operands[0].type.shape
    if not isinstance(op, Bias) or not op.learned:
        return None
    if shape is None or len(shape) < 2:
        return Refusal("its input has no axis behind the batch")
    start = op.axis % len(shape) if op.num_axes else 1
    count = len(shape) - start if op.num_axes == -1 else op.num_axes
    span = shape[start : start + count]
    size = product(span)
    if start == 0 or size is None:
        return Refusal("its summand spans the batch axis or axes of unknown size")
    steps = Beside(node, rewriter)
    use = msgspec.structs.replace(node.param("beta"), role="kernel").then(Restored((1, size)))
    row = steps.add("row", Embedding(count=1, units=size), _zeros(steps, node.operands[0]), params=[use])
    target = (*(1,) * (start - 1), *(n or 1 for n in span), *(1,) * (len(shape) - start - count))
    summand = steps.add("summand", Reshape(target=target, axis=1), row)
    return steps.finish(Add(), node.operands[0], summand, params=())


def _zeros(steps: Beside, x: Value) -> Value:
    """One zero an example, [N, 1], made from any tensor."""
    return steps.add("zero", FillLike(value=0.0), _first(steps, x))


def _first(steps: Beside, x: Value) -> Value:
    """The first element of each example, [N, 1]."""
    rank = x.type.rank or 2
    first = x
    if rank > 2:
        first = steps.add("flat", Flatten(), x)
    return steps.add("first", Slice(axes=(1,), begins=(0,), ends=(1,)), first)


def parameter(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """A learned tensor for a fixed batch: one row of an embedding for each example, looked up by its number."""
    op = node.op
    if not isinstance(op, Parameter):
        return None
    given = [other.result for other in rewriter.nodes if isinstance(other.op, Input)]
    source = next(
        (value for value in given if value.type.shape and value.type.shape[0] == op.shape[:1][0]), None
    )
    if not op.shape or source is None:
        return Refusal("no input has its first axis, and a value in Keras begins with an axis of examples")
    rows, sizes = op.shape[0], op.shape[1:]
    units = product(sizes)
    if rows is None or units is None:
        return Refusal("its size is unknown")
    steps = Beside(node, rewriter)
    ones = steps.add("one", FillLike(value=1.0), _first(steps, source))
    numbers = steps.add("number", Affine(shift=-1.0), steps.add("count", Cumulative(axis=0), ones))
    use = msgspec.structs.replace(node.param("value"), role="kernel").then(Restored((rows, units)))
    table = steps.add("rows", Embedding(count=rows, units=units), numbers, params=[use])
    return steps.finish(Reshape(target=tuple(n or 0 for n in sizes), axis=1), table, params=())
