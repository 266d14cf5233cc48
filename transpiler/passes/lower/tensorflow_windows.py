"""Rules for convolution, pooling, normalization and resizing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from transpiler.ir import Op, Value
from transpiler.ops.functional import (
    BatchToSpace,
    FunctionalBatchNorm,
    FunctionalConv,
    FunctionalConvTranspose,
    FunctionalDepthwise,
    SpaceToBatch,
)
from transpiler.ops.normalization import LRN, Bias
from transpiler.ops.pooling import AveragePool, MaxPool
from transpiler.ops.preprocessing import Resize
from transpiler.ops.resampling import Interp
from transpiler.ops.shape import Reshape, Transpose, Upsample
from transpiler.ops.spatial import DataFormat
from transpiler.passes.lower.tensorflow_node import Keep, Reading, Rule


def _conv(rank: int, kind: type[FunctionalConv] | type[FunctionalDepthwise]) -> Rule:
    def rule(reading: Reading) -> Sequence[Value]:
        op = kind(
            strides=reading.spatial("strides", rank),
            dilations=reading.spatial("dilations", rank),
            padding=reading.padding(rank),
            data_format=reading.format(),
        )
        return reading.emit(op, reading.x(0), reading.weight(1, rank + 2))

    return rule


def _transposed(rank: int) -> Rule:
    """Operands: the sizes of the result, the kernel, x."""

    def rule(reading: Reading) -> Sequence[Value]:
        static = reading.static(0)
        sizes: tuple[int | None, ...] = ()
        format = reading.format()
        if static is not None and static.array.shape == (rank + 2,):
            items = [item if isinstance(item, int) and item >= 0 else None for item in static.array]
            sizes = tuple(items[2:] if format is DataFormat.CHANNELS_FIRST else items[1:-1])
        op = FunctionalConvTranspose(
            strides=reading.spatial("strides", rank),
            dilations=reading.spatial("dilations", rank),
            padding=reading.padding(rank),
            size=sizes,
            data_format=format,
        )
        return reading.emit(op, reading.x(2), reading.weight(1, rank + 2))

    return rule


def _pool(rank: int, kind: type[MaxPool] | type[AveragePool]) -> Rule:
    def rule(reading: Reading) -> Sequence[Value]:
        op = kind(
            kernel=reading.spatial("ksize", rank),
            strides=reading.spatial("strides", rank),
            padding=reading.padding(rank),
            data_format=reading.format(),
        )
        return reading.emit(op, reading.x(0))

    return rule


def _bias(reading: Reading) -> Sequence[Value]:
    x = reading.x(0)
    axis = 1 if reading.format() is DataFormat.CHANNELS_FIRST else -1
    return reading.emit(Bias(axis=axis, num_axes=1, learned=False), x, reading.weight(1, 1))


def _batch_norm(reading: Reading) -> Sequence[Value]:
    x = reading.x(0)
    axis = 1 if reading.format() is DataFormat.CHANNELS_FIRST else (x.type.rank or 4) - 1
    op = FunctionalBatchNorm(
        axis=axis,
        epsilon=float(reading.get("epsilon", 1e-4)),
        training=bool(reading.get("is_training", True)),
    )
    gamma, beta, mean, variance = (reading.weight(i, 1) for i in range(1, 5))
    if op.training:  # what is learned of the batch's statistics are their moving averages
        moving = [reading.graph.average((reading.node.name, i)) for i in (1, 2)]
        mean, variance = moving[0] or mean, moving[1] or variance
    return reading.emit(op, x, gamma, beta, mean, variance)


def _lrn(reading: Reading) -> Sequence[Value]:
    """TensorFlow multiplies the sum of squares with alpha, here it is divided by their number first (trap 16)."""
    size = 2 * int(reading.get("depth_radius", 5)) + 1
    x = reading.x(0)
    op = LRN(
        size=size,
        alpha=float(reading.get("alpha", 1.0)) * size,
        beta=float(reading.get("beta", 0.5)),
        k=float(reading.get("bias", 1.0)),
        axis=(x.type.rank or 4) - 1,
    )
    return reading.emit(op, x)


def _resize(interpolation: str) -> Rule:
    """Half-pixel centres, or nearest by whole factors, where all conventions agree."""

    def rule(reading: Reading) -> Sequence[Value]:
        x = reading.x(0)
        static, shape = reading.static(1), x.type.shape
        half, corners = bool(reading.get("half_pixel_centers")), bool(reading.get("align_corners"))
        if static is None or static.array.shape != (2,) or shape is None or len(shape) != 4:
            raise Keep
        if corners:
            return _aligned(reading, x, interpolation, static.numbers)
        factors = [
            _factor(have, want, x, i + 1)
            for i, (have, want) in enumerate(zip(shape[1:3], static.array, strict=True))
        ]
        if interpolation == "nearest" and None not in factors:
            whole = tuple(factor for factor in factors if factor is not None)
            return reading.emit(Upsample(factors=whole, data_format=DataFormat.CHANNELS_LAST), x)
        if not half:
            raise Keep
        if None not in factors and interpolation == "bilinear":
            whole = tuple(factor for factor in factors if factor is not None)
            op: Op = Upsample(factors=whole, interpolation="bilinear", data_format=DataFormat.CHANNELS_LAST)
            return reading.emit(op, x)
        numbers = static.numbers
        if numbers is None:
            raise Keep
        height, width = numbers
        return reading.emit(Resize(height=height, width=width, interpolation=interpolation), x)

    return rule


def _aligned(
    reading: Reading, x: Value, interpolation: str, sizes: Sequence[float] | None
) -> Sequence[Value]:
    """Bilinear between aligned corners, which the IR has for channels first."""
    if interpolation != "bilinear" or sizes is None or reading.get("half_pixel_centers"):
        raise Keep
    first = reading.emit(Transpose(axes=(0, 3, 1, 2)), x, what="channels_first")
    resized = reading.emit(Interp(size=tuple(int(size) for size in sizes)), *first, what="interp")
    return reading.emit(Transpose(axes=(0, 2, 3, 1)), *resized)


def _factor(have: int | None, want: object, x: Value, axis: int) -> int | None:
    """The whole factor from one size to another, None if there is none."""
    from transpiler.passes.lower.tensorflow_static import Size

    if isinstance(want, Size) and have is None and want.dims == ((x, axis),):
        return want.factor
    if isinstance(want, int) and have and want % have == 0:
        return want // have
    return None


def _blocks(reading: Reading) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    block = tuple(int(size) for size in reading.numbers(1))
    flat = [int(size) for size in reading.numbers(2)]
    return block, tuple(zip(flat[::2], flat[1::2], strict=True))


def _blocked(reading: Reading) -> tuple[Value, int, list[int], bool]:
    """x, the side of a block, the sizes of height, width and channels, and whether channels are first. Raises Keep."""
    x, side, first = reading.x(0), int(reading.get("block_size", 0)), reading.get("data_format") == "NCHW"
    shape = x.type.shape
    if shape is None or len(shape) != 4 or side < 1 or reading.get("data_format") == "NCHW_VECT_C":
        raise Keep
    ordered = (shape[2], shape[3], shape[1]) if first else shape[1:]
    sizes = [size for size in ordered if size is not None]
    if len(sizes) < 3:
        raise Keep
    return x, side, sizes, first


def _moved(
    reading: Reading, x: Value, apart: Sequence[int], axes: Sequence[int], together: Sequence[int]
) -> Sequence[Value]:
    """Axes of an example parted, put in another order, and joined."""
    parted = reading.emit(Reshape(target=tuple(apart), axis=1), x, what="parted")
    moved = reading.emit(Transpose(axes=(0, *axes)), *parted, what="moved")
    return reading.emit(Reshape(target=tuple(together), axis=1), *moved)


def _depth_to_space(reading: Reading) -> Sequence[Value]:
    """The channels are block row, block column, channel."""
    x, b, (height, width, depth), first = _blocked(reading)
    rest = depth // (b * b)
    if depth != rest * b * b:
        raise Keep
    if first:
        apart, axes = (b, b, rest, height, width), (3, 4, 1, 5, 2)
        return _moved(reading, x, apart, axes, (rest, height * b, width * b))
    return _moved(reading, x, (height, width, b, b, rest), (1, 3, 2, 4, 5), (height * b, width * b, rest))


def _space_to_depth(reading: Reading) -> Sequence[Value]:
    x, b, (height, width, depth), first = _blocked(reading)
    rows, columns = height // b, width // b
    if (rows * b, columns * b) != (height, width):
        raise Keep
    if first:
        return _moved(
            reading, x, (depth, rows, b, columns, b), (3, 5, 1, 2, 4), (b * b * depth, rows, columns)
        )
    return _moved(reading, x, (rows, b, columns, b, depth), (1, 3, 2, 4, 5), (rows, columns, b * b * depth))


def _space_to_batch(reading: Reading) -> Sequence[Value]:
    block, pads = _blocks(reading)
    return reading.emit(SpaceToBatch(block=block, pads=pads), reading.x(0))


def _batch_to_space(reading: Reading) -> Sequence[Value]:
    block, crops = _blocks(reading)
    return reading.emit(BatchToSpace(block=block, crops=crops), reading.x(0))


RULES: Final[Mapping[str, Rule]] = {
    "Conv2D": _conv(2, FunctionalConv),
    "Conv3D": _conv(3, FunctionalConv),
    "DepthwiseConv2dNative": _conv(2, FunctionalDepthwise),
    "Conv2DBackpropInput": _transposed(2),
    "Conv3DBackpropInputV2": _transposed(3),
    "MaxPool": _pool(2, MaxPool),
    "MaxPool3D": _pool(3, MaxPool),
    "AvgPool": _pool(2, AveragePool),
    "AvgPool3D": _pool(3, AveragePool),
    "BiasAdd": _bias,
    "BiasAddV1": _bias,
    **dict.fromkeys(("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"), _batch_norm),
    "LRN": _lrn,
    "ResizeNearestNeighbor": _resize("nearest"),
    "ResizeBilinear": _resize("bilinear"),
    "ResizeBicubic": _resize("bicubic"),
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    "SpaceToBatchND": _space_to_batch,
    "BatchToSpaceND": _batch_to_space,
}
