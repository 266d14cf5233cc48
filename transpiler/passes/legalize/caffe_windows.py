"""Convolutions for Caffe: symmetric padding and a cut behind it, padding folded into its readers.

Caffe pads both ends of an axis alike. Windows that start `before` elements outside are those that start `p` outside,
p = before + m * stride, without the first m (trap 2): so pad by p and cut.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from transpiler.dialects.rows import Refusal
from transpiler.ir import Graph, Node, ParamUse, Value
from transpiler.ir.parameters import Constant
from transpiler.ir.rewriting import Rewriter, rewrite, without_dead_nodes
from transpiler.ops.convolution import Conv, ConvTranspose, DepthwiseConv, SeparableConv, Windowed
from transpiler.ops.pooling import AveragePool, MaxPool, Pool
from transpiler.ops.shape import Pad, Upsample
from transpiler.ops.spatial import DataFormat
from transpiler.ops.windows import (
    Explicit,
    Rounding,
    Same,
    Valid,
    explicit_pads,
    extent,
)
from transpiler.passes.beside import Beside
from transpiler.passes.legalize.caffe_cut import SIZE_UNKNOWN, keep_ranges, leading, spatial_sizes
from transpiler.passes.legalize.nonnegative import is_nonnegative
from transpiler.passes.manager import SHAPED, Context, Pass
from transpiler.passes.normalize_padding import evolve, pairs_or_valid

Made = Sequence[Value] | Refusal | None


def conv(node: Node, rewriter: Rewriter) -> Made:
    """Padding that differs at both ends: pad more, convolve, cut."""
    op = node.op
    assert isinstance(op, Windowed)
    if not isinstance(op.padding, (Explicit, Same)):
        return None
    spatial = spatial_sizes(node)
    if spatial is None or isinstance(op.padding, Same):
        return SIZE_UNKNOWN
    counts = tuple(count or 0 for count in op.outputs(spatial))
    spans = tuple(map(extent, op.kernel, op.dilations))
    rows = list(zip(spatial, counts, spans, op.strides, op.padding.pads, strict=True))
    shifts = tuple(leading(size, count, span, stride, pads[0]) for size, count, span, stride, pads in rows)
    pads = tuple(row[4][0] + m * row[3] for row, m in zip(rows, shifts, strict=True))
    if tuple((pad, pad) for pad in pads) == op.padding.pads:
        return None
    padded = evolve(op, padding=pairs_or_valid(tuple((pad, pad) for pad in pads)))
    steps = Beside(node, rewriter)
    ranges = {
        axis: (m, m + count) for axis, (m, count) in enumerate(zip(shifts, counts, strict=True), start=2)
    }
    result = steps.finish(padded, *node.operands)
    return (keep_ranges(steps, result[0], ranges),)


def separable(node: Node, rewriter: Rewriter) -> Made:
    """A depthwise convolution and a 1x1 convolution."""
    op = node.op
    assert isinstance(op, SeparableConv)
    window = {
        name: getattr(op, name) for name in ("kernel", "strides", "dilations", "padding", "data_format")
    }
    ones = (1,) * op.rank
    steps = Beside(node, rewriter)
    depthwise = DepthwiseConv(multiplier=op.multiplier, bias=False, **window)
    uses = [msgspec.structs.replace(node.param("depthwise_kernel"), role="kernel")]
    inner = steps.add("depthwise", depthwise, *node.operands, params=uses)
    pointwise = Conv(
        filters=op.filters,
        kernel=ones,
        strides=ones,
        dilations=ones,
        bias=op.bias,
        data_format=op.data_format,
    )
    uses = [msgspec.structs.replace(node.param("pointwise_kernel"), role="kernel")]
    if op.bias:
        uses.append(node.param("bias"))
    return steps.finish(pointwise, inner, params=uses)


def transposed(node: Node, rewriter: Rewriter) -> Made:
    """Crops that differ at both ends: crop what both have in common, then cut."""
    op, spatial = node.op, spatial_sizes(node)
    assert isinstance(op, ConvTranspose)
    if isinstance(op.padding, Same) or spatial is None:
        return SIZE_UNKNOWN
    counts = op.outputs(spatial)
    pads = tuple(
        min(before, after - more) for (before, after), more in zip(op.crops, op.output_padding, strict=True)
    )
    if any(pad < 0 for pad in pads):
        return Refusal("it appends elements behind the full result, which Caffe's Deconvolution cannot")
    plain = evolve(
        op, padding=pairs_or_valid(tuple((pad, pad) for pad in pads)), output_padding=(0,) * op.rank
    )
    if plain == op:
        return None
    rows = zip(op.crops, pads, counts, strict=True)
    starts = [(before - pad, count or 0) for (before, _), pad, count in rows]
    ranges = {axis: (start, start + count) for axis, (start, count) in enumerate(starts, start=2)}
    steps = Beside(node, rewriter)
    result = steps.finish(plain, *node.operands)
    return (keep_ranges(steps, result[0], ranges),)


def upsample(node: Node, rewriter: Rewriter) -> Made:
    """Repetition is a transposed convolution of each channel with ones."""
    op, shape = node.op, node.operands[0].type.shape
    assert isinstance(op, Upsample)
    if op.interpolation != "nearest":
        return Refusal(
            f"Caffe has no {op.interpolation} interpolation between pixel centres",
            "its bilinear filler gives other values at the border",
        )
    if shape is None or shape[1] is None:
        return Refusal("the number of channels is unknown", "give the input shape")
    ones = (1,) * len(op.factors)
    spread = ConvTranspose(
        filters=shape[1], kernel=op.factors, strides=op.factors, dilations=ones,
        output_padding=(0,) * len(op.factors), groups=shape[1], bias=False,
    )  # fmt: skip
    return _with_ones(node, rewriter, spread)


def pad(node: Node, rewriter: Rewriter) -> Made:
    """Zeros around a tensor that nothing can take into its own padding: a 1x1 convolution of each channel with one."""
    op, shape = node.op, node.operands[0].type.shape
    assert isinstance(op, Pad)
    if op.value != 0:
        return Refusal(f"Caffe pads with zeros, not with {op.value}")
    if shape is None or shape[1] is None:
        return Refusal("the number of channels is unknown", "give the input shape")
    ones = (1,) * len(op.pads)
    around = Conv(
        filters=shape[1], kernel=ones, strides=ones, dilations=ones, padding=pairs_or_valid(op.pads),
        groups=shape[1], bias=False,
    )  # fmt: skip
    return _with_ones(node, rewriter, around)


def _with_ones(node: Node, rewriter: Rewriter, op: Conv | ConvTranspose) -> Sequence[Value]:
    """The node as a convolution whose kernel is 1 everywhere and is not learned."""
    filler = {"weight_filler": {"type": "constant", "value": 1.0}}
    extras = {"caffe": {"param": [{"lr_mult": 0.0, "decay_mult": 0.0}], "convolution_param": filler}}
    ones = ParamUse("kernel", f"{node.name}/kernel", constant=Constant(1.0))
    return rewriter.swap(node, op, params=(ones,), extras={**node.extras, **extras})


def _folded(node: Node, reader: Node, rewriter: Rewriter) -> Windowed | Pool | None:
    """The reader with the padding of `node` taken into its own, or None if that changes anything."""
    op, made = reader.op, node.op
    assert isinstance(made, Pad)
    if made.value != 0 or getattr(op, "data_format", None) is not DataFormat.CHANNELS_FIRST:
        return None
    if isinstance(op, (Conv, DepthwiseConv, SeparableConv)) and isinstance(op.padding, (Explicit, Valid)):
        own = explicit_pads(op.padding, op.rank)
        total = tuple((a + c, b + d) for (a, b), (c, d) in zip(own, made.pads, strict=True))
        return evolve(op, padding=pairs_or_valid(total))
    if (
        not isinstance(op, (MaxPool, AveragePool))
        or op.padding != Valid()
        or op.rounding is not Rounding.FLOOR
    ):
        return None
    if any(end >= k for pair, k in zip(made.pads, op.kernel, strict=True) for end in pair):
        return None
    if isinstance(op, AveragePool):
        return evolve(op, padding=Explicit(made.pads), count_padding=True)
    if op.mask or not is_nonnegative(rewriter, node.operands[0]):
        return None
    return evolve(op, padding=Explicit(made.pads))


def _fold_pads(graph: Graph, context: Context) -> Graph:
    """Padding that only windows read becomes their own."""
    del context

    def rule(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
        source = rewriter.producer(node.operands[0]) if node.operands else None
        if source is None or not isinstance(source.op, Pad):
            return None
        folded = _folded(source, node, rewriter)
        return None if folded is None else rewriter.swap(node, folded, source.operands)

    folded = rewrite(graph, rule)
    return without_dead_nodes(folded, lambda node: not isinstance(node.op, Pad))


FOLD_PADS = Pass("fold_pads", _fold_pads, requires=frozenset({SHAPED}))
