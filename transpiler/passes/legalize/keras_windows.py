"""Windows for Keras: padding it can say where the numbers agree, pad and crop layers otherwise."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, Final

from transpiler.dialects.rows import Refusal
from transpiler.ir import Flip, Node, Op, Permute, Take, Value
from transpiler.ir.rewriting import Rewriter
from transpiler.ops.convolution import Conv, ConvTranspose, DepthwiseConv, Unfold, Windowed
from transpiler.ops.pooling import AveragePool, MaxPool, Pool
from transpiler.ops.preprocessing import Rescale
from transpiler.ops.shape import Concat, Crop, ExpandDims, Pad, Reshape, Slice, Split
from transpiler.ops.spatial import DataFormat, FeatureMap, feature_map
from transpiler.ops.windows import (
    Explicit,
    Padding,
    Rounding,
    Same,
    Valid,
    extent,
    overhang,
    resolve_pads,
    same_crops,
)
from transpiler.passes.beside import Beside
from transpiler.passes.legalize.nonnegative import is_nonnegative
from transpiler.passes.normalize_padding import evolve, known, pairs_or_valid

MOST_PARTS = 1024
"""A layer is not written out as more layers than this."""
MOST_DIVISORS = 1_000_000
"""A table of divisors is not written out with more numbers than this."""
LOWEST = -3.4028234663852886e38
"""The smallest float32: what Caffe's max pooling starts from, and neutral among finite numbers."""


def maps_of(node: Node, op: Windowed | Pool) -> FeatureMap | None:
    """The operand taken apart, if its rank is known."""
    shape = node.operands[0].type.shape
    return None if shape is None else feature_map(shape, op.data_format, op.rank)


def as_same(op: Windowed | Pool, spatial: tuple[int, ...] | None) -> Padding | None:
    """SAME, if it pads exactly as `op` says for this size."""
    if spatial is None or not isinstance(op.padding, Explicit):
        return None
    pads = resolve_pads(spatial, op.kernel, op.strides, op.dilations, Same())
    return Same() if pads == op.padding.pads else None


def conv(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """Explicit padding becomes SAME where equal, else a zero padding in front."""
    op = node.op
    if not isinstance(op, Windowed) or isinstance(op, ConvTranspose) or not isinstance(op.padding, Explicit):
        return None
    maps = maps_of(node, op)
    if maps is None:
        return Refusal("its padding cannot be placed while the rank of its input is unknown")
    steps = Beside(node, rewriter)
    same = as_same(op, known(maps.spatial))
    if same is not None:
        return steps.finish(evolve(op, padding=same), *node.operands)
    padded = steps.add("pad", Pad(pads=op.padding.pads, data_format=op.data_format), node.operands[0])
    return steps.finish(evolve(op, padding=Valid()), padded)


def strided_and_dilated(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """Keras has no stride together with dilation: take every window, then keep every stride-th (a 1x1 max pooling)."""
    op = node.op
    if not isinstance(op, (Conv, DepthwiseConv)) or isinstance(op.padding, Same):
        return None
    if max(op.strides) == 1 or max(op.dilations) == 1:
        return None
    steps = Beside(node, rewriter)
    ones = (1,) * op.rank
    dense = steps.add(
        "every", evolve(op, strides=ones), *node.operands, params=[node.param(r) for r in op.roles]
    )
    return steps.finish(
        MaxPool(kernel=ones, strides=op.strides, data_format=op.data_format), dense, params=()
    )


def depthwise(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """A convolution with one group a channel is a depthwise one."""
    op = node.op
    maps = maps_of(node, op) if isinstance(op, Conv) else None
    if not isinstance(op, Conv) or maps is None or op.groups == 1 or maps.channels != op.groups:
        return None
    changed = DepthwiseConv(
        multiplier=op.filters // op.groups,
        kernel=op.kernel,
        strides=op.strides,
        dilations=op.dilations,
        padding=op.padding,
        bias=op.bias,
        data_format=op.data_format,
    )
    return Beside(node, rewriter).finish(changed, *node.operands)


def unequal_depthwise_strides(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """TensorFlow's depthwise convolution wants equal strides: stride 1, then keep every stride-th."""
    op = node.op
    if not isinstance(op, DepthwiseConv) or len(set(op.strides)) == 1 or isinstance(op.padding, Same):
        return None
    steps = Beside(node, rewriter)
    ones = (1,) * op.rank
    dense = steps.add(
        "every", evolve(op, strides=ones), *node.operands, params=[node.param(r) for r in op.roles]
    )
    return steps.finish(
        MaxPool(kernel=ones, strides=op.strides, data_format=op.data_format), dense, params=()
    )


def transposed(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """Crops become SAME where equal, else a crop layer behind; Keras' VALID appends stride - kernel zeros."""
    op = node.op
    if not isinstance(op, ConvTranspose) or op.groups != 1 or not isinstance(op.padding, (Explicit, Valid)):
        return None
    spans = [extent(k, d) for k, d in zip(op.kernel, op.dilations, strict=True)]
    same = tuple(map(same_crops, op.kernel, op.strides, op.dilations))
    if (
        op.crops == same
        and all(span >= s for span, s in zip(spans, op.strides, strict=True))
        and not any(op.output_padding)
    ):
        return Beside(node, rewriter).finish(evolve(op, padding=Same()), *node.operands)
    native = tuple(max(s - span, 0) for span, s in zip(spans, op.strides, strict=True))
    rows = zip(op.crops, native, op.output_padding, strict=True)
    crops = tuple((before, after + given - wanted) for (before, after), given, wanted in rows)
    if any(after < 0 for _, after in crops):
        return Refusal("it appends more than the kernel leaves open, which Keras cannot say")
    whole = evolve(op, padding=Valid(), output_padding=native)
    if not any(end for pair in crops for end in pair):
        return None if whole == op else Beside(node, rewriter).finish(whole, *node.operands)
    steps = Beside(node, rewriter)
    full = steps.add("full", whole, *node.operands, params=[node.param(role) for role in op.roles])
    return steps.finish(Crop(crops=crops, data_format=op.data_format), full, params=())


def dilated_transposed(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """With stride 1, a convolution with the flipped kernel, padded by what the crop leaves: all that CPUs run."""
    op = node.op
    if (
        not isinstance(op, ConvTranspose)
        or max(op.dilations) == 1
        or op.groups != 1
        or isinstance(op.padding, Same)
    ):
        return None
    if max(op.strides) > 1:
        return Refusal("Keras' transposed convolution has no stride together with dilation")
    spans = [extent(k, d) for k, d in zip(op.kernel, op.dilations, strict=True)]
    rows = zip(spans, op.crops, op.output_padding, strict=True)
    ends = [(span - 1 - before, span - 1 - after + more) for span, (before, after), more in rows]
    pads = tuple((max(before, 0), max(after, 0)) for before, after in ends)
    crops = tuple((max(-before, 0), max(-after, 0)) for before, after in ends)
    space = tuple(range(2, op.rank + 2))
    uses = [node.param("kernel").then(Permute((1, 0, *space)), Flip(space))]
    uses += [node.param("bias")] if op.bias else []
    plain = Conv(
        filters=op.filters,
        kernel=op.kernel,
        strides=op.strides,
        dilations=op.dilations,
        padding=pairs_or_valid(pads),
        bias=op.bias,
        data_format=op.data_format,
    )
    steps = Beside(node, rewriter)
    if not any(end for pair in crops for end in pair):
        return steps.finish(plain, *node.operands, params=uses)
    whole = steps.add("whole", plain, *node.operands, params=uses)
    return steps.finish(Crop(crops=crops, data_format=op.data_format), whole, params=())


MAX_GROUPS: Final = 4096


def grouped_transposed(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """One transposed convolution a group over its slice of the channels, joined again."""
    op = node.op
    maps = maps_of(node, op) if isinstance(op, ConvTranspose) else None
    if not isinstance(op, ConvTranspose) or op.groups == 1 or maps is None or maps.channels is None:
        return None
    if op.groups > MAX_GROUPS:
        return Refusal(f"each of its {op.groups} groups would need a layer of its own")
    if op.groups > MOST_PARTS:
        return Refusal(f"more than {MOST_PARTS} groups would need as many layers")
    axis = op.data_format.axis(op.rank + 2)
    steps = Beside(node, rewriter)
    size, out = maps.channels // op.groups, op.filters // op.groups
    slices = steps.add_node("groups", Split(axis=axis, count=op.groups), node.operands[0]).results
    single: Op = evolve(op, groups=1, filters=out)
    parts = []
    for j, part in enumerate(slices):
        uses = [node.param("kernel").then(Take(0, j * size, (j + 1) * size))]
        if op.bias:
            uses.append(node.param("bias").then(Take(0, j * out, (j + 1) * out)))
        parts.append(steps.add(f"group{j}", single, part, params=uses))
    return steps.finish(Concat(axis=axis), *parts, params=())


def max_pool(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """Padding counts as minus infinity: SAME where equal, zeros if nothing is negative, else the lowest number."""
    op = node.op
    if (
        not isinstance(op, MaxPool)
        or op.mask
        or not isinstance(op.padding, Explicit)
        or op.rounding is not Rounding.FLOOR
    ):
        return None
    maps = maps_of(node, op)
    if maps is None:
        return Refusal("its padding cannot be placed while the rank of its input is unknown")
    steps = Beside(node, rewriter)
    same = as_same(op, known(maps.spatial))
    if same is not None:
        return steps.finish(evolve(op, padding=same), *node.operands)
    harmless = is_nonnegative(rewriter, node.operands[0]) and all(
        before < k and after < k for (before, after), k in zip(op.padding.pads, op.kernel, strict=True)
    )
    value = 0.0 if harmless else LOWEST
    pad = Pad(pads=op.padding.pads, value=value, data_format=op.data_format)
    return steps.finish(evolve(op, padding=Valid()), steps.add("pad", pad, node.operands[0]))


def average_pool(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """Divisors as trap 4 has them: SAME excludes its padding, a zero padding in front includes it."""
    op = node.op
    if not isinstance(op, AveragePool) or isinstance(op.padding, Same):
        return None
    maps = maps_of(node, op)
    spatial = None if maps is None else known(maps.spatial)
    if op.padding == Valid() and op.rounding is Rounding.FLOOR:
        return None
    if maps is None or spatial is None:
        return Refusal("its divisors depend on the size of its input, which is unknown", "give --input-shape")
    steps = Beside(node, rewriter)
    if not op.count_padding and op.rounding is Rounding.FLOOR and as_same(op, spatial):
        return steps.finish(evolve(op, padding=Same()), *node.operands)
    return _counted_average(node, op, spatial, steps)


MOST_OFFSETS = 64
"""Kernels with more elements than this are not written out offset by offset."""


def steps_of(strides: tuple[int, ...]) -> tuple[int, ...]:
    """Strides as a slice has them: none where each element is taken."""
    return strides if max(strides) > 1 else ()


def unfold(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """One strided slice for each kernel element, side by side on a last axis that is then read with the channels."""
    op = node.op
    maps = maps_of(node, op) if isinstance(op, Unfold) else None
    spatial = None if maps is None else known(maps.spatial)
    if not isinstance(op, Unfold) or op.data_format is not DataFormat.CHANNELS_LAST:
        return Refusal("its channels have to be last")
    if maps is None or spatial is None or maps.channels is None:
        return Refusal("the size of its input is unknown", "give --input-shape")
    if math.prod(op.kernel) > MOST_OFFSETS:
        return Refusal(f"its kernel has more than {MOST_OFFSETS} elements")
    steps = Beside(node, rewriter)
    x = node.operands[0]
    if isinstance(op.padding, Explicit):
        x = steps.add("pad", Pad(pads=op.padding.pads, data_format=op.data_format), x)
    counts = [count or 0 for count in op.outputs(spatial)]
    axes = tuple(range(1, op.rank + 1))
    parts = []
    for place in itertools.product(*(range(k) for k in op.kernel)):
        begins = tuple(i * d for i, d in zip(place, op.dilations, strict=True))
        ends = tuple(b + (n - 1) * s + 1 for b, n, s in zip(begins, counts, op.strides, strict=True))
        name = "x".join(map(str, place))
        part = steps.add(
            f"offset{name}", Slice(axes=axes, begins=begins, ends=ends, steps=steps_of(op.strides)), x
        )
        parts.append(steps.add(f"column{name}", ExpandDims(axis=op.rank + 2), part))
    joined = steps.add("columns", Concat(axis=op.rank + 2), *parts)
    return steps.finish(Reshape(target=(*counts, maps.channels * len(parts)), axis=1), joined)


def _counted_average(
    node: Node, op: AveragePool, spatial: tuple[int, ...], steps: Beside
) -> Sequence[Value] | Refusal:
    """Zeros in front, then VALID or SAME; where neither divides right, VALID over all and a fixed correction."""
    pads = op.padding.pads if isinstance(op.padding, Explicit) else ((0, 0),) * op.rank
    counts = tuple(count or 0 for count in op.outputs(spatial))
    x = node.operands[0]
    plain = {"rounding": Rounding.FLOOR, "count_padding": False}
    inner = tuple(size + sum(pair) for size, pair in zip(spatial, pads, strict=True))
    if op.count_padding:
        rows = zip(spatial, counts, op.kernel, op.strides, op.dilations, pads, strict=True)
        over = tuple(overhang(*row) for row in rows)
        tail = tuple((0, o) for o in over)
        if any(end for pair in pads for end in pair):
            x = steps.add("pad", Pad(pads=pads, data_format=op.data_format), x)
        if not any(over):
            return steps.finish(evolve(op, padding=Valid(), **plain), x)
        if as_same(evolve(op, padding=Explicit(tail)), inner):
            return steps.finish(evolve(op, padding=Same(), **plain), x)
        x = steps.add("overhang", Pad(pads=tail, data_format=op.data_format), x)
    else:
        x = steps.add("pad", Pad(pads=pads, data_format=op.data_format), x)
    if math.prod(counts) > MOST_DIVISORS:
        return Refusal("its divisors differ from place to place, and there are too many places to list them")
    mean = steps.add("mean", evolve(op, padding=Valid(), **plain), x)
    return steps.finish(Rescale(scale=_corrections(op, spatial)), mean, params=())


def _corrections(op: AveragePool, spatial: tuple[int, ...]) -> Any:
    """Window size over true divisor at every place, nested lists that broadcast over batch and channels."""
    last = op.data_format is DataFormat.CHANNELS_LAST
    factors = _nested(float(math.prod(op.kernel)), op.divisors(spatial), last)
    return [factors] if last else [[factors]]


def _nested(factor: float, axes: list[list[int]], last: bool) -> Any:
    """The factor divided by the lengths along each axis, and at the end an axis of one channel if channels are last."""
    if not axes:
        return [factor] if last else factor
    return [_nested(factor / length, axes[1:], last) for length in axes[0]]
