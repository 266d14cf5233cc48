"""Pooling: windows of a feature map reduced to one number each."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Final

from transpiler.ir.op import Arity, Op, ShapeError, op
from transpiler.ir.types import Dim, TensorType
from transpiler.ops import fields as f
from transpiler.ops.spatial import DataFormat, FeatureMap, data_format, feature_map
from transpiler.ops.windows import Explicit, Padding, Rounding, Valid, to_padding, windows_along


def _padding() -> Padding:
    made: Padding = f.anything(
        "padding of the spatial axes", to_padding, "valid, same_upper, same_lower or list of pairs", Valid()
    )
    return made


class Pool(Op):
    """What pooling ops with a window share."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    padding: Padding
    rounding: Rounding
    data_format: DataFormat

    def __post_init__(self) -> None:
        rank = len(self.kernel)
        if not 1 <= rank <= 6 or len(self.strides) != rank:
            raise ValueError("kernel and strides need one number for each spatial axis")
        if isinstance(self.padding, Explicit) and len(self.padding.pads) != rank:
            raise ValueError(f"padding names {len(self.padding.pads)} axes, the kernel {rank}")

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.kernel)

    @property
    def dilations(self) -> tuple[int, ...]:
        return (1,) * self.rank

    def outputs(self, spatial: tuple[Dim, ...]) -> tuple[Dim, ...]:
        """Output sizes along the spatial axes."""
        return windows_along(spatial, self.kernel, self.strides, self.dilations, self.padding, self.rounding)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is None:
            return (operands[0],) * self.result_count
        maps = feature_map(shape, self.data_format, self.rank)
        out = FeatureMap(maps.batch, maps.channels, self.outputs(maps.spatial), self.data_format)
        return (operands[0].with_shape(out.shape()),) * self.result_count


@op("max_pool", "Vision")
class MaxPool(Pool):
    """The largest element of each window; padding counts as minus infinity. With `mask`, a second result: its index."""

    kernel: tuple[int, ...] = f.integers("window size along each spatial axis", least=1)
    strides: tuple[int, ...] = f.integers("step along each spatial axis", least=1)
    padding: Padding = _padding()
    rounding: Rounding = f.choice(Rounding, "whether a last incomplete window counts", Rounding.FLOOR)
    mask: bool = f.flag("whether the index of each largest element is a second result", False)
    data_format: DataFormat = data_format()

    @property
    def result_count(self) -> int:
        return 2 if self.mask else 1


@op("average_pool", "Vision")
class AveragePool(Pool):
    """The mean of each window.

    With `count_padding`, padding counts as zeros in the divisor (never what hangs over the end).
    """

    kernel: tuple[int, ...] = f.integers("window size along each spatial axis", least=1)
    strides: tuple[int, ...] = f.integers("step along each spatial axis", least=1)
    padding: Padding = _padding()
    rounding: Rounding = f.choice(Rounding, "whether a last incomplete window counts", Rounding.FLOOR)
    count_padding: bool = f.flag("whether padding is part of the divisor", False)
    data_format: DataFormat = data_format()

    def divisors(self, spatial: tuple[int, ...]) -> list[list[int]]:
        """Along each axis, by how many elements each window divides: a window divides by their product.

        The padding is explicit or none. At least 1: a window may hang over an end as a whole.
        """
        pads = self.padding.pads if isinstance(self.padding, Explicit) else ((0, 0),) * self.rank
        rows = zip(spatial, self.kernel, self.strides, pads, self.outputs(spatial), strict=True)
        axes = []
        for size, kernel, stride, (before, after), count in rows:
            low, high = (-before, size + after) if self.count_padding else (0, size)
            starts = [i * stride - before for i in range(count or 0)]
            axes.append([max(min(start + kernel, high) - max(start, low), 1) for start in starts])
        return axes


@op("stochastic_pool", "Vision")
class StochasticPool(Pool):
    """One element of each window drawn with probability proportional to its size; at test time the weighted mean."""

    kernel: tuple[int, ...] = f.integers("window size along each spatial axis", least=1)
    strides: tuple[int, ...] = f.integers("step along each spatial axis", least=1)
    padding: Padding = _padding()
    rounding: Rounding = f.choice(Rounding, "whether a last incomplete window counts", Rounding.FLOOR)
    data_format: DataFormat = data_format()


class GlobalPool(Op):
    """What pooling over the whole of the spatial axes shares."""

    keepdims: bool
    data_format: DataFormat

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is None:
            return (operands[0],)
        if len(shape) < 3:
            raise ShapeError(f"global pooling needs batch, channels and space, got {len(shape)} axes")
        maps = feature_map(shape, self.data_format, len(shape) - 2)
        if not self.keepdims:
            return (operands[0].with_shape((maps.batch, maps.channels)),)
        ones: tuple[Dim, ...] = (1,) * len(maps.spatial)
        return (
            operands[0].with_shape(FeatureMap(maps.batch, maps.channels, ones, self.data_format).shape()),
        )


@op("global_max_pool", "Vision")
class GlobalMaxPool(GlobalPool):
    """The largest element of each channel."""

    keepdims: bool = f.flag("whether spatial axes of size 1 remain", False)
    data_format: DataFormat = data_format()


@op("global_average_pool", "Vision")
class GlobalAveragePool(GlobalPool):
    """The mean of each channel."""

    keepdims: bool = f.flag("whether spatial axes of size 1 remain", False)
    data_format: DataFormat = data_format()


class AdaptivePool(Op):
    """What pooling to a fixed output size shares: output i is made of inputs floor(i n / m) to ceil((i + 1) n / m)."""

    size: tuple[int, ...]
    data_format: DataFormat

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is None:
            return (operands[0],)
        maps = feature_map(shape, self.data_format, len(self.size))
        out = FeatureMap(maps.batch, maps.channels, self.size, self.data_format)
        return (operands[0].with_shape(out.shape()),)


@op("adaptive_max_pool", "Vision")
class AdaptiveMaxPool(AdaptivePool):
    """The largest element of each of `size` overlapping parts."""

    size: tuple[int, ...] = f.integers("output size along each spatial axis", least=1)
    data_format: DataFormat = data_format()


@op("adaptive_average_pool", "Vision")
class AdaptiveAveragePool(AdaptivePool):
    """The mean of each of `size` overlapping parts."""

    size: tuple[int, ...] = f.integers("output size along each spatial axis", least=1)
    data_format: DataFormat = data_format()


MOST_LEVELS = 16
"""A pyramid of more levels would need pictures of more than 32,768 elements a side."""


class Pooling(enum.Enum):
    """What a window is reduced to where an op leaves the choice."""

    MAX = "max"
    AVERAGE = "average"


MAX_LEVELS: Final = 31
"""The finest level of a pyramid divides an axis into 2 ** (levels - 1) bins."""


@op("spatial_pyramid_pool", "Vision")
class SpatialPyramidPool(Op):
    """Pools into 1x1, 2x2, 4x4 … bins (`height` levels), each flattened, all joined. Channels first."""

    height: int = f.integer("number of pyramid levels", least=1)
    pooling: Pooling = f.choice(Pooling, "what a bin is reduced to", Pooling.MAX)

    def __post_init__(self) -> None:
        if self.height > MOST_LEVELS:
            raise ValueError(
                f"{self.height} pyramid levels are more than the {MOST_LEVELS} that any picture has"
            )

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is None:
            return (operands[0],)
        if len(shape) != 4:
            raise ShapeError(f"spatial pyramid pooling needs 4 axes, got {len(shape)}")
        if self.height > MAX_LEVELS:
            raise ShapeError(f"a pyramid of {self.height} levels does not fit any input")
        for size in shape[2:]:
            if size is not None and size < 2 ** (self.height - 1):
                raise ShapeError(f"{2 ** (self.height - 1)} bins do not fit {size} elements")
        bins = sum(4**level for level in range(self.height))
        return (operands[0].with_shape((shape[0], None if shape[1] is None else shape[1] * bins)),)


@op("roi_pool", "Vision")
class RoiPool(Op):
    """The maximum of each of height x width bins of every region of interest (rows: batch index, x1, y1, x2, y2)."""

    arity = Arity(2, 2)
    operand_names = ("x", "rois")
    height: int = f.integer("bins along the vertical axis", least=1)
    width: int = f.integer("bins along the horizontal axis", least=1)
    scale: float = f.number("factor from region coordinates to feature map coordinates", 1.0)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape, rois = operands[0].shape, operands[1].shape
        if shape is None or len(shape) != 4:
            return (operands[0].with_shape(None),)
        count = None if rois is None else rois[0]
        return (operands[0].with_shape((count, shape[1], self.height, self.width)),)
