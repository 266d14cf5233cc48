"""Layers of old Keras and of Caffe that TensorFlow has as a few ops: highways, maxout, learned curves, one LSTM step.

Formulas are those of Keras 1.2 (keras/layers/core.py, advanced_activations.py) and of Caffe's lstm_unit_layer.cpp.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from transpiler.dialects.rows import Refusal
from transpiler.ir import DType, Node, ParamUse, Value
from transpiler.ir.rewriting import Rewriter
from transpiler.ops.activation import Abs, Affine, Relu, Sigmoid, Softplus, Tanh
from transpiler.ops.caffe_recurrent import LSTMUnit
from transpiler.ops.core import Parameter
from transpiler.ops.dense import Dense
from transpiler.ops.einsum import EinsumDense
from transpiler.ops.elementwise import Add, Minimum, Multiply, Subtract
from transpiler.ops.reduction import Reduce, Reducer
from transpiler.ops.retired import Highway, MaxoutDense, ParametricSoftplus, SRelu
from transpiler.ops.shape import ExpandDims, Split
from transpiler.passes.beside import Beside


def highway(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """T h + (1 - t) x."""
    op, shape = node.op, node.operands[0].type.shape
    if not isinstance(op, Highway):
        return None
    if shape is None or shape[-1] is None:
        return Refusal("the size of its input is unknown", "give --input-shape")
    steps = Beside(node, rewriter)
    x = node.operands[0]
    dense = Dense(units=shape[-1], axis=-1, bias=op.bias)
    gate = steps.add(
        "carry", Sigmoid(), steps.add("carry_input", dense, x, params=_uses(steps, "carry_", op.bias))
    )
    made = steps.add("transform", dense, x, params=_uses(steps, "", op.bias))
    changed = steps.add("changed", Multiply(), steps.add("activation", op.activation, made), gate)
    rest = steps.add("rest", Affine(scale=-1.0, shift=1.0), gate)
    return steps.finish(Add(), changed, steps.add("kept", Multiply(), rest, x), params=())


def _uses(steps: Beside, prefix: str, bias: bool) -> list[ParamUse]:
    roles = ("kernel", "bias") if bias else ("kernel",)
    return [msgspec.structs.replace(steps.node.param(prefix + role), role=role) for role in roles]


def maxout_dense(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """All pieces at once, then the largest."""
    op = node.op
    if not isinstance(op, MaxoutDense):
        return None
    steps = Beside(node, rewriter)
    dense = EinsumDense(
        equation="ai,pio->apo", output_shape=(op.pieces, op.units), bias_axes="po" if op.bias else None
    )
    pieces = steps.add("pieces", dense, node.operands[0], params=_uses(steps, "", op.bias))
    return steps.finish(Reduce(reducer=Reducer.MAX, axes=(1,)), pieces, params=())


def parametric_softplus(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """Alpha log(1 + exp(beta x))."""
    if not isinstance(node.op, ParametricSoftplus):
        return None
    steps = Beside(node, rewriter)
    learned = _learned(steps)
    if isinstance(learned, Refusal):
        return learned
    alpha, beta = learned
    inner = steps.add("softplus", Softplus(), steps.add("scaled", Multiply(), node.operands[0], beta))
    return steps.finish(Multiply(), inner, alpha, params=())


def srelu(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """The right threshold is learned as a distance from the left one."""
    if not isinstance(node.op, SRelu):
        return None
    steps = Beside(node, rewriter)
    learned = _learned(steps)
    if isinstance(learned, Refusal):
        return learned
    left, left_slope, distance, right_slope = learned
    x = node.operands[0]
    right = steps.add("right", Add(), left, steps.add("distance", Abs(), distance))
    width = steps.add("width", Subtract(), right, left)
    offset = steps.add("offset", Subtract(), x, left)
    above = steps.add("middle", Minimum(), steps.add("above", Relu(), offset), width)
    under = steps.add("under", Relu(), steps.add("negative", Affine(scale=-1.0), offset))
    below = steps.add("below", Multiply(), left_slope, under)
    main = steps.add("main", Add(), left, steps.add("bent", Subtract(), above, below))
    beyond = steps.add("beyond", Relu(), steps.add("excess", Subtract(), x, right))
    return steps.finish(Add(), main, steps.add("tail", Multiply(), beyond, right_slope), params=())


def _learned(steps: Beside) -> list[Value] | Refusal:
    """The learned arrays of a node as values."""
    node = steps.node
    specs = node.op.params([value.type for value in node.operands])
    if any(None in spec.shape for spec in specs.values()):
        return Refusal("the size of its weights depends on sizes that are not known", "give --input-shape")
    return [
        steps.add(
            role,
            Parameter(shape=spec.shape, dtype=DType.FLOAT32),
            params=[msgspec.structs.replace(node.param(role), role="value")],
        )
        for role, spec in specs.items()
    ]


def lstm_unit(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """C = cont f c' + i g, h = o tanh(c); gates in the order input, forget, output, candidate."""
    if not isinstance(node.op, LSTMUnit):
        return None
    steps = Beside(node, rewriter)
    before, gates, cont = node.operands
    i, f, o, g = steps.add_node("gates", Split(axis=2, count=4), gates).results
    flags = steps.add("cont", ExpandDims(axis=2), cont)
    kept = steps.add("kept", Multiply(), flags, steps.add("forget", Sigmoid(), f), before)
    new = steps.add("new", Multiply(), steps.add("input", Sigmoid(), i), steps.add("candidate", Tanh(), g))
    cell = steps.add("cell", Add(), kept, new)
    squashed = steps.add("tanh", Tanh(), cell)
    return cell, steps.add("hidden", Multiply(), steps.add("output", Sigmoid(), o), squashed)
