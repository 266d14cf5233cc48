"""Functions of elements for Keras: named activations where there are, small sums of operation nodes otherwise."""

from __future__ import annotations

import math
from collections.abc import Sequence

from transpiler.dialects.rows import Refusal
from transpiler.ir import DType, Node, Value
from transpiler.ir.rewriting import Rewriter
from transpiler.ops.activation import (
    Abs,
    Affine,
    Clip,
    Exp,
    HardSigmoid,
    HardSwish,
    Identity,
    Log,
    LogSoftmax,
    Maxout,
    Power,
    Relu,
    Sigmoid,
    Softmax,
    Softplus,
    Swish,
    Tanh,
    Threshold,
)
from transpiler.ops.array import FillLike, Flip, TopK
from transpiler.ops.elementwise import Cast, Compare, Comparison, Multiply
from transpiler.ops.reduction import ArgMax, Reduce, Reducer
from transpiler.ops.shape import Concat, Reshape, Transpose
from transpiler.passes.beside import Beside


def exp(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """Base ** (shift + scale x) = e ** (ln base * (shift + scale x))."""
    op = node.op
    if not isinstance(op, Exp) or op == Exp():
        return None
    log_base = 1.0 if op.base is None else math.log(op.base)
    steps = Beside(node, rewriter)
    inner = steps.add(
        "exponent", Affine(scale=log_base * op.scale, shift=log_base * op.shift), *node.operands
    )
    return steps.finish(Exp(), inner)


def log(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """The logarithm to a base is the natural one times a constant."""
    op = node.op
    if not isinstance(op, Log) or op == Log():
        return None
    steps = Beside(node, rewriter)
    inner = node.operands[0]
    if (op.scale, op.shift) != (1.0, 0.0):
        inner = steps.add("argument", Affine(scale=op.scale, shift=op.shift), inner)
    if op.base is None:
        return steps.finish(Log(), inner)
    return steps.finish(Affine(scale=1 / math.log(op.base)), steps.add("log", Log(), inner))


def power(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """(shift + scale x) ** power: an affine step, then a plain power."""
    op = node.op
    if not isinstance(op, Power):
        return None
    if op.power == 1.0:
        return Beside(node, rewriter).finish(Affine(scale=op.scale, shift=op.shift), *node.operands)
    if (op.scale, op.shift) == (1.0, 0.0):
        return None
    steps = Beside(node, rewriter)
    inner = steps.add("base", Affine(scale=op.scale, shift=op.shift), *node.operands)
    return steps.finish(Power(power=op.power), inner)


def threshold(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """A comparison with a number, as a number."""
    op = node.op
    if not isinstance(op, Threshold):
        return None
    steps = Beside(node, rewriter)
    shifted = (
        steps.add("shifted", Affine(shift=-op.threshold), *node.operands)
        if op.threshold
        else node.operands[0]
    )
    zero = steps.add("zero", FillLike(value=0.0), shifted)
    above = steps.add("above", Compare(relation=Comparison.GREATER), shifted, zero)
    return steps.finish(Cast(dtype=DType.FLOAT32), above)


def relu(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """A bounded or shifted leaky rectifier that no single layer says is left to the rows."""
    op = node.op
    if not isinstance(op, Relu) or op.max_value is None or not math.isinf(op.max_value):
        return None
    return Beside(node, rewriter).finish(
        Relu(negative_slope=op.negative_slope, threshold=op.threshold), *node.operands
    )


def clip(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """Clipping from 0 on is a bounded rectifier."""
    op = node.op
    if not isinstance(op, Clip) or op.low != 0.0 or op.high <= 0.0:
        return None
    return Beside(node, rewriter).finish(Relu(max_value=op.high), *node.operands)


def hard_sigmoid(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """Slope x + offset, clipped to 0 … 1."""
    op = node.op
    if not isinstance(op, HardSigmoid):
        return None
    steps = Beside(node, rewriter)
    inner = steps.add("line", Affine(scale=op.slope, shift=op.offset), *node.operands)
    return steps.finish(Relu(max_value=1.0), inner)


def swish(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """X * sigmoid(beta x)."""
    op = node.op
    if not isinstance(op, Swish) or op.beta == 1.0:
        return None
    steps = Beside(node, rewriter)
    gate = steps.add("gate", Sigmoid(), steps.add("beta", Affine(scale=op.beta), *node.operands))
    return steps.finish(Multiply(), node.operands[0], gate)


def hard_swish(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """X * clip(x / 6 + 1/2, 0, 1)."""
    if not isinstance(node.op, HardSwish):
        return None
    steps = Beside(node, rewriter)
    gate = steps.add("gate", HardSigmoid(slope=1 / 6, offset=0.5), *node.operands)
    return steps.finish(Multiply(), node.operands[0], gate)


def mish(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """X * tanh(softplus(x))."""
    steps = Beside(node, rewriter)
    gate = steps.add("gate", Tanh(), steps.add("softplus", Softplus(), *node.operands))
    return steps.finish(Multiply(), node.operands[0], gate)


def log_softmax(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """The logarithm of softmax, where only the last axis has a function of its own."""
    op = node.op
    if not isinstance(op, LogSoftmax):
        return None
    steps = Beside(node, rewriter)
    return steps.finish(Log(), steps.add("softmax", Softmax(axis=op.axis), *node.operands))


def maxout(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """The pieces on an axis of their own, then their maximum."""
    op, shape = node.op, node.operands[0].type.shape
    if not isinstance(op, Maxout) or shape is None:
        return None
    axis = op.axis % len(shape)
    size = shape[axis]
    if axis == 0 or size is None:
        return None
    steps = Beside(node, rewriter)
    view = Reshape(target=(size // op.pieces, op.pieces), axis=axis, num_axes=1)
    pieces = steps.add("pieces", view, *node.operands)
    return steps.finish(Reduce(reducer=Reducer.MAX, axes=(axis + 1,)), pieces)


def reduce(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """Factors and inner functions become steps of their own."""
    op = node.op
    if not isinstance(op, Reduce):
        return None
    steps = Beside(node, rewriter)
    plain = {Reducer.ABS_SUM: Abs(), Reducer.SQUARE_SUM: Power(power=2.0)}
    x = node.operands[0]
    reducer = op.reducer
    if reducer in plain:
        x = steps.add("inner", plain[reducer], x)
        reducer = Reducer.SUM
    elif op.factor == 1.0:
        return None
    bare = Reduce(reducer=reducer, axes=op.axes, keepdims=op.keepdims)
    if op.factor == 1.0:
        return steps.finish(bare, x)
    return steps.finish(Affine(scale=op.factor), steps.add("reduced", bare, x))


def arg_max(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """The largest elements and where they are. Of equals Caffe takes the last, Keras the first: hence the flip."""
    op, shape = node.op, node.operands[0].type.shape
    if not isinstance(op, ArgMax) or shape is None:
        return None
    steps = Beside(node, rewriter)
    if op.axis is None:
        return _flat_arg_max(steps, op, len(shape))
    axis = op.axis % len(shape)
    if axis == 0:
        return Refusal("it looks for the largest along the batch axis")
    order = (*(i for i in range(len(shape)) if i != axis), axis)
    x = node.operands[0]
    if axis != len(shape) - 1:
        x = steps.add("last", Transpose(axes=order), x)
    found = _largest(steps, op, x)
    if isinstance(found, Refusal):
        return found
    chosen = found[1] if op.values else found[0]
    back = tuple(order.index(i) for i in range(len(shape)))
    return (
        steps.finish(Transpose(axes=back), chosen)
        if axis != len(shape) - 1
        else steps.finish(Identity(), chosen)
    )


def _flat_arg_max(steps: Beside, op: ArgMax, rank: int) -> Sequence[Value] | Refusal:
    """Each example flattened: [N, 1, k] indices, or with the values below them [N, 2, k]."""
    x = steps.node.operands[0]
    if rank != 2:
        x = steps.add("flat", Reshape(target=(-1,), axis=1), x)
    found = _largest(steps, op, x)
    if isinstance(found, Refusal):
        return found
    rows = found if op.values else found[:1]
    blank = (1,) * max(rank - 3, 0)
    if len(rows) == 1:
        return steps.finish(Reshape(target=(1, op.top_k, *blank), axis=1), rows[0])
    parts = [
        steps.add(f"row{i}", Reshape(target=(1, op.top_k, *blank), axis=1), row) for i, row in enumerate(rows)
    ]
    return steps.finish(Concat(axis=1), *parts)


def _largest(steps: Beside, op: ArgMax, x: Value) -> tuple[Value, Value] | Refusal:
    """Indices (as numbers) and values of the largest elements of the last axis, the last of equals first."""
    size = None if x.type.shape is None else x.type.shape[-1]
    if size is None:
        return Refusal("how many elements it chooses from is unknown", "give --input-shape")
    flipped = steps.add("flipped", Flip(axes=(-1,)), x)
    values, places = steps.add_node("largest", TopK(k=op.top_k), flipped).results
    numbers = steps.add("places", Cast(dtype=DType.FLOAT32), places)
    return steps.add("indices", Affine(scale=-1.0, shift=float(size - 1)), numbers), values
