"""Windows and neighbours for TensorFlow, where its ops differ from Keras' layers or no CPU runs them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from transpiler.dialects.rows import Refusal
from transpiler.ir import Node, Value
from transpiler.ir.rewriting import Rewriter
from transpiler.ops.convolution import Conv, ConvTranspose, DepthwiseConv, SeparableConv
from transpiler.ops.normalization import LRN, Region
from transpiler.ops.pooling import MaxPool
from transpiler.ops.shape import Crop, Transpose
from transpiler.ops.windows import Explicit, Same, Valid, extent
from transpiler.passes.beside import Beside
from transpiler.passes.legalize.keras_windows import depthwise as as_depthwise
from transpiler.passes.legalize.keras_windows import dilated_transposed, grouped_transposed, maps_of
from transpiler.passes.normalize_padding import evolve


def depthwise(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """A convolution with one group a channel is a depthwise one, which TensorFlow has for lines and pictures."""
    if isinstance(node.op, Conv) and node.op.rank < 3:
        return as_depthwise(node, rewriter)
    return None


def depthwise_volume(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """A depthwise convolution of volumes is one with a group a channel."""
    op = node.op
    maps = maps_of(node, op) if isinstance(op, DepthwiseConv) else None
    if not isinstance(op, DepthwiseConv) or op.rank < 3 or maps is None or maps.channels is None:
        return None
    changed = Conv(
        filters=maps.channels * op.multiplier,
        kernel=op.kernel,
        strides=op.strides,
        dilations=op.dilations,
        padding=op.padding,
        groups=maps.channels,
        bias=op.bias,
        data_format=op.data_format,
    )
    return Beside(node, rewriter).finish(changed, *node.operands)


def strided_and_dilated(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """Every window, then every stride-th: a depthwise convolution has no stride together with dilation."""
    op = node.op
    if not isinstance(op, DepthwiseConv) or isinstance(op.padding, Same):
        return None
    if max(op.strides) == 1 or max(op.dilations) == 1:
        return None
    steps = Beside(node, rewriter)
    ones = (1,) * op.rank
    uses = [node.param(role) for role in op.roles]
    every = steps.add("every", evolve(op, strides=ones), *node.operands, params=uses)
    return steps.finish(
        MaxPool(kernel=ones, strides=op.strides, data_format=op.data_format), every, params=()
    )


def separated(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """A depthwise convolution and one of 1x1, each legalized by itself."""
    op = node.op
    maps = maps_of(node, op) if isinstance(op, SeparableConv) else None
    if not isinstance(op, SeparableConv) or maps is None:
        return None
    first = DepthwiseConv(
        multiplier=op.multiplier,
        kernel=op.kernel,
        strides=op.strides,
        dilations=op.dilations,
        padding=op.padding,
        bias=False,
        data_format=op.data_format,
    )
    ones = (1,) * op.rank
    second = Conv(
        filters=op.filters,
        kernel=ones,
        strides=ones,
        dilations=ones,
        bias=op.bias,
        data_format=op.data_format,
    )
    steps = Beside(node, rewriter)
    inner = msgspec.structs.replace(node.param("depthwise_kernel"), role="kernel")
    apart = steps.add("depthwise", first, node.operands[0], params=[inner])
    uses = [msgspec.structs.replace(node.param("pointwise_kernel"), role="kernel")]
    uses += [node.param("bias")] if op.bias else []
    return steps.finish(second, apart, params=uses)


def flipped(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """A dilated transposed convolution, which no CPU runs, is a convolution with the flipped kernel, group by group."""
    op = node.op
    if not isinstance(op, ConvTranspose) or max(op.dilations) == 1:
        return None
    if max(op.strides) > 1:
        return Refusal("no CPU runs a transposed convolution with a stride together with dilation")
    split = grouped_transposed if op.groups > 1 else dilated_transposed
    return split(node, rewriter)


def transposed(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """What is neither SAME nor VALID is the whole result with a crop behind."""
    op = node.op
    if not isinstance(op, ConvTranspose) or not isinstance(op.padding, (Explicit, Valid)):
        return None
    spans = [extent(k, d) for k, d in zip(op.kernel, op.dilations, strict=True)]
    if any(more >= stride for more, stride in zip(op.output_padding, op.strides, strict=True)):
        return Refusal("it appends as much as a stride or more, which TensorFlow cannot say")
    native = tuple(max(stride - span, 0) for stride, span in zip(op.strides, spans, strict=True))
    crops = tuple(
        (before, after + given - wanted)
        for (before, after), given, wanted in zip(op.crops, native, op.output_padding, strict=True)
    )
    extra = native
    if any(after < 0 for _, after in crops):  # it appends more than the kernel leaves open
        extra = op.output_padding
        crops = op.crops
    whole = evolve(op, padding=Valid(), output_padding=extra)
    if not any(end for pair in crops for end in pair):
        return None if whole == op else Beside(node, rewriter).finish(whole, *node.operands)
    steps = Beside(node, rewriter)
    full = steps.add("full", whole, *node.operands, params=[node.param(role) for role in op.roles])
    return steps.finish(Crop(crops=crops, data_format=op.data_format), full, params=())


def lrn(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """Across another axis of a picture than the last: transposed there and back."""
    op, rank = node.op, node.operands[0].type.rank
    if not isinstance(op, LRN) or rank != 4 or op.region is not Region.ACROSS or op.size % 2 == 0:
        return None
    axis = op.axis % rank
    if axis in (0, rank - 1):
        return None
    order = (*(i for i in range(rank) if i != axis), axis)
    back = tuple(order.index(i) for i in range(rank))
    steps = Beside(node, rewriter)
    last = steps.add("last", Transpose(axes=order), *node.operands)
    return steps.finish(Transpose(axes=back), steps.add("lrn", op.evolve(axis=3), last))
