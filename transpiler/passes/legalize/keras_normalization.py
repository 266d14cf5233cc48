"""Normalizations that Keras lacks, from its own layers and operation nodes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from transpiler.dialects.rows import Refusal
from transpiler.ir import Node, Value
from transpiler.ir.rewriting import Rewriter
from transpiler.ops.activation import Affine, Power
from transpiler.ops.elementwise import Divide, Multiply, Subtract
from transpiler.ops.normalization import LRN, MVN, L2Normalize, Region, Scale
from transpiler.ops.pooling import AveragePool
from transpiler.ops.reduction import Reduce, Reducer
from transpiler.ops.shape import Pad, Reshape
from transpiler.ops.spatial import DataFormat
from transpiler.ops.windows import Explicit
from transpiler.passes.beside import Beside

SQUARE = Power(power=2.0)
ROOT = Power(power=0.5)


def lrn(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """X * (k + alpha * mean of squares) ** -beta; the mean is an average pooling over zero-padded neighbours."""
    op, shape = node.op, node.operands[0].type.shape
    if not isinstance(op, LRN):
        return None
    if shape is None:
        return Refusal("the rank of its input is unknown")
    steps = Beside(node, rewriter)
    x = node.operands[0]
    squared = steps.add("squares", SQUARE, x)
    if op.region is Region.WITHIN:
        mean = _spatial_mean(op, len(shape), squared, steps)
    else:
        mean = _channel_mean(op, shape, squared, steps)
    if isinstance(mean, Refusal):
        return mean
    base = steps.add("base", Affine(scale=op.alpha, shift=op.k), mean)
    return steps.finish(Multiply(), x, steps.add("factor", Power(power=-op.beta), base))


def _spatial_mean(op: LRN, rank: int, squared: Value, steps: Beside) -> Value | Refusal:
    """Neighbours in a square around each place; Caffe's divisor counts the padding."""
    if rank != 4 or op.axis % rank != 3:
        return Refusal("normalization within a channel is defined for pictures, channels last")
    reach = (op.size - 1) // 2
    pool = AveragePool(
        kernel=(op.size, op.size),
        strides=(1, 1),
        padding=Explicit(((reach, reach), (reach, reach))),
        count_padding=True,
        data_format=DataFormat.CHANNELS_LAST,
    )
    return steps.add("mean", pool, squared)


def _channel_mean(op: LRN, shape: tuple[int | None, ...], squared: Value, steps: Beside) -> Value | Refusal:
    """Channels as the columns of a picture with one row a place."""
    axis = op.axis % len(shape)
    channels = shape[axis]
    inner = shape[axis + 1 :]
    if channels is None or axis == 0 or None in inner:
        return Refusal("the number of its channels is unknown", "give --input-shape")
    reach = (op.size - 1) // 2
    columns = math.prod(size for size in inner if size is not None)
    view = steps.add("rows", Reshape(target=(-1, channels, columns), axis=1), squared)
    pads = ((0, 0), (reach, op.size - 1 - reach))
    padded = steps.add("pad", Pad(pads=pads, data_format=DataFormat.CHANNELS_LAST), view)
    pool = AveragePool(kernel=(1, op.size), strides=(1, 1), data_format=DataFormat.CHANNELS_LAST)
    mean = steps.add("mean", pool, padded)
    sizes = tuple(-1 if size is None else size for size in shape[1:])
    if sizes.count(-1) > 1:
        return Refusal("more than one size of its input is unknown", "give --input-shape")
    return steps.add("mean_map", Reshape(target=sizes, axis=1), mean)


def mvn(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """(x - mean) / (standard deviation + epsilon)."""
    op = node.op
    if not isinstance(op, MVN):
        return None
    steps = Beside(node, rewriter)
    x = node.operands[0]
    average = Reduce(reducer=Reducer.MEAN, axes=op.axes, keepdims=True)
    mean = steps.add("mean", average, x)
    if not op.normalize_variance:
        return steps.finish(Subtract(), x, mean)
    centred = steps.add("centred", Subtract(), x, mean)
    variance = steps.add("variance", average, steps.add("squares", SQUARE, centred))
    deviation = steps.add("deviation", ROOT, variance)
    return steps.finish(Divide(), centred, steps.add("divisor", Affine(shift=op.epsilon), deviation))


def l2_normalize(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """X / sqrt(sum of squares + epsilon), times a learned factor."""
    op, rank = node.op, node.operands[0].type.rank
    if not isinstance(op, L2Normalize) or rank is None:
        return None
    steps = Beside(node, rewriter)
    x = node.operands[0]
    squares = steps.add("squares", SQUARE, x)
    total = steps.add("sum", Reduce(reducer=Reducer.SUM, axes=op.axes, keepdims=True), squares)
    length = steps.add("length", ROOT, steps.add("sum_eps", Affine(shift=op.epsilon), total))
    if not op.scale:
        return steps.finish(Divide(), x, length)
    scale = Scale(axis=1, num_axes=0 if op.channel_shared else 1)
    return steps.finish(scale, steps.add("unit", Divide(), x, length))
