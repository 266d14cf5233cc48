"""Ops whose kernels and statistics are operands, and shapes as values: what a graph of TensorFlow's own says again."""

from __future__ import annotations

from transpiler.dialects.tensorflow.write_shapes import axis_size, dynamic_shape
from transpiler.dialects.tensorflow.write_steps import Refused, Result, Steps, Tensor, ints, pairs, scalar
from transpiler.dialects.tensorflow.write_template import AttrValue
from transpiler.dialects.tensorflow.write_windows import FIRST, NAMES, padding_name, per_axis
from transpiler.ir import Dim
from transpiler.ops import functional as fun
from transpiler.ops.shape import FilterRows
from transpiler.ops.spatial import DataFormat
from transpiler.ops.windows import Explicit


def _window(op: fun.KernelOp) -> dict[str, AttrValue]:
    """The attributes of a convolution over two or three axes."""
    if op.rank not in (2, 3):
        raise Refused(f"TensorFlow has no convolution over {op.rank} axes with a kernel that is computed")
    last = op.data_format is DataFormat.CHANNELS_LAST
    made: dict[str, AttrValue] = {
        "strides": per_axis(op.strides, op.data_format),
        "dilations": per_axis(op.dilations, op.data_format),
        "data_format": (NAMES if last else FIRST)[op.rank],
    }
    if isinstance(op.padding, Explicit) and op.rank == 2:
        pads = [end for pair in op.padding.pads for end in pair]
        made["padding"] = "EXPLICIT"
        made["explicit_paddings"] = (0, 0, *pads, 0, 0) if last else (0, 0, 0, 0, *pads)
    else:
        made["padding"] = padding_name(op.padding)
    return made


def conv(op: fun.FunctionalConv, s: Steps) -> Result:
    what = "Conv3D" if op.rank == 3 else "Conv2D"
    return s.op(what, *s.operands, name=what, **_window(op))


def depthwise(op: fun.FunctionalDepthwise, s: Steps) -> Result:
    if op.rank != 2:
        raise Refused("TensorFlow has no depthwise convolution of volumes")
    return s.op("DepthwiseConv2dNative", *s.operands, name="depthwise", **_window(op))


def conv_transpose(op: fun.FunctionalConvTranspose, s: Steps) -> Result:
    """The result's size is an operand: constants where they are known, the batch from the input."""
    sizes: list[Dim | Tensor] = list(s.result_shape())
    if sizes[0] is None:
        sizes[0] = axis_size(s, 0)
    if None in sizes:
        raise Refused("the size of its result is unknown", "give --input-shape")
    kind = "Conv3DBackpropInputV2" if op.rank == 3 else "Conv2DBackpropInput"
    x, kernel = s.operands
    shape = dynamic_shape(s, sizes, "input_sizes")
    return s.op(kind, shape, kernel, x, name="conv_transpose", **_window(op))


def batch_norm(op: fun.FunctionalBatchNorm, s: Steps) -> Result:
    formats = {(4, 3): "NHWC", (4, 1): "NCHW", (5, 4): "NDHWC", (5, 1): "NCDHW"}
    place = (s.rank(), op.axis % s.rank())
    if place not in formats:
        raise Refused("TensorFlow has an op for pictures and volumes alone")
    return s.op(
        "FusedBatchNormV3",
        *s.operands,
        epsilon=op.epsilon,
        data_format=formats[place],
        is_training=op.training,
    )


def shape_of(op: fun.ShapeOf, s: Steps) -> Result:
    return s.op("Shape", s.x, out_type=op.dtype)


def reshape_to(op: fun.ReshapeTo, s: Steps) -> Result:
    return s.op("Reshape", *s.operands)


def fill(op: fun.Fill, s: Steps) -> Result:
    return s.op("Fill", s.x, scalar("value", op.value, op.dtype))


def space_to_batch(op: fun.SpaceToBatch, s: Steps) -> Result:
    return s.op("SpaceToBatchND", s.x, ints("block_shape", op.block), pairs("paddings", op.pads))


def batch_to_space(op: fun.BatchToSpace, s: Steps) -> Result:
    return s.op("BatchToSpaceND", s.x, ints("block_shape", op.block), pairs("crops", op.crops))


def filter_rows(op: FilterRows, s: Steps) -> Result:
    """The rows of each operand where the selector, the last one, is not 0."""
    *rows, selector = s.operands
    chosen = s.op("NotEqual", selector, s.like("y", 0.0, selector))
    places = s.op("Where", s.op("Reshape", chosen, ints("shape", (-1,))))
    indices = s.op("Squeeze", places, name="indices", squeeze_dims=(1,))
    return [s.op("GatherV2", x, indices, scalar("axis", 0)) for x in rows]
