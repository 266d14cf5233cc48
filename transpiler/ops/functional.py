"""Ops whose kernels and statistics are operands, in the order in which TensorFlow keeps them, and shapes as values.

They stand between reading a graph and its layers: raising binds learned operands and turns them into the layer ops.
"""

from __future__ import annotations

from collections.abc import Sequence

from transpiler.ir.op import Arity, Op, ShapeError, op
from transpiler.ir.types import Dim, DType, TensorType, product
from transpiler.ops import fields as f
from transpiler.ops.spatial import DataFormat, FeatureMap, axis_of, data_format, feature_map
from transpiler.ops.windows import Padding, Same, Valid, explicit_pads, to_padding, windows_along

LAST = DataFormat.CHANNELS_LAST


def _padding() -> Padding:
    made: Padding = f.anything(
        "padding of the spatial axes", to_padding, "valid, same_upper, same_lower or list of pairs", Valid()
    )
    return made


class KernelOp(Op):
    """A convolution of x with a kernel that is an operand: [spatial…, in, out] or as the op says."""

    arity = Arity(2, 2)
    operand_names = ("x", "kernel")
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    padding: Padding
    data_format: DataFormat

    def __post_init__(self) -> None:
        if not 1 <= len(self.strides) <= 6 or len(self.strides) != len(self.dilations):
            raise ValueError("strides and dilations need one number for each spatial axis")

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.strides)

    def kernel_shape(self, operands: Sequence[TensorType]) -> tuple[Dim, ...]:
        """The kernel's sizes, unknown ones as None. Raises ShapeError for a wrong number of axes."""
        shape = operands[1].shape
        if shape is None:
            return (None,) * (self.rank + 2)
        if len(shape) != self.rank + 2:
            raise ShapeError(f"a kernel of {self.rank + 2} axes is needed, got {len(shape)}")
        return shape

    def spatial(self, maps: FeatureMap, kernel: tuple[Dim, ...]) -> tuple[Dim, ...]:
        """Output sizes along the spatial axes."""
        if isinstance(self.padding, Same):
            ones = (1,) * self.rank
            return windows_along(maps.spatial, ones, self.strides, ones, self.padding)
        found: list[Dim] = []
        pads = explicit_pads(self.padding, self.rank)
        rows = zip(maps.spatial, kernel[: self.rank], self.strides, self.dilations, pads, strict=True)
        for size, k, s, d, pad in rows:
            if size is None or k is None:
                found.append(None)
                continue
            room = size + sum(pad) - (k - 1) * d - 1
            if room < 0:
                raise ShapeError(
                    f"a window of {(k - 1) * d + 1} does not fit an input of {size} padded by {pad}"
                )
            found.append(room // s + 1)
        return tuple(found)


@op("functional_conv", "Functional")
class FunctionalConv(KernelOp):
    """Cross-correlation with a kernel [spatial…, channels / groups, filters]; the sizes give the number of groups."""

    strides: tuple[int, ...] = f.integers("step along each spatial axis", least=1)
    dilations: tuple[int, ...] = f.integers("distance between kernel elements", least=1)
    padding: Padding = _padding()
    data_format: DataFormat = data_format(LAST)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        kernel = self.kernel_shape(operands)
        shape = operands[0].shape
        if shape is None:
            return (operands[0],)
        maps = feature_map(shape, self.data_format, self.rank)
        channels, inner = maps.channels, kernel[-2]
        if channels is not None and inner and channels % inner:
            raise ShapeError(f"{channels} channels do not divide into groups of {inner}")
        out = FeatureMap(maps.batch, kernel[-1], self.spatial(maps, kernel), self.data_format)
        return (operands[0].with_shape(out.shape()),)


@op("functional_depthwise", "Functional")
class FunctionalDepthwise(KernelOp):
    """A convolution of each channel with its own kernels: [spatial…, channels, multiplier]."""

    strides: tuple[int, ...] = f.integers("step along each spatial axis", least=1)
    dilations: tuple[int, ...] = f.integers("distance between kernel elements", least=1)
    padding: Padding = _padding()
    data_format: DataFormat = data_format(LAST)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        kernel = self.kernel_shape(operands)
        shape = operands[0].shape
        if shape is None:
            return (operands[0],)
        maps = feature_map(shape, self.data_format, self.rank)
        if maps.channels is not None and kernel[-2] is not None and maps.channels != kernel[-2]:
            raise ShapeError(f"{maps.channels} channels do not fit a kernel for {kernel[-2]}")
        count = product(kernel[-2:])
        out = FeatureMap(maps.batch, count, self.spatial(maps, kernel), self.data_format)
        return (operands[0].with_shape(out.shape()),)


@op("functional_conv_transpose", "Functional")
class FunctionalConvTranspose(KernelOp):
    """The gradient of a convolution with a kernel [spatial…, filters, channels], cropped to a spatial `size`."""

    strides: tuple[int, ...] = f.integers("step along each spatial axis", least=1)
    dilations: tuple[int, ...] = f.integers("distance between kernel elements", least=1)
    padding: Padding = _padding()
    size: tuple[int | None, ...] = f.shape(
        "the result's spatial sizes; none where they are computed in the graph", ()
    )
    data_format: DataFormat = data_format(LAST)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        kernel = self.kernel_shape(operands)
        shape = operands[0].shape
        if shape is None:
            return (operands[0],)
        maps = feature_map(shape, self.data_format, self.rank)
        sizes = self.size or (None,) * self.rank
        return (operands[0].with_shape(FeatureMap(maps.batch, kernel[-2], sizes, self.data_format).shape()),)


@op("functional_batch_norm", "Functional")
class FunctionalBatchNorm(Op):
    """Batch normalization whose gamma, beta, mean and variance are operands.

    With `training`, mean and variance of the batch are used.
    """

    arity = Arity(5, 5)
    operand_names = ("x", "gamma", "beta", "mean", "variance")
    axis: int = f.integer("the axis of the channels", -1)
    epsilon: float = f.number("added to the variance", 1e-3)
    training: bool = f.flag("whether the batch's own statistics are used", False)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        if operands[0].shape is not None:
            axis_of(self.axis, len(operands[0].shape))
        return (operands[0],)


@op("shape_of", "Functional")
class ShapeOf(Op):
    """The sizes of x as a tensor of integers."""

    dtype: DType = f.dtype("its element type", DType.INT32)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        return (TensorType((operands[0].rank,), self.dtype),)


@op("reshape_to", "Functional")
class ReshapeTo(Op):
    """x in the shape that the second operand holds; `sizes` are those known beforehand, if the rank is."""

    arity = Arity(2, 2)
    operand_names = ("x", "shape")
    sizes: tuple[int | None, ...] | None = f.optional_shape("the sizes known beforehand", None)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        return (operands[0].with_shape(self.sizes),)


@op("fill", "Functional")
class Fill(Op):
    """One number in the shape that the operand holds; `sizes` are those known beforehand, if the rank is."""

    operand_names = ("shape",)
    value: float = f.number("the number")
    sizes: tuple[int | None, ...] | None = f.optional_shape("the sizes known beforehand", None)
    dtype: DType = f.dtype("the element type of the result", DType.FLOAT32)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        return (TensorType(self.sizes, self.dtype),)


@op("space_to_batch", "Functional")
class SpaceToBatch(Op):
    """Axes 1, 2 … padded, then cut into blocks whose elements go to the batch (TensorFlow's SpaceToBatchND)."""

    block: tuple[int, ...] = f.integers("size of a block along each axis", least=1)
    pads: tuple[tuple[int, int], ...] = f.pairs("zeros added before and after each axis")

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is None:
            return (operands[0],)
        if len(shape) <= len(self.block):
            raise ShapeError(f"{len(self.block)} blocked axes do not fit a tensor of {len(shape)}")
        sizes: list[Dim] = []
        for size, by, pad in zip(shape[1:], self.block, self.pads, strict=False):
            if size is not None and (size + sum(pad)) % by:
                raise ShapeError(f"{size + sum(pad)} elements do not divide into blocks of {by}")
            sizes.append(None if size is None else (size + sum(pad)) // by)
        batch = product((shape[0], *self.block))
        return (operands[0].with_shape((batch, *sizes, *shape[1 + len(self.block) :])),)


@op("batch_to_space", "Functional")
class BatchToSpace(Op):
    """The reverse of `space_to_batch`: blocks come back from the batch, then axes 1, 2 … are cropped."""

    block: tuple[int, ...] = f.integers("size of a block along each axis", least=1)
    crops: tuple[tuple[int, int], ...] = f.pairs("elements removed before and after each axis")

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is None:
            return (operands[0],)
        if len(shape) <= len(self.block):
            raise ShapeError(f"{len(self.block)} blocked axes do not fit a tensor of {len(shape)}")
        blocks = product(self.block) or 1
        if shape[0] is not None and shape[0] % blocks:
            raise ShapeError(f"a batch of {shape[0]} does not divide by {blocks}")
        sizes = (
            None if size is None else size * by - sum(crop)
            for size, by, crop in zip(shape[1:], self.block, self.crops, strict=False)
        )
        batch = None if shape[0] is None else shape[0] // blocks
        return (operands[0].with_shape((batch, *sizes, *shape[1 + len(self.block) :])),)
