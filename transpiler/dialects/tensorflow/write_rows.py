"""Every op of the IR that TensorFlow's graphs say, and the steps that say it: the table that decides legality."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from transpiler.dialects.rows import Array, Dialect, Refusal, Row
from transpiler.dialects.tensorflow import write_activations as activations
from transpiler.dialects.tensorflow import write_arrays as arrays
from transpiler.dialects.tensorflow import write_functional as functions
from transpiler.dialects.tensorflow import write_learned as learned
from transpiler.dialects.tensorflow import write_local as local
from transpiler.dialects.tensorflow import write_math as maths
from transpiler.dialects.tensorflow import write_preprocessing as prepared
from transpiler.dialects.tensorflow import write_recurrent as loops
from transpiler.dialects.tensorflow import write_resize as resized
from transpiler.dialects.tensorflow import write_shapes as shapes
from transpiler.dialects.tensorflow import write_windows as windows
from transpiler.dialects.tensorflow.write_steps import Refused, Result, Steps
from transpiler.dialects.tensorflow.write_template import Template
from transpiler.ir import Attr, Node, Op
from transpiler.ops import activation as act
from transpiler.ops import (
    array,
    core,
    dense,
    einsum,
    functional,
    pooling,
    preprocessing,
    recurrent,
    recurrent_stack,
    resampling,
    shape,
    wrappers,
)
from transpiler.ops import convolution as conv
from transpiler.ops import elementwise as ew
from transpiler.ops import normalization as norm
from transpiler.ops import regularization as reg
from transpiler.ops.reduction import Reduce

Writer = Callable[[Any, Steps], Result]
RECURRENT: Final = (recurrent.Cell, recurrent_stack.RNN, wrappers.Bidirectional)
"""Layers whose matrices are stored as inputs, outputs, however their steps are written."""

_identity: Writer = maths.single("Identity")

WRITERS: Final[Mapping[type[Op], tuple[str, Writer]]] = {
    core.Input: ("Placeholder", learned.placeholder),
    core.Constant: ("Const", learned.constant),
    core.Parameter: ("ReadVariableOp", learned.parameter),
    conv.Conv: ("Conv2D", windows.conv),
    conv.DepthwiseConv: ("DepthwiseConv2dNative", windows.depthwise),
    conv.SeparableConv: ("DepthwiseConv2dNative", windows.separable),
    conv.ConvTranspose: ("Conv2DBackpropInput", windows.conv_transpose),
    conv.LocallyConnected: ("ExtractImagePatches", local.locally_connected),
    pooling.MaxPool: ("MaxPool", windows.pool),
    pooling.AveragePool: ("AvgPool", windows.pool),
    pooling.GlobalMaxPool: ("Max", windows.global_pool),
    pooling.GlobalAveragePool: ("Mean", windows.global_pool),
    dense.Dense: ("MatMul", learned.dense),
    dense.Embedding: ("GatherV2", learned.embedding),
    dense.ReversibleEmbedding: ("GatherV2", learned.reversible_embedding),
    dense.MatMul: ("BatchMatMulV2", learned.matmul),
    einsum.Einsum: ("Einsum", learned.einsum),
    einsum.EinsumDense: ("Einsum", learned.einsum_dense),
    norm.BatchNorm: ("FusedBatchNormV3", learned.batch_norm),
    norm.Scale: ("Mul", learned.scale),
    norm.Bias: ("BiasAdd", learned.bias),
    norm.LRN: ("LRN", learned.lrn),
    norm.LayerNorm: ("Mean", learned.layer_norm),
    norm.GroupNorm: ("Mean", learned.group_norm),
    norm.UnitNorm: ("Rsqrt", learned.unit_norm),
    act.Relu: ("Relu", activations.relu),
    act.PRelu: ("Relu", activations.prelu),
    act.Elu: ("Elu", activations.elu),
    act.Selu: ("Selu", maths.single("Selu")),
    act.Gelu: ("Erf", activations.gelu),
    act.Softplus: ("Softplus", maths.single("Softplus")),
    act.Softsign: ("Softsign", maths.single("Softsign")),
    act.Sigmoid: ("Sigmoid", maths.single("Sigmoid")),
    act.Tanh: ("Tanh", maths.single("Tanh")),
    act.HardSigmoid: ("Maximum", activations.hard_sigmoid),
    act.Swish: ("Mul", activations.swish),
    act.HardSwish: ("Relu6", activations.hard_swish),
    act.Mish: ("Softplus", activations.mish),
    act.ThresholdedRelu: ("Greater", activations.thresholded_relu),
    act.Threshold: ("Greater", activations.threshold),
    act.Clip: ("Maximum", activations.clip),
    act.Identity: ("Identity", _identity),
    act.Abs: ("Abs", maths.single("Abs")),
    act.Affine: ("Mul", maths.write_affine),
    act.Power: ("Pow", maths.power),
    act.Exp: ("Exp", maths.exp),
    act.Log: ("Log", maths.log),
    act.Unary: ("Sin", activations.unary),
    act.Softmax: ("Softmax", maths.softmax),
    act.Sparsemax: ("TopKV2", activations.sparsemax),
    act.LogSoftmax: ("LogSoftmax", maths.log_softmax),
    act.SoftmaxOver: ("Exp", maths.softmax_over),
    act.Glu: ("Sigmoid", maths.glu),
    act.Maxout: ("Max", maths.maxout),
    ew.Add: ("AddV2", maths.add),
    ew.Multiply: ("Mul", maths.multiply),
    ew.Maximum: ("Maximum", maths.maximum),
    ew.Minimum: ("Minimum", maths.minimum),
    ew.Average: ("AddN", maths.average),
    ew.Subtract: ("Sub", maths.single("Sub")),
    ew.Divide: ("RealDiv", maths.single("RealDiv")),
    ew.Pow: ("Pow", maths.single("Pow")),
    ew.Compare: ("Greater", maths.compare),
    ew.Select: ("SelectV2", maths.select),
    ew.BinaryFunction: ("FloorDiv", maths.binary),
    ew.Cast: ("Cast", maths.cast),
    ew.Dot: ("Einsum", maths.dot),
    Reduce: ("Sum", maths.reduce),
    array.ArgExtremum: ("ArgMax", maths.arg_extremum),
    array.TopK: ("TopKV2", maths.top_k),
    array.FillLike: ("OnesLike", maths.fill_like),
    array.Cumulative: ("Cumsum", maths.cumulative),
    array.Variance: ("Mean", maths.variance),
    array.Norm: ("Sqrt", maths.norm),
    array.Gather: ("GatherV2", arrays.gather),
    array.Stack: ("Pack", arrays.stack),
    array.Unstack: ("Unpack", arrays.unstack),
    array.BroadcastTo: ("BroadcastTo", arrays.broadcast_to),
    array.TileAxes: ("Tile", arrays.tile_axes),
    array.Repeat: ("Tile", arrays.repeat),
    array.Flip: ("ReverseV2", arrays.flip),
    array.Roll: ("Roll", arrays.roll),
    array.PadAxes: ("Pad", shapes.pad_axes),
    array.Index: ("StridedSlice", shapes.index),
    shape.Flatten: ("Reshape", shapes.flatten),
    shape.Reshape: ("Reshape", shapes.reshape),
    shape.Transpose: ("Transpose", shapes.transpose),
    shape.Concat: ("ConcatV2", shapes.concat),
    shape.Split: ("Split", shapes.split),
    shape.Slice: ("StridedSlice", shapes.slice_),
    shape.Crop: ("StridedSlice", shapes.crop),
    shape.Pad: ("Pad", shapes.pad),
    shape.Tile: ("Tile", arrays.tile),
    shape.RepeatVector: ("Tile", arrays.repeat_vector),
    shape.ExpandDims: ("ExpandDims", shapes.expand_dims),
    shape.Squeeze: ("Squeeze", shapes.squeeze),
    shape.Reverse: ("ReverseV2", arrays.reverse),
    shape.SelectRows: ("GatherV2", arrays.select_rows),
    shape.FilterRows: ("Where", functions.filter_rows),
    shape.Upsample: ("ResizeNearestNeighbor", arrays.upsample),
    recurrent.SimpleRNN: ("Enter", loops.recurrent),
    recurrent.LSTM: ("Enter", loops.recurrent),
    recurrent.GRU: ("Enter", loops.recurrent),
    functional.FunctionalConv: ("Conv2D", functions.conv),
    functional.FunctionalDepthwise: ("DepthwiseConv2dNative", functions.depthwise),
    functional.FunctionalConvTranspose: ("Conv2DBackpropInput", functions.conv_transpose),
    functional.FunctionalBatchNorm: ("FusedBatchNormV3", functions.batch_norm),
    functional.ShapeOf: ("Shape", functions.shape_of),
    functional.ReshapeTo: ("Reshape", functions.reshape_to),
    functional.Fill: ("Fill", functions.fill),
    functional.SpaceToBatch: ("SpaceToBatchND", functions.space_to_batch),
    functional.BatchToSpace: ("BatchToSpaceND", functions.batch_to_space),
    reg.Dropout: ("Identity", _identity),
    reg.SpatialDropout: ("Identity", _identity),
    reg.GaussianNoise: ("Identity", _identity),
    reg.GaussianDropout: ("Identity", _identity),
    reg.AlphaDropout: ("Identity", _identity),
    reg.ActivityRegularization: ("Identity", _identity),
    preprocessing.Rescale: ("Mul", prepared.rescale),
    preprocessing.Standardize: ("RealDiv", prepared.standardize),
    preprocessing.Resize: ("ResizeBilinear", resized.resize),
    preprocessing.CenterCrop: ("StridedSlice", resized.center_crop),
    resampling.Interp: ("ResizeBilinear", resized.interp),
    preprocessing.RandomChange: ("Identity", _identity),
    preprocessing.OneHot: ("OneHot", lambda op, s: maths.one_hot(s, op.count, op.axis)),
}
"""Op class -> the TensorFlow op that does most of it, and what writes it. Training is not written."""


def template_of(node: Node) -> Template | Refusal:
    """The steps that a node becomes, or why there are none."""
    if type(node.op) not in WRITERS:
        return Refusal(f"TensorFlow has no op for {node.op.name}")
    steps = Steps(node)
    try:
        return steps.finish(WRITERS[type(node.op)][1](node.op, steps))
    except Refused as refused:
        return refused.refusal


def stored_arrays(node: Node) -> tuple[Array, ...]:
    """A node's learned arrays as TensorFlow's variables hold them, also where the node is written as several.

    Raises ShapeError for operands that make no sense.
    """
    made = template_of(node)
    if not isinstance(made, Refusal):
        return made.arrays
    if not isinstance(node.op, RECURRENT):
        return tuple(Array(role) for role in node.op.roles)
    specs = node.op.params([value.type for value in node.operands])
    return tuple(
        Array(role, (1, 0) if role.endswith("kernel") and len(specs[role].shape) == 2 else None)
        for role in node.op.roles
    )


def _put(node: Node) -> Mapping[str, Attr] | Refusal:
    made = template_of(node)
    return made if isinstance(made, Refusal) else {}


TENSORFLOW_WRITING: Final = Dialect.of(
    "tensorflow",
    tuple(Row(native, op, write_only=True, put=_put) for op, (native, _) in WRITERS.items()),
)
"""The rows that decide what is legal: a node is if and only if its template can be made."""
