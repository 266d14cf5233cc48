"""Legalization for BVLC Caffe: every node becomes one layer that Caffe has, or is named with the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from transpiler.dialects.caffe.dialect import CAFFE
from transpiler.ir import Graph, Node, Op, ParamUse
from transpiler.ops import activation as act
from transpiler.ops import convolution as conv
from transpiler.ops import elementwise as ew
from transpiler.ops import normalization as norm
from transpiler.ops import pooling as pool
from transpiler.ops import recurrent, shape
from transpiler.ops.array import FillLike, Stack, Unstack
from transpiler.ops.core import Data
from transpiler.ops.dense import Embedding
from transpiler.ops.preprocessing import Standardize
from transpiler.ops.reduction import Reduce
from transpiler.ops.wrappers import Bidirectional, TimeDistributed
from transpiler.passes.legalize import caffe_cut as cut
from transpiler.passes.legalize import caffe_inputs as inputs
from transpiler.passes.legalize import caffe_learned as learned
from transpiler.passes.legalize import caffe_math as maths
from transpiler.passes.legalize import caffe_pooling as pooling
from transpiler.passes.legalize import caffe_recurrent as steps
from transpiler.passes.legalize import caffe_shapes as shapes
from transpiler.passes.legalize import caffe_windows as windows
from transpiler.passes.legalize.engine import LegalRule, legalize
from transpiler.passes.manager import SHAPED, Context, Pass

RULES: Mapping[type[Op], Sequence[LegalRule]] = {
    Data: (inputs.data,),
    conv.Conv: (windows.conv,),
    conv.DepthwiseConv: (windows.conv,),
    conv.SeparableConv: (windows.separable,),
    conv.ConvTranspose: (windows.transposed,),
    pool.MaxPool: (pooling.pool,),
    pool.AveragePool: (pooling.pool,),
    pool.StochasticPool: (pooling.pool,),
    pool.GlobalMaxPool: (pooling.global_pool,),
    pool.GlobalAveragePool: (pooling.global_pool,),
    shape.Upsample: (windows.upsample,),
    shape.Pad: (windows.pad,),
    shape.Crop: (cut.crop,),
    shape.Slice: (cut.cut,),
    shape.ExpandDims: (shapes.expand_dims,),
    shape.Squeeze: (shapes.squeeze,),
    shape.RepeatVector: (shapes.repeat_vector,),
    shape.Transpose: (shapes.transpose,),
    shape.ShuffleChannels: (shapes.shuffle,),
    shape.Reverse: (shapes.reverse,),
    act.Maxout: (shapes.maxout,),
    Reduce: (shapes.reduce,),
    Embedding: (shapes.embedding,),
    TimeDistributed: (shapes.time_distributed,),
    act.Relu: (maths.relu,),
    act.PRelu: (maths.prelu,),
    act.HardSigmoid: (maths.hard_sigmoid,),
    act.HardSwish: (maths.hard_swish,),
    act.Mish: (maths.mish,),
    act.Softsign: (maths.softsign,),
    act.ThresholdedRelu: (maths.thresholded_relu,),
    act.Selu: (maths.selu,),
    act.Gelu: (maths.gelu,),
    act.LogSoftmax: (maths.log_softmax,),
    act.Identity: (maths.identity,),
    act.Unary: (maths.unary,),
    ew.Add: (maths.single, maths.add),
    ew.Multiply: (maths.single, maths.multiply),
    ew.Maximum: (maths.single,),
    ew.Minimum: (maths.single, maths.minimum),
    ew.Average: (maths.average,),
    ew.Subtract: (maths.subtract,),
    ew.Divide: (maths.divide,),
    ew.Axpy: (maths.axpy,),
    norm.BatchNorm: (learned.batch_norm,),
    norm.LRN: (learned.lrn,),
    norm.L2Normalize: (learned.l2_normalize,),
    norm.LayerNorm: (learned.layer_norm,),
    norm.GroupNorm: (learned.divided_otherwise,),
    Standardize: (learned.standardize,),
    recurrent.SimpleRNN: (steps.unrolled,),
    recurrent.LSTM: (steps.unrolled,),
    recurrent.GRU: (learned.recurrent,),
    Bidirectional: (learned.recurrent,),
    Stack: (steps.stack,),
    Unstack: (steps.unstack,),
    FillLike: (steps.fill_like,),
}
"""Op class -> the rules that are tried, in order, when no row of the dialect spells the node."""


def _legalize(graph: Graph, context: Context) -> Graph:
    legal = legalize(graph, context, CAFFE, RULES, "Caffe")
    _check_sharing(legal, context)
    return legal


def _check_sharing(graph: Graph, context: Context) -> None:
    """Caffe shares an array as it is stored: two nodes that need it laid out differently cannot share it."""
    first: dict[str, tuple[Node, ParamUse]] = {}
    for node in graph.nodes:
        for role in node.op.roles:
            use = node.param(role)
            if use.constant is not None:
                continue
            other, as_used = first.setdefault(use.symbol, (node, use))
            if as_used.relayouts != use.relayouts:
                text = f"layers {other.name} and {node.name} share {use.symbol}, but Caffe needs it in different orders"
                context.sink.error("T5003", text, node.span)


CAFFE_PASSES: tuple[Pass, ...] = (
    inputs.SET_INPUTS,
    inputs.DROP_NOISE,
    windows.FOLD_PADS,
    pooling.USUAL_ROUNDING,
    Pass("legalize[caffe]", _legalize, requires=frozenset({SHAPED}), provides=frozenset({"legal[caffe]"})),
)
"""What a graph goes through, after it is channels first with explicit padding, before it is written as Caffe."""
