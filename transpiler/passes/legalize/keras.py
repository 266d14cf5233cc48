"""Legalization for Keras, 3 and 2: every node becomes one layer or operation that the generation has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from transpiler.dialects.rows import Dialect, Refusal
from transpiler.ir import Graph, Node, Op, Value
from transpiler.ir.rewriting import Rewriter, rewrite, without_dead_nodes
from transpiler.ops import activation as act
from transpiler.ops import convolution as conv
from transpiler.ops import normalization as norm
from transpiler.ops import pooling as pool
from transpiler.ops import reduction, shape
from transpiler.ops.caffe_recurrent import TimeMajorLSTM, TimeMajorRNN
from transpiler.ops.core import Input, Parameter
from transpiler.ops.dense import Dense, Embedding
from transpiler.ops.elementwise import Add
from transpiler.passes.canonicalize import weighted_sum
from transpiler.passes.legalize import keras_learned as learned
from transpiler.passes.legalize import keras_math as maths
from transpiler.passes.legalize import keras_normalization as normalization
from transpiler.passes.legalize import keras_shape as shapes
from transpiler.passes.legalize import keras_windows as windows
from transpiler.passes.legalize.engine import LegalRule, legalize
from transpiler.passes.manager import EXPLICIT_PADDING, SHAPED, Context, Pass


def _stochastic(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    del node, rewriter
    return Refusal("Keras has no pooling that draws elements at random")


def _unrolled(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    from transpiler.passes.legalize import unrolled

    return (
        unrolled.lstm(node, rewriter) if isinstance(node.op, TimeMajorLSTM) else unrolled.rnn(node, rewriter)
    )


RULES: Mapping[type[Op], Sequence[LegalRule]] = {
    conv.Conv: (windows.strided_and_dilated, windows.conv),
    conv.DepthwiseConv: (windows.strided_and_dilated, windows.conv),
    conv.SeparableConv: (windows.conv,),
    conv.LocallyConnected: (windows.conv,),
    conv.Unfold: (windows.unfold,),
    conv.ConvTranspose: (windows.grouped_transposed, windows.dilated_transposed, windows.transposed),
    pool.MaxPool: (windows.max_pool,),
    pool.AveragePool: (windows.average_pool,),
    pool.StochasticPool: (_stochastic,),
    Dense: (learned.dense,),
    Embedding: (learned.embedding,),
    norm.Scale: (learned.scale,),
    norm.Bias: (learned.bias,),
    Parameter: (learned.parameter,),
    norm.LRN: (normalization.lrn,),
    norm.MVN: (normalization.mvn,),
    norm.L2Normalize: (normalization.l2_normalize,),
    Add: (weighted_sum,),
    act.Exp: (maths.exp,),
    act.Log: (maths.log,),
    act.Power: (maths.power,),
    act.Threshold: (maths.threshold,),
    act.Relu: (maths.relu,),
    act.Clip: (maths.clip,),
    act.HardSigmoid: (maths.hard_sigmoid,),
    act.Swish: (maths.swish,),
    act.HardSwish: (maths.hard_swish,),
    act.Mish: (maths.mish,),
    act.LogSoftmax: (maths.log_softmax,),
    act.Maxout: (maths.maxout,),
    reduction.Reduce: (maths.reduce,),
    reduction.ArgMax: (maths.arg_max,),
    shape.Flatten: (shapes.flatten,),
    shape.Reshape: (shapes.reshape,),
    shape.ExpandDims: (shapes.expand_or_squeeze,),
    shape.Squeeze: (shapes.expand_or_squeeze,),
    shape.Copies: (shapes.copies,),
    shape.Tile: (shapes.tile,),
    shape.ShuffleChannels: (shapes.shuffle,),
    shape.Split: (shapes.split,),
    shape.CropLike: (shapes.crop_like,),
    TimeMajorLSTM: (_unrolled,),
    TimeMajorRNN: (_unrolled,),
}
"""Op class -> the rules that are tried, in order, when no row of the dialect spells the node."""


IDIOMS: Mapping[type[Op], Sequence[LegalRule]] = {
    conv.Conv: (windows.depthwise,),
    conv.DepthwiseConv: (windows.unequal_depthwise_strides,),
    conv.ConvTranspose: (windows.dilated_transposed,),
}
"""Rules for nodes that Keras could say as they are, but that a person would say otherwise, or that no CPU runs."""


def _idioms(graph: Graph, context: Context) -> Graph:
    del context

    def rule(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
        for candidate in IDIOMS.get(type(node.op), ()):
            made = candidate(node, rewriter)
            if made is not None and not isinstance(made, Refusal):
                return made
        return None

    return rewrite(graph, rule)


KERAS_IDIOMS = Pass("idioms[keras]", _idioms, requires=frozenset({SHAPED}))


def _pass(target: str, dialect: Callable[[], Dialect]) -> Pass:
    def run(graph: Graph, context: Context) -> Graph:
        legal = legalize(graph, context, dialect(), RULES, "Keras")
        return without_dead_nodes(legal, lambda node: isinstance(node.op, Input))

    provided = frozenset({f"legal[{target}]"})
    return Pass(f"legalize[{target}]", run, provides=provided, breaks=frozenset({EXPLICIT_PADDING}))


def _keras3() -> Dialect:
    from transpiler.dialects.keras.dialect import KERAS3

    return KERAS3


def _keras2() -> Dialect:
    from transpiler.dialects.keras.dialect_keras2 import KERAS2

    return KERAS2


KERAS_PASSES: Mapping[str, Pass] = {"keras": _pass("keras", _keras3), "keras2": _pass("keras2", _keras2)}
"""The legalization pass for each generation of Keras that is written."""
