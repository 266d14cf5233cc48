"""Convolutions and their relatives. Kernels are canonical: out, in / groups, spatial…"""

from __future__ import annotations

from collections.abc import Sequence

from transpiler.ir.op import Op, ParamSpec, ShapeError, op
from transpiler.ir.types import Dim, TensorType, product
from transpiler.ops import fields as f
from transpiler.ops.spatial import DataFormat, FeatureMap, data_format, feature_map
from transpiler.ops.windows import (
    Explicit,
    Padding,
    Same,
    Valid,
    same_crops,
    to_padding,
    transposed_size,
    windows_along,
)


def _padding(help: str = "padding of the spatial axes") -> Padding:
    made: Padding = f.anything(help, to_padding, "valid, same_upper, same_lower or list of pairs", Valid())
    return made


def _check_padding(padding: Padding, rank: int) -> None:
    if isinstance(padding, Explicit) and len(padding.pads) != rank:
        raise ValueError(f"padding names {len(padding.pads)} axes, the kernel {rank}")


class Windowed(Op):
    """What convolutions share: kernel, strides, dilations, padding, data format."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    padding: Padding
    data_format: DataFormat

    def __post_init__(self) -> None:
        rank = len(self.kernel)
        if not 1 <= rank <= 6 or len(self.strides) != rank or len(self.dilations) != rank:
            raise ValueError("kernel, strides and dilations need one number for each spatial axis")
        _check_padding(self.padding, rank)

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.kernel)

    def maps(self, operands: Sequence[TensorType]) -> FeatureMap | None:
        shape = operands[0].shape
        return None if shape is None else feature_map(shape, self.data_format, self.rank)

    def outputs(self, spatial: tuple[Dim, ...]) -> tuple[Dim, ...]:
        """Output sizes along the spatial axes."""
        return windows_along(spatial, self.kernel, self.strides, self.dilations, self.padding)


def with_bias(kernel: tuple[Dim, ...], count: Dim, bias: bool) -> dict[str, ParamSpec]:
    specs = {"kernel": ParamSpec(kernel)}
    return {**specs, "bias": ParamSpec((count,))} if bias else specs


def _grouped(channels: Dim, groups: int) -> Dim:
    if channels is None:
        return None
    if channels % groups:
        raise ShapeError(f"{channels} input channels do not divide into {groups} groups")
    return channels // groups


@op("conv", "Vision")
class Conv(Windowed):
    """Cross-correlation of a feature map with `filters` kernels, optionally in groups.

    Kernel: [filters, channels / groups, spatial…]; group j reads its own slice of channels and writes its own slice
    of filters.
    """

    filters: int = f.integer("number of output channels", least=1)
    kernel: tuple[int, ...] = f.integers("kernel size along each spatial axis", least=1)
    strides: tuple[int, ...] = f.integers("step along each spatial axis", least=1)
    dilations: tuple[int, ...] = f.integers("distance between kernel elements", least=1)
    padding: Padding = _padding()
    groups: int = f.integer("number of groups", 1, least=1)
    bias: bool = f.flag("whether a bias is added to each filter", True)
    data_format: DataFormat = data_format()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.filters % self.groups:
            raise ValueError(f"{self.filters} filters do not divide into {self.groups} groups")

    @property
    def roles(self) -> tuple[str, ...]:
        return ("kernel", "bias") if self.bias else ("kernel",)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        maps = self.maps(operands)
        if maps is None:
            return (operands[0],)
        _grouped(maps.channels, self.groups)
        out = FeatureMap(maps.batch, self.filters, self.outputs(maps.spatial), self.data_format)
        return (operands[0].with_shape(out.shape()),)

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        maps = self.maps(operands)
        channels = None if maps is None else _grouped(maps.channels, self.groups)
        return with_bias((self.filters, channels, *self.kernel), self.filters, self.bias)


@op("depthwise_conv", "Vision")
class DepthwiseConv(Windowed):
    """A convolution with one group a channel: channel c gives outputs c*multiplier … c*multiplier + multiplier - 1.

    Kernel: [channels * multiplier, 1, spatial…].
    """

    multiplier: int = f.integer("outputs for each input channel", 1, least=1)
    kernel: tuple[int, ...] = f.integers("kernel size along each spatial axis", least=1)
    strides: tuple[int, ...] = f.integers("step along each spatial axis", least=1)
    dilations: tuple[int, ...] = f.integers("distance between kernel elements", least=1)
    padding: Padding = _padding()
    bias: bool = f.flag("whether a bias is added to each output channel", True)
    data_format: DataFormat = data_format()

    @property
    def roles(self) -> tuple[str, ...]:
        return ("kernel", "bias") if self.bias else ("kernel",)

    def _count(self, maps: FeatureMap | None) -> Dim:
        return None if maps is None or maps.channels is None else maps.channels * self.multiplier

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        maps = self.maps(operands)
        if maps is None:
            return (operands[0],)
        out = FeatureMap(maps.batch, self._count(maps), self.outputs(maps.spatial), self.data_format)
        return (operands[0].with_shape(out.shape()),)

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        count = self._count(self.maps(operands))
        return with_bias((count, 1, *self.kernel), count, self.bias)


@op("separable_conv", "Vision")
class SeparableConv(Windowed):
    """A depthwise convolution followed by a 1x1 convolution, which owns the bias.

    Depthwise kernel: [channels * multiplier, 1, spatial…]; pointwise kernel: [filters, channels * multiplier, 1…].
    """

    filters: int = f.integer("number of output channels", least=1)
    multiplier: int = f.integer("intermediate channels for each input channel", 1, least=1)
    kernel: tuple[int, ...] = f.integers("kernel size along each spatial axis", least=1)
    strides: tuple[int, ...] = f.integers("step along each spatial axis", least=1)
    dilations: tuple[int, ...] = f.integers("distance between kernel elements", least=1)
    padding: Padding = _padding()
    bias: bool = f.flag("whether a bias is added after the 1x1 convolution", True)
    data_format: DataFormat = data_format(DataFormat.CHANNELS_LAST)

    @property
    def roles(self) -> tuple[str, ...]:
        return ("depthwise_kernel", "pointwise_kernel", *(("bias",) if self.bias else ()))

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        maps = self.maps(operands)
        if maps is None:
            return (operands[0],)
        out = FeatureMap(maps.batch, self.filters, self.outputs(maps.spatial), self.data_format)
        return (operands[0].with_shape(out.shape()),)

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        maps = self.maps(operands)
        inner = None if maps is None or maps.channels is None else maps.channels * self.multiplier
        specs = {
            "depthwise_kernel": ParamSpec((inner, 1, *self.kernel)),
            "pointwise_kernel": ParamSpec((self.filters, inner, *(1,) * self.rank)),
        }
        return {**specs, "bias": ParamSpec((self.filters,))} if self.bias else specs


@op("conv_transpose", "Vision")
class ConvTranspose(Windowed):
    """The gradient of a convolution used as a layer (deconvolution).

    `padding` is cropped from the full result (SAME: so that the output is input * stride). `output_padding` takes back
    that much of the crop at the end, and appends zeros where there is no crop left to take back; the bias comes last.
    Kernel: [channels, filters / groups, spatial…].
    """

    filters: int = f.integer("number of output channels", least=1)
    kernel: tuple[int, ...] = f.integers("kernel size along each spatial axis", least=1)
    strides: tuple[int, ...] = f.integers("step along each spatial axis", least=1)
    dilations: tuple[int, ...] = f.integers("distance between kernel elements", least=1)
    padding: Padding = _padding("what is cropped from the full result")
    output_padding: tuple[int, ...] = f.integers("elements appended at the end of each spatial axis", least=0)
    groups: int = f.integer("number of groups", 1, least=1)
    bias: bool = f.flag("whether a bias is added to each filter", True)
    data_format: DataFormat = data_format()

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.output_padding) != self.rank:
            raise ValueError("output_padding needs one number for each spatial axis")
        if self.filters % self.groups:
            raise ValueError(f"{self.filters} filters do not divide into {self.groups} groups")

    @property
    def roles(self) -> tuple[str, ...]:
        return ("kernel", "bias") if self.bias else ("kernel",)

    @property
    def crops(self) -> tuple[tuple[int, int], ...]:
        """What is cropped from the full result along each spatial axis."""
        match self.padding:
            case Explicit(pads):
                return pads
            case Same():
                return tuple(map(same_crops, self.kernel, self.strides, self.dilations))
            case Valid():
                return ((0, 0),) * self.rank

    def outputs(self, spatial: tuple[Dim, ...]) -> tuple[Dim, ...]:
        if isinstance(self.padding, Same) and not any(self.output_padding):
            return tuple(None if n is None else n * s for n, s in zip(spatial, self.strides, strict=True))
        rows = zip(
            spatial, self.kernel, self.strides, self.dilations, self.crops, self.output_padding, strict=True
        )
        return tuple(transposed_size(*row) for row in rows)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        maps = self.maps(operands)
        if maps is None:
            return (operands[0],)
        _grouped(maps.channels, self.groups)
        out = FeatureMap(maps.batch, self.filters, self.outputs(maps.spatial), self.data_format)
        return (operands[0].with_shape(out.shape()),)

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        maps = self.maps(operands)
        channels = None if maps is None else maps.channels
        return with_bias((channels, self.filters // self.groups, *self.kernel), self.filters, self.bias)


@op("locally_connected", "Vision")
class LocallyConnected(Windowed):
    """A convolution whose kernel differs at every output position.

    Kernel: [positions…, filters, channels, spatial…]; bias: [positions…, filters].
    """

    filters: int = f.integer("number of output channels", least=1)
    kernel: tuple[int, ...] = f.integers("kernel size along each spatial axis", least=1)
    strides: tuple[int, ...] = f.integers("step along each spatial axis", least=1)
    dilations: tuple[int, ...] = f.integers("distance between kernel elements", least=1)
    padding: Padding = _padding()
    bias: bool = f.flag("whether a bias is added at each position", True)
    data_format: DataFormat = data_format(DataFormat.CHANNELS_LAST)

    @property
    def roles(self) -> tuple[str, ...]:
        return ("kernel", "bias") if self.bias else ("kernel",)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        maps = self.maps(operands)
        if maps is None:
            return (operands[0],)
        out = FeatureMap(maps.batch, self.filters, self.outputs(maps.spatial), self.data_format)
        return (operands[0].with_shape(out.shape()),)

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        maps = self.maps(operands)
        places = (None,) * self.rank if maps is None else self.outputs(maps.spatial)
        channels = None if maps is None else maps.channels
        specs = {"kernel": ParamSpec((*places, self.filters, channels, *self.kernel))}
        return {**specs, "bias": ParamSpec((*places, self.filters))} if self.bias else specs


@op("unfold", "Vision")
class Unfold(Windowed):
    """Every window laid out along the channel axis (Caffe's Im2col): channels * kernel elements, C slowest."""

    kernel: tuple[int, ...] = f.integers("kernel size along each spatial axis", least=1)
    strides: tuple[int, ...] = f.integers("step along each spatial axis", least=1)
    dilations: tuple[int, ...] = f.integers("distance between kernel elements", least=1)
    padding: Padding = _padding()
    data_format: DataFormat = data_format()

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        maps = self.maps(operands)
        if maps is None:
            return (operands[0],)
        count = product((maps.channels, *self.kernel))
        out = FeatureMap(maps.batch, count, self.outputs(maps.spatial), self.data_format)
        return (operands[0].with_shape(out.shape()),)
