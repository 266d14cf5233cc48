"""Layers that work on feature maps: convolutions, pooling, and changes of their size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from transpiler.builder.core import Core, Learned, Named
from transpiler.builder.windows import PaddingLike, Sizes, as_padding, per_axis, spatial_rank
from transpiler.ir import Value
from transpiler.ops.convolution import Conv, ConvTranspose, DepthwiseConv, SeparableConv
from transpiler.ops.pooling import AveragePool, GlobalAveragePool, GlobalMaxPool, MaxPool
from transpiler.ops.shape import Crop, CropLike, Pad, Upsample
from transpiler.ops.windows import Rounding


class VisionLayers(Core):
    """Calls for feature maps [N, C, space…], or [N, space…, C] in a network with `channels_last`."""

    def conv(
        self,
        x: Value,
        filters: int,
        kernel: Sizes,
        stride: Sizes = 1,
        padding: PaddingLike = 0,
        *,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        **layer: Unpack[Learned],
    ) -> Value:
        """A convolution with `filters` outputs. Kernel: [filters, channels / groups, space…]."""
        rank = spatial_rank(x)
        op = Conv(
            filters=filters,
            kernel=per_axis(kernel, rank),
            strides=per_axis(stride, rank),
            dilations=per_axis(dilation, rank),
            padding=as_padding(padding, rank),
            groups=groups,
            bias=bias,
            data_format=self.data_format,
        )
        return self.layer(op, x, **layer)

    def depthwise_conv(
        self,
        x: Value,
        kernel: Sizes,
        stride: Sizes = 1,
        padding: PaddingLike = 0,
        *,
        multiplier: int = 1,
        dilation: Sizes = 1,
        bias: bool = True,
        **layer: Unpack[Learned],
    ) -> Value:
        """A convolution of each channel by itself. Kernel: [channels * multiplier, 1, space…]."""
        rank = spatial_rank(x)
        op = DepthwiseConv(
            multiplier=multiplier,
            kernel=per_axis(kernel, rank),
            strides=per_axis(stride, rank),
            dilations=per_axis(dilation, rank),
            padding=as_padding(padding, rank),
            bias=bias,
            data_format=self.data_format,
        )
        return self.layer(op, x, **layer)

    def separable_conv(
        self,
        x: Value,
        filters: int,
        kernel: Sizes,
        stride: Sizes = 1,
        padding: PaddingLike = 0,
        *,
        multiplier: int = 1,
        dilation: Sizes = 1,
        bias: bool = True,
        **layer: Unpack[Learned],
    ) -> Value:
        """A depthwise convolution and a 1x1 convolution."""
        rank = spatial_rank(x)
        op = SeparableConv(
            filters=filters,
            multiplier=multiplier,
            kernel=per_axis(kernel, rank),
            strides=per_axis(stride, rank),
            dilations=per_axis(dilation, rank),
            padding=as_padding(padding, rank),
            bias=bias,
            data_format=self.data_format,
        )
        return self.layer(op, x, **layer)

    def conv_transpose(
        self,
        x: Value,
        filters: int,
        kernel: Sizes,
        stride: Sizes = 1,
        padding: PaddingLike = 0,
        *,
        output_padding: Sizes = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        **layer: Unpack[Learned],
    ) -> Value:
        """A transposed convolution; `padding` is cropped. Kernel: [channels, filters / groups, space…]."""
        rank = spatial_rank(x)
        op = ConvTranspose(
            filters=filters,
            kernel=per_axis(kernel, rank),
            strides=per_axis(stride, rank),
            dilations=per_axis(dilation, rank),
            padding=as_padding(padding, rank),
            output_padding=per_axis(output_padding, rank),
            groups=groups,
            bias=bias,
            data_format=self.data_format,
        )
        return self.layer(op, x, **layer)

    def max_pool(
        self,
        x: Value,
        kernel: Sizes,
        stride: Sizes = 1,
        padding: PaddingLike = 0,
        *,
        ceil: bool = False,
        **layer: Unpack[Named],
    ) -> Value:
        """The largest element of each window; with `ceil`, a last window may hang over the end (Caffe's rounding)."""
        rank = spatial_rank(x)
        op = MaxPool(
            kernel=per_axis(kernel, rank),
            strides=per_axis(stride, rank),
            padding=as_padding(padding, rank),
            rounding=Rounding.CEIL if ceil else Rounding.FLOOR,
            data_format=self.data_format,
        )
        return self.layer(op, x, **layer)

    def average_pool(
        self,
        x: Value,
        kernel: Sizes,
        stride: Sizes = 1,
        padding: PaddingLike = 0,
        *,
        ceil: bool = False,
        count_padding: bool = False,
        **layer: Unpack[Named],
    ) -> Value:
        """The mean of each window; with `count_padding`, padding counts as zeros in it (as Caffe has it)."""
        rank = spatial_rank(x)
        op = AveragePool(
            kernel=per_axis(kernel, rank),
            strides=per_axis(stride, rank),
            padding=as_padding(padding, rank),
            rounding=Rounding.CEIL if ceil else Rounding.FLOOR,
            count_padding=count_padding,
            data_format=self.data_format,
        )
        return self.layer(op, x, **layer)

    def global_max_pool(self, x: Value, *, keep: bool = False, **layer: Unpack[Named]) -> Value:
        """The largest element of each channel; `keep`: spatial axes of size 1 remain."""
        return self.layer(GlobalMaxPool(keepdims=keep, data_format=self.data_format), x, **layer)

    def global_average_pool(self, x: Value, *, keep: bool = False, **layer: Unpack[Named]) -> Value:
        """The mean of each channel; `keep`: spatial axes of size 1 remain."""
        return self.layer(GlobalAveragePool(keepdims=keep, data_format=self.data_format), x, **layer)

    def upsample(
        self, x: Value, factor: Sizes = 2, *, interpolation: str = "nearest", **layer: Unpack[Named]
    ) -> Value:
        """Each spatial axis `factor` times as long, by repetition or (`bilinear`) interpolation."""
        factors = per_axis(factor, spatial_rank(x))
        op = Upsample(factors=factors, interpolation=interpolation, data_format=self.data_format)
        return self.layer(op, x, **layer)

    def pad(self, x: Value, pads: int | Sequence[tuple[int, int]], **layer: Unpack[Named]) -> Value:
        """Zeros before and after each spatial axis."""
        return self.layer(Pad(pads=_pairs(x, pads), data_format=self.data_format), x, **layer)

    def crop(self, x: Value, crops: int | Sequence[tuple[int, int]], **layer: Unpack[Named]) -> Value:
        """Each spatial axis without its first and last elements."""
        return self.layer(Crop(crops=_pairs(x, crops), data_format=self.data_format), x, **layer)

    def crop_like(self, x: Value, reference: Value, offset: Sizes = 0, **layer: Unpack[Named]) -> Value:
        """The part of x that begins at `offset` and has the spatial sizes of `reference`. Channels first only."""
        op = CropLike(axis=2, offsets=per_axis(offset, spatial_rank(x)))
        return self.layer(op, x, reference, **layer)


def _pairs(x: Value, given: int | Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """What is added or taken away at both ends of each spatial axis."""
    return ((given, given),) * spatial_rank(x) if isinstance(given, int) else tuple(given)
