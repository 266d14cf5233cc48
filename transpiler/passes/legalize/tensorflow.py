"""Legalization for TensorFlow: every node becomes a few ops that a CPU runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from transpiler.dialects.rows import Refusal
from transpiler.dialects.tensorflow.write_rows import TENSORFLOW_WRITING, template_of
from transpiler.ir import Graph, Node, Op, ParamUse, Take, Value
from transpiler.ir.rewriting import Rewriter, rewrite, without_dead_nodes
from transpiler.ops import convolution as conv
from transpiler.ops import normalization as norm
from transpiler.ops import pooling as pool
from transpiler.ops import reduction, shape
from transpiler.ops.attention import AdditiveAttention, Attention, GroupQueryAttention, MultiHeadAttention
from transpiler.ops.caffe_recurrent import LSTMUnit, TimeMajorLSTM, TimeMajorRNN
from transpiler.ops.core import Input
from transpiler.ops.dense import Dense
from transpiler.ops.recurrent import GRU, LSTM, SimpleRNN
from transpiler.ops.recurrent_stack import RNN, ConvLSTM
from transpiler.ops.resampling import Unpool
from transpiler.ops.retired import Highway, MaxoutDense, ParametricSoftplus, SRelu
from transpiler.ops.wrappers import SpectralNorm, TimeDistributed
from transpiler.passes.legalize import keras_learned, keras_math, keras_normalization, keras_shape, unrolled
from transpiler.passes.legalize import keras_windows as windows
from transpiler.passes.legalize import tensorflow_attention as heads
from transpiler.passes.legalize import tensorflow_layers as layers
from transpiler.passes.legalize import tensorflow_recurrent as recurrent
from transpiler.passes.legalize import tensorflow_retired as retired
from transpiler.passes.legalize import tensorflow_unpool as unpools
from transpiler.passes.legalize import tensorflow_windows as own
from transpiler.passes.legalize.engine import LegalRule, legalize, report
from transpiler.passes.manager import EXPLICIT_PADDING, SHAPED, Context, Pass

RULES: Final[Mapping[type[Op], Sequence[LegalRule]]] = {
    conv.Conv: (windows.strided_and_dilated, windows.conv),
    conv.DepthwiseConv: (
        own.depthwise_volume,
        own.strided_and_dilated,
        windows.unequal_depthwise_strides,
        windows.conv,
    ),
    conv.SeparableConv: (own.separated,),
    conv.LocallyConnected: (windows.conv,),
    conv.Unfold: (windows.unfold,),
    conv.ConvTranspose: (own.flipped, own.transposed),
    pool.MaxPool: (windows.max_pool,),
    pool.AveragePool: (windows.average_pool,),
    Dense: (keras_learned.dense,),
    norm.LRN: (own.lrn, keras_normalization.lrn),
    norm.MVN: (keras_normalization.mvn,),
    norm.L2Normalize: (keras_normalization.l2_normalize,),
    reduction.ArgMax: (keras_math.arg_max,),
    shape.Copies: (keras_shape.copies,),
    shape.ShuffleChannels: (keras_shape.shuffle,),
    shape.CropLike: (keras_shape.crop_like,),
    **dict.fromkeys((SimpleRNN, LSTM, GRU, RNN), (recurrent.unrolled,)),
    MultiHeadAttention: (heads.multi_head,),
    GroupQueryAttention: (heads.group_query,),
    Attention: (heads.attention,),
    AdditiveAttention: (heads.attention,),
    TimeMajorLSTM: (unrolled.lstm,),
    TimeMajorRNN: (unrolled.rnn,),
    LSTMUnit: (retired.lstm_unit,),
    Highway: (retired.highway,),
    MaxoutDense: (retired.maxout_dense,),
    ParametricSoftplus: (retired.parametric_softplus,),
    SRelu: (retired.srelu,),
}
"""Op class -> the rules that are tried, in order, when the node has no template."""

EXPANDED: Final[Mapping[type[Op], Sequence[LegalRule]]] = {
    ConvLSTM: (layers.conv_lstm,),
    TimeDistributed: (layers.time_distributed,),
    SpectralNorm: (layers.spectral_norm,),
    pool.StochasticPool: (layers.stochastic_pool,),
    pool.MaxPool: (unpools.masked_pool,),
    Unpool: (unpools.unpool,),
    pool.AdaptiveMaxPool: (layers.adaptive_pool,),
    pool.AdaptiveAveragePool: (layers.adaptive_pool,),
}
"""Layers made of others are taken apart before padding and data formats are settled, for what they are made of."""

IDIOMS: Final[Mapping[type[Op], Sequence[LegalRule]]] = {conv.Conv: (own.depthwise,)}
"""Rules for nodes that could be written as they are, but that a person would write otherwise."""


def _idioms(graph: Graph, context: Context) -> Graph:
    del context

    def rule(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
        for candidate in IDIOMS.get(type(node.op), ()):
            made = candidate(node, rewriter)
            if made is not None and not isinstance(made, Refusal):
                return made
        return None

    return rewrite(graph, rule)


def _expand(graph: Graph, context: Context) -> Graph:
    refused: list[tuple[Node, Refusal]] = []

    def rule(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
        for candidate in EXPANDED.get(type(node.op), ()):
            made = candidate(node, rewriter)
            if isinstance(made, Refusal):
                refused.append((node, made))
            elif made is not None:
                return made
        return None

    expanded = rewrite(graph, rule)
    if refused:
        report(refused, context, "TensorFlow")
    return expanded


def _legalize(graph: Graph, context: Context) -> Graph:
    legal = legalize(graph, context, TENSORFLOW_WRITING, RULES, "TensorFlow")
    return without_dead_nodes(legal, lambda node: isinstance(node.op, Input))


def _parts(use: ParamUse) -> object:
    """Which part of an array is used: groups of one kernel are different parts."""
    return use.symbol, tuple(step for step in use.relayouts if isinstance(step, Take))


def _check_shared(graph: Graph, context: Context) -> Graph:
    """An array that several nodes share is one variable, so all of them must read it in the same order."""
    first: dict[object, tuple[Node, object]] = {}
    for node in graph.nodes:
        made = template_of(node)
        for array in () if isinstance(made, Refusal) else made.arrays:
            use = node.param(array.role)
            stored = (use.relayouts, array.axes, array.shape)
            other, theirs = first.setdefault(_parts(use), (node, stored))
            if stored != theirs:
                context.sink.error(
                    "T5003",
                    f"layers {other.origin.layer} and {node.origin.layer} share {use.symbol} but read it in different "
                    "orders, and a variable has one",
                    node.span,
                    related=() if other.span is None else ((other.span, "the first layer that uses it"),),
                )
    return graph


SHARED_ARRAYS: Final = Pass("shared_arrays", _check_shared, requires=frozenset({SHAPED}))
EXPAND_LAYERS: Final = Pass("expand_layers", _expand, requires=frozenset({SHAPED}))
TENSORFLOW_IDIOMS: Final = Pass("idioms[tensorflow]", _idioms, requires=frozenset({SHAPED}))
LEGALIZE_TENSORFLOW: Final = Pass(
    "legalize[tensorflow]",
    _legalize,
    provides=frozenset({"legal[tensorflow]"}),
    breaks=frozenset({EXPLICIT_PADDING}),
)
