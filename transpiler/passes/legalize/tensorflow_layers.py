"""Layers made of others for TensorFlow: one applied at every step, adaptive pooling, convolutional recurrence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from transpiler.dialects.rows import Refusal
from transpiler.dialects.tensorflow.write_recurrent import MOST_STEPS
from transpiler.ir import DType, Node, Op, Value
from transpiler.ir.rewriting import Rewriter
from transpiler.ops import activation as act
from transpiler.ops.array import FillLike, Stack, Unstack
from transpiler.ops.convolution import Conv
from transpiler.ops.dense import Dense
from transpiler.ops.elementwise import Add, Cast, Compare, Comparison, Divide, Multiply
from transpiler.ops.pooling import AdaptiveMaxPool, AdaptivePool, AveragePool, StochasticPool
from transpiler.ops.recurrent_stack import ConvLSTM
from transpiler.ops.reduction import Reduce, Reducer
from transpiler.ops.shape import Concat, Reshape, Slice
from transpiler.ops.spatial import DataFormat
from transpiler.ops.windows import Same
from transpiler.ops.wrappers import SpectralNorm, TimeDistributed
from transpiler.passes.beside import Beside
from transpiler.passes.legalize.tensorflow_recurrent import lstm_state


def time_distributed(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """Steps join the batch, the inner op is applied, and they part again; a dense layer needs none of that."""
    op, shape = node.op, node.operands[0].type.shape
    if not isinstance(op, TimeDistributed):
        return None
    if len(node.operands) != 1 or op.inner.result_count != 1:
        return Refusal("it applies an op of several tensors")
    if shape is None:
        return Refusal("the rank of its input is unknown", "give --input-shape")
    uses = [node.param(role) for role in op.inner.roles]
    steps = Beside(node, rewriter)
    function = _inner_activation(node)
    if isinstance(function, Refusal):
        return function
    if isinstance(op.inner, Dense) and op.inner.axis % (len(shape) - 1) == len(shape) - 2:
        dense = op.inner.evolve(axis=-1)
        if isinstance(function, act.Identity):
            return steps.finish(dense, *node.operands, params=uses)
        return steps.finish(function, steps.add("dense", dense, *node.operands, params=uses), params=())
    if None in shape[1:] or len(shape) < 2:
        return Refusal("the sizes of its input are unknown", "give --input-shape")
    inner = steps.add("steps", Reshape(target=(-1, *(n or 0 for n in shape[2:]))), *node.operands)
    made = steps.add("inner", op.inner, inner, params=uses)
    if not isinstance(function, act.Identity):
        made = steps.add("activation", function, made)
    rest = made.type.shape
    if rest is None or None in rest[1:]:
        return Refusal("the size of its result is unknown", "give --input-shape")
    return steps.finish(Reshape(target=(-1, shape[1] or 0, *(n or 0 for n in rest[1:]))), made, params=())


def _inner_activation(node: Node) -> Op | Refusal:
    """The activation of the layer inside, which the graph keeps among its native fields."""
    from transpiler.dialects.keras.activations import read_activation

    layer = node.native("keras").get("layer")
    config = layer.get("config") if isinstance(layer, Mapping) else None
    if not isinstance(config, Mapping):
        return act.Identity()
    try:
        return read_activation(config.get("activation"))
    except ValueError:
        return Refusal("the activation inside has no name")


def adaptive_pool(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """Axis after axis, each part reduced to one: part i of m holds elements floor(i n / m) to ceil((i + 1) n / m)."""
    op, shape = node.op, node.operands[0].type.shape
    if not isinstance(op, AdaptivePool):
        return None
    if shape is None:
        return Refusal("the rank of its input is unknown", "give --input-shape")
    first = 2 if op.data_format is DataFormat.CHANNELS_FIRST else 1
    reducer = Reducer.MAX if isinstance(op, AdaptiveMaxPool) else Reducer.MEAN
    steps = Beside(node, rewriter)
    value = node.operands[0]
    for axis, (size, wanted) in enumerate(
        zip(shape[first : first + len(op.size)], op.size, strict=True), first
    ):
        if size is None:
            return Refusal("the size of its input is unknown", "give --input-shape")
        parts = []
        for i in range(wanted):
            cut = Slice(axes=(axis,), begins=(i * size // wanted,), ends=(-(-(i + 1) * size // wanted),))
            part = steps.add(f"part{axis}_{i}", cut, value)
            parts.append(
                steps.add(f"cell{axis}_{i}", Reduce(reducer=reducer, axes=(axis,), keepdims=True), part)
            )
        value = steps.add(f"axis{axis}", Concat(axis=axis), *parts)
    return steps.finish(act.Identity(), value)


def stochastic_pool(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """At test time each element of a window counts by its own size: sum x^2 / sum x, 0 where nothing is positive.

    Source: Caffe's pooling_layer.cu; the divisor of the means falls out.
    """
    op = node.op
    if not isinstance(op, StochasticPool):
        return None
    steps = Beside(node, rewriter)
    x = node.operands[0]
    mean = AveragePool(
        kernel=op.kernel,
        strides=op.strides,
        padding=op.padding,
        rounding=op.rounding,
        data_format=op.data_format,
    )
    sums = steps.add("mean", mean, x)
    weighted = steps.add("weighted", mean, steps.add("square", act.Power(power=2.0), x))
    none = steps.add("none", FillLike(value=0.0), sums)
    positive = steps.add("positive", Compare(relation=Comparison.GREATER), sums, none)
    found = steps.add("found", Cast(dtype=DType.FLOAT32), positive)
    empty = steps.add("empty", act.Affine(scale=-1.0, shift=1.0), found)
    divisor = steps.add("divisor", Add(), steps.add("sum", Multiply(), sums, found), empty)
    ratio = steps.add("ratio", Divide(), weighted, divisor)
    return steps.finish(Multiply(), ratio, found, params=())


def spectral_norm(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """Only training divides the kernel."""
    if not isinstance(node.op, SpectralNorm):
        return None
    return Beside(node, rewriter).finish(node.op.inner, *node.operands)


def conv_lstm(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """An LSTM whose products are convolutions, written out step by step."""
    op, shape = node.op, node.operands[0].type.shape
    if not isinstance(op, ConvLSTM):
        return None
    if op.stateful:
        return Refusal("it keeps its state from one run to the next")
    if shape is None or None in shape[1:] or (shape[1] or 0) > MOST_STEPS:
        return Refusal("it is written out step by step, which takes known sizes", "give --input-shape")
    steps = Beside(node, rewriter)
    count = shape[1] or 0
    axis = 1 if op.data_format is DataFormat.CHANNELS_FIRST else op.rank + 1
    frames = steps.add_node("x", Unstack(count=count, axis=1), node.operands[0]).results
    ones = (1,) * op.rank
    into = Conv(
        filters=4 * op.filters,
        kernel=op.kernel,
        strides=op.strides,
        dilations=op.dilations,
        padding=op.padding,
        bias=op.bias,
        data_format=op.data_format,
    )
    within = into.evolve(strides=ones, dilations=ones, padding=Same(), bias=False)
    uses = [node.param("kernel"), *([node.param("bias")] if op.bias else [])]
    use = msgspec.structs.replace(node.param("recurrent_kernel"), role="kernel")
    state: tuple[Value, ...] = tuple(node.operands[1:])
    outputs: list[Value] = []
    for t in range(count - 1, -1, -1) if op.go_backwards else range(count):
        name = f"step{t}"
        x = steps.add(f"{name}/projection", into, frames[t], params=uses)
        state = state or (_zeros(steps, op, x, axis),) * 2
        gates = steps.add(
            f"{name}/gates", Add(), x, steps.add(f"{name}/recurrent", within, state[0], params=[use])
        )
        state = lstm_state(steps, op, name, gates, state[1], axis)
        outputs.append(state[0])
    finals = state if op.return_state else ()
    if not op.return_sequences:
        return (outputs[-1], *finals)
    return (*steps.finish(Stack(axis=1), *outputs, params=()), *finals)


def _zeros(steps: Beside, op: ConvLSTM, gates: Value, axis: int) -> Value:
    """A state of zeros: a slice of the gates is as large."""
    part = steps.add("part", Slice(axes=(axis,), begins=(0,), ends=(op.filters,)), gates)
    return steps.add("zeros", FillLike(value=0.0), part)
