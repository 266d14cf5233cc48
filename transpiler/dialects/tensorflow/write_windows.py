"""Convolutions and pooling in TensorFlow's ops: one axis of space is written as two, with a height of 1."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from transpiler.dialects.tensorflow.write_shapes import (
    axis_size,
    dynamic_shape,
    known_or_open,
    size_of,
)
from transpiler.dialects.tensorflow.write_steps import (
    Input,
    Refused,
    Result,
    Steps,
    Tensor,
    ints,
    pairs,
    scalar,
)
from transpiler.ir import Dim
from transpiler.ops.convolution import Conv, ConvTranspose, DepthwiseConv, SeparableConv, Windowed
from transpiler.ops.pooling import AveragePool, GlobalAveragePool, GlobalMaxPool, GlobalPool, MaxPool, Pool
from transpiler.ops.spatial import DataFormat, feature_map
from transpiler.ops.windows import Explicit, Padding, Rounding, Same, SameSide, Valid, extent

NAMES = {1: "NHWC", 2: "NHWC", 3: "NDHWC"}
FIRST = {1: "NCHW", 2: "NCHW", 3: "NCDHW"}


def format_name(format: DataFormat, rank: int) -> str:
    """TensorFlow's name of a data format. Raises Refused for more than three axes of space."""
    if rank not in NAMES:
        raise Refused(f"TensorFlow has no windows of {rank} axes")
    return NAMES[rank] if format is DataFormat.CHANNELS_LAST else FIRST[rank]


def padding_name(padding: Padding) -> str:
    """SAME or VALID. Raises Refused for explicit pads, which legalization turns into an op of their own."""
    match padding:
        case Valid():
            return "VALID"
        case Same(SameSide.UPPER):
            return "SAME"
        case _:
            raise Refused("its padding is neither SAME nor VALID")


def per_axis(values: Sequence[int], format: DataFormat) -> tuple[int, ...]:
    """Numbers of the spatial axes as TensorFlow has them: one for each axis of the tensor."""
    wide = (1, *values) if len(values) == 1 else tuple(values)
    return (1, *wide, 1) if format is DataFormat.CHANNELS_LAST else (1, 1, *wide)


def line_axis(format: DataFormat) -> int:
    """Where the height of 1 stands that one axis of space gets."""
    return 1 if format is DataFormat.CHANNELS_LAST else 2


def widened(s: Steps, x: Input, op: Windowed | Pool, what: str) -> Input:
    """A tensor with one axis of space as one with two."""
    if op.rank != 1:
        return x
    return s.op("ExpandDims", x, scalar("dim", line_axis(op.data_format)), name=f"{what}/ExpandDims")


def narrowed(s: Steps, y: Tensor, op: Windowed | Pool, what: str) -> Tensor:
    """The opposite of `widened`."""
    if op.rank != 1:
        return y
    return s.op("Squeeze", y, name=f"{what}/Squeeze", squeeze_dims=(line_axis(op.data_format),))


def wide_kernel(s: Steps, kernel: Input, op: Windowed, what: str) -> Input:
    """The kernel of one axis of space as one of two."""
    if op.rank != 1:
        return kernel
    return s.op("ExpandDims", kernel, scalar("dim", 0), name=f"{what}/kernel")


def biased(s: Steps, y: Tensor, op: Conv | ConvTranspose | DepthwiseConv | SeparableConv) -> Tensor:
    if not op.bias:
        return y
    format = "NHWC" if op.data_format is DataFormat.CHANNELS_LAST else "NCHW"
    return s.op("BiasAdd", y, s.param("bias"), data_format=format)


def conv(op: Conv, s: Steps) -> Result:
    """Kernel: space, channels / groups, filters. Groups are convolutions of their own, which every device runs."""
    format = format_name(op.data_format, op.rank)
    padding = padding_name(op.padding)
    if op.rank == 3 and max(op.dilations) > 1:
        raise Refused("no CPU runs its dilation over volumes")
    space = tuple(range(2, op.rank + 2))
    what = "Conv3D" if op.rank == 3 else "Conv2D"
    kernel = wide_kernel(s, s.param("kernel", (*space, 1, 0)), op, what)
    x = widened(s, s.x, op, what)
    wide = max(op.rank, 2)

    def one(x: Input, kernel: Input) -> Tensor:
        return s.op(
            what,
            x,
            kernel,
            strides=per_axis(op.strides, op.data_format),
            padding=padding,
            data_format=format,
            dilations=per_axis(op.dilations, op.data_format),
        )

    channels = op.data_format.axis(wide + 2)
    y = one(x, kernel) if op.groups == 1 else grouped(s, one, x, kernel, op.groups, (channels, wide + 1))
    return biased(s, narrowed(s, y, op, what), op)


def grouped(
    s: Steps,
    one: Callable[[Input, Input], Tensor],
    x: Input,
    kernel: Input,
    groups: int,
    axes: tuple[int, int],
) -> Tensor:
    """`one` for each group: x and the kernel are split along their `axes`, the results joined along x's."""
    parts = s.many("Split", scalar("split_dim", axes[0]), x, count=groups, num_split=groups, name="split")
    kernels = s.many(
        "Split", scalar("split_dim", axes[1]), kernel, count=groups, num_split=groups, name="kernel/split"
    )
    made = [one(part, own) for part, own in zip(parts, kernels, strict=True)]
    return s.op("ConcatV2", *made, scalar("axis", axes[0]), name="concat")


def depthwise(op: DepthwiseConv, s: Steps) -> Result:
    """Kernel: space, channels, multiplier."""
    kernel = _depthwise_kernel(s, op, "kernel", op.multiplier)
    return biased(s, _depthwise(s, op, kernel), op)


def _depthwise_kernel(s: Steps, op: DepthwiseConv | SeparableConv, role: str, multiplier: int) -> Input:
    space = tuple(range(2, op.rank + 2))
    return s.param(role, (*space, 0, 1), (-1, multiplier, *op.kernel))


def _depthwise(s: Steps, op: DepthwiseConv | SeparableConv, kernel: Input) -> Tensor:
    what = "depthwise"
    if op.rank > 2:
        raise Refused("TensorFlow has no depthwise convolution of volumes")
    if len(set(op.strides)) > 1:
        raise Refused("its strides differ, which TensorFlow's depthwise convolution cannot say")
    if max(op.dilations) > 1:
        return _dilated_depthwise(s, op, kernel)
    strides = (op.strides[0],) * 2
    y = s.op(
        "DepthwiseConv2dNative",
        widened(s, s.x, op, what),
        wide_kernel(s, kernel, op, what),
        name=what,
        strides=per_axis(strides, op.data_format),
        padding=padding_name(op.padding),
        data_format=format_name(op.data_format, 2),
        dilations=(1, 1, 1, 1),
    )
    return narrowed(s, y, op, what)


def _dilated_depthwise(s: Steps, op: DepthwiseConv | SeparableConv, kernel: Input) -> Tensor:
    """No CPU runs a dilated one: every d-th element becomes a picture of its own (tf.nn.with_space_to_batch)."""
    if max(op.strides) > 1:
        raise Refused("it has a stride together with dilation")
    maps = feature_map(s.shape(), op.data_format, op.rank)
    sizes = known_or_open(maps.spatial)
    pads = _pads_of(op, sizes)
    rows = list(zip(sizes, pads, op.dilations, strict=True))
    extra = [-(size + sum(pad)) % d for size, pad, d in rows]
    ends = [(pad[0], pad[1] + more) for pad, more in zip(pads, extra, strict=True)]
    crops = [(0, more) for more in extra]
    blocks = list(op.dilations)
    x: Input = s.x
    first = op.data_format is DataFormat.CHANNELS_FIRST
    if first:
        x = s.op("Transpose", x, ints("perm", (0, *range(2, op.rank + 2), 1)))
    if op.rank == 1:
        x = s.op("ExpandDims", x, scalar("dim", 1), name="depthwise/ExpandDims")
        ends, crops, blocks = [(0, 0), *ends], [(0, 0), *crops], [1, *blocks]
    apart = s.op("SpaceToBatchND", x, ints("block_shape", blocks), pairs("paddings", ends))
    wide = wide_kernel(s, kernel, op, "depthwise")
    y = s.op(
        "DepthwiseConv2dNative",
        apart,
        wide,
        name="depthwise",
        strides=(1, 1, 1, 1),
        padding="VALID",
        data_format="NHWC",
        dilations=(1, 1, 1, 1),
    )
    y = s.op("BatchToSpaceND", y, ints("block_shape", blocks), pairs("crops", crops))
    if op.rank == 1:
        y = s.op("Squeeze", y, name="depthwise/Squeeze", squeeze_dims=(1,))
    return s.op("Transpose", y, ints("perm", (0, op.rank + 1, *range(1, op.rank + 1)))) if first else y


def _pads_of(op: Windowed, sizes: Sequence[int]) -> tuple[tuple[int, int], ...]:
    from transpiler.ops.windows import resolve_pads

    return resolve_pads(tuple(sizes), op.kernel, op.strides, op.dilations, op.padding)


def separable(op: SeparableConv, s: Steps) -> Result:
    """A depthwise convolution, then one of 1x1."""
    inner = _depthwise(s, op, _depthwise_kernel(s, op, "depthwise_kernel", op.multiplier))
    space = tuple(range(2, op.rank + 2))
    what = "pointwise"
    x = widened(s, inner, op, what)
    kernel = wide_kernel(s, s.param("pointwise_kernel", (*space, 1, 0)), op, what)
    y = s.op(
        "Conv2D",
        x,
        kernel,
        name=what,
        strides=(1, 1, 1, 1),
        padding="VALID",
        data_format=format_name(op.data_format, 2),
        dilations=(1, 1, 1, 1),
    )
    return biased(s, narrowed(s, y, op, what), op)


def conv_transpose(op: ConvTranspose, s: Steps) -> Result:
    """The gradient of a convolution, told the size of its result. Kernel: space, filters / groups, channels."""
    if max(op.dilations) > 1:
        return biased(s, _dilated_transposed(s, op), op)
    format = format_name(op.data_format, op.rank)
    padding = transposed_padding(op)
    what = "conv_transpose"
    space = tuple(range(2, op.rank + 2))
    kernel = wide_kernel(s, s.param("kernel", (*space, 1, 0)), op, what)
    x = widened(s, s.x, op, what)
    sizes = _transposed_sizes(op, s)
    wide = max(op.rank, 2)
    channels = op.data_format.axis(wide + 2)
    if op.rank == 1:
        sizes = [*sizes[: line_axis(op.data_format)], 1, *sizes[line_axis(op.data_format) :]]
    sizes[channels] = op.filters // op.groups
    shape = dynamic_shape(s, sizes, "input_sizes")

    def one(x: Input, kernel: Input) -> Tensor:
        return s.op(
            "Conv3DBackpropInputV2" if op.rank == 3 else "Conv2DBackpropInput",
            shape,
            kernel,
            x,
            name=what,
            strides=per_axis(op.strides, op.data_format),
            padding=padding,
            data_format=format,
            dilations=per_axis(op.dilations, op.data_format),
        )

    y = one(x, kernel) if op.groups == 1 else grouped(s, one, x, kernel, op.groups, (channels, wide + 1))
    return biased(s, narrowed(s, y, op, what), op)


def _dilated_transposed(s: Steps, op: ConvTranspose) -> Tensor:
    """No CPU runs a dilated one: as tf.nn.atrous_conv2d_transpose does, every d-th element is a picture of its own."""
    if {*op.strides, op.groups} != {1} or op.rank != 2 or any(op.output_padding):
        raise Refused("no CPU runs its dilation")
    if op.data_format is DataFormat.CHANNELS_FIRST:
        raise Refused("no CPU runs its dilation with channels first")
    examples, what = s.shape()[0], "conv_transpose"
    sizes = known_or_open(feature_map(s.shape(), op.data_format, op.rank).spatial)
    extra = [-size % d for size, d in zip(sizes, op.dilations, strict=True)]
    kernel = wide_kernel(s, s.param("kernel", (2, 3, 1, 0)), op, what)
    blocks = ints("block_shape", op.dilations)
    apart = s.op(
        "SpaceToBatchND", widened(s, s.x, op, what), blocks, pairs("paddings", [(0, more) for more in extra])
    )
    pictures = size_of(s, apart, 0) if examples is None else examples * math.prod(op.dilations)
    inner = [
        (size + more) // d + k - 1
        for size, more, d, k in zip(sizes, extra, op.dilations, op.kernel, strict=True)
    ]
    y = s.op(
        "Conv2DBackpropInput",
        dynamic_shape(s, [pictures, *inner, op.filters], "input_sizes"),
        kernel,
        apart,
        name=what,
        strides=(1, 1, 1, 1),
        padding="VALID",
        data_format="NHWC",
        dilations=(1, 1, 1, 1),
    )
    crops = [(before, after + more) for (before, after), more in zip(op.crops, extra, strict=True)]
    return narrowed(s, s.op("BatchToSpaceND", y, blocks, pairs("crops", crops)), op, what)


def transposed_padding(op: ConvTranspose) -> str:
    """VALID where nothing is cropped, SAME where TensorFlow would crop the same of a result of that size.

    Raises Refused otherwise.
    """
    spans = [extent(k, d) for k, d in zip(op.kernel, op.dilations, strict=True)]
    rows = list(zip(spans, op.strides, op.crops, op.output_padding, strict=True))
    if isinstance(op.padding, Same) and not any(op.output_padding):
        return "SAME"
    if all(not any(crop) and more < stride for _, stride, crop, more in rows):
        return "VALID"
    over = [span - stride - sum(crop) + more for span, stride, crop, more in rows]
    totals = [max(span - stride - c, 0) for (span, stride, _, _), c in zip(rows, over, strict=True)]
    same = all(-stride < c <= 0 for (_, stride, _, _), c in zip(rows, over, strict=True))
    if same and all(row[2] == (p // 2, p - p // 2) for row, p in zip(rows, totals, strict=True)):
        return "SAME"
    raise Refused("what it crops is neither SAME nor VALID")


def _transposed_sizes(op: ConvTranspose, s: Steps) -> list[Dim | Tensor]:
    """The result's size along each axis: numbers where they are known, computed in the graph otherwise."""
    shape = s.result_shape()
    first = op.data_format is DataFormat.CHANNELS_FIRST
    sizes: list[Dim | Tensor] = list(shape)
    for i, stride in enumerate(op.strides):
        axis = 2 + i if first else 1 + i
        if shape[axis] is None:
            start = op.evolve(padding=op.padding).outputs((1,) * op.rank)[i] or 0
            sizes[axis] = s.op(
                "AddV2",
                s.op("Mul", axis_size(s, axis), scalar("y", stride)),
                scalar("y", start - stride),
            )
    return sizes


def pool(op: MaxPool | AveragePool, s: Steps) -> Result:
    """Windows without padding of their own, or SAME."""
    counted = isinstance(op, AveragePool) and op.count_padding and isinstance(op.padding, Same)
    if op.rounding is not Rounding.FLOOR or isinstance(op.padding, Explicit) or counted:
        raise Refused("its windows hang over the end or divide by the padding")
    if isinstance(op, MaxPool) and op.mask:
        raise Refused("the places of the largest elements are counted otherwise in TensorFlow")
    kind = "MaxPool" if isinstance(op, MaxPool) else "AvgPool"
    what = f"{kind}3D" if op.rank == 3 else kind
    y = s.op(
        what,
        widened(s, s.x, op, what),
        ksize=per_axis(op.kernel, op.data_format),
        strides=per_axis(op.strides, op.data_format),
        padding=padding_name(op.padding),
        data_format=format_name(op.data_format, op.rank),
    )
    return narrowed(s, y, op, what)


def global_pool(op: GlobalPool, s: Steps) -> Result:
    """A mean or maximum over all of space."""
    rank = s.rank()
    axes = tuple(range(2, rank)) if op.data_format is DataFormat.CHANNELS_FIRST else tuple(range(1, rank - 1))
    kind = "Mean" if isinstance(op, GlobalAveragePool) else "Max"
    assert isinstance(op, (GlobalAveragePool, GlobalMaxPool))
    return s.op(kind, s.x, ints("reduction_indices", axes), keep_dims=op.keepdims)
