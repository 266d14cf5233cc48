"""Ops that prepare images and features: resizing, cropping to a size, standardizing, random changes while training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transpiler.ir.attributes import Attr, same
from transpiler.ir.op import Op, ParamSpec, ShapeError, op
from transpiler.ir.types import Shape, TensorType
from transpiler.ops import fields as f
from transpiler.ops.activation import Activation
from transpiler.ops.spatial import DataFormat, axis_of, data_format


def _with_size(type_: TensorType, size: tuple[int, int], format: DataFormat) -> TensorType:
    """An image, or a batch of them, with another height and width. Raises ShapeError for other ranks."""
    if type_.shape is None:
        return type_
    if len(type_.shape) not in (3, 4):
        raise ShapeError(f"an image has 3 axes, a batch of them 4, not {len(type_.shape)}")
    if format is DataFormat.CHANNELS_LAST:
        return type_.with_shape((*type_.shape[:-3], *size, type_.shape[-1]))
    return type_.with_shape((*type_.shape[:-2], *size))


LEAST_DEVIATION = 1e-7
"""What standardizing divides by at least (keras.layers.Normalization's epsilon)."""


@op("resize", "Preprocessing")
class Resize(Op):
    """Images brought to a height and width by interpolation between half-pixel centres."""

    height: int = f.integer("the new height", least=1)
    width: int = f.integer("the new width", least=1)
    interpolation: str = f.text("nearest, bilinear, bicubic, lanczos3, lanczos5 or area", "bilinear")
    antialias: bool = f.flag("whether shrinking averages over more pixels", False)
    crop_to_aspect_ratio: bool = f.flag("whether what does not fit the new aspect ratio is cut off", False)
    pad_to_aspect_ratio: bool = f.flag("whether what is missing for the new aspect ratio is filled", False)
    fill_value: float = f.number("what is filled in", 0.0)
    data_format: DataFormat = data_format(DataFormat.CHANNELS_LAST)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        return (_with_size(operands[0], (self.height, self.width), self.data_format),)


@op("center_crop", "Preprocessing")
class CenterCrop(Op):
    """The middle of an image; one smaller than asked for is resized first. `random`: any part while training."""

    height: int = f.integer("height of what is kept", least=1)
    width: int = f.integer("width of what is kept", least=1)
    random: bool = f.flag("whether training takes any part instead of the middle", False)
    data_format: DataFormat = data_format(DataFormat.CHANNELS_LAST)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        return (_with_size(operands[0], (self.height, self.width), self.data_format),)


def _to_array(value: Any) -> Attr:
    """None, a number, or nested tuples of numbers."""
    if value is None:
        return None
    return tuple(_to_array(item) for item in value) if isinstance(value, (list, tuple)) else f.to_float(value)


@op("standardize", "Preprocessing")
class Standardize(Activation):
    """(x - mean) / sqrt(variance) for every index of `axes`, or with `invert` the other way round.

    A deviation below 1e-7 counts as 1e-7.
    Mean and variance are given, or else roles of which training knows nothing (with how many examples made them).
    """

    axes: tuple[int, ...] = f.integers("axes with a mean each; none: one mean for all", (-1,))
    mean: Attr = f.anything(
        "the means: a number, or nested lists of one axis each", _to_array, "numbers or none", None
    )
    variance: Attr = f.anything("the variances, like the means", _to_array, "numbers or none", None)
    invert: bool = f.flag("whether standardizing is undone", False)

    def __post_init__(self) -> None:
        if (self.mean is None) != (self.variance is None):
            raise ValueError("mean and variance are given together or not at all")

    @property
    def roles(self) -> tuple[str, ...]:
        return ("mean", "variance", "count") if self.mean is None else ()

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        if self.mean is not None:
            return {}
        shape = operands[0].shape
        sizes: Shape = (None,)
        if shape is not None:
            sizes = tuple(shape[axis_of(axis, len(shape))] for axis in self.axes)
        spec = ParamSpec(sizes, trainable=False)
        return {"mean": spec, "variance": spec, "count": ParamSpec((), trainable=False)}


@op("rescale", "Preprocessing")
class Rescale(Activation):
    """x times a number or one number for each index of the last axis, plus another."""

    scale: Attr = f.anything("the factor", _to_array, "number or list of numbers")
    offset: Attr = f.anything("the summand", _to_array, "number or list of numbers", 0.0)


@op("random_change", "Preprocessing")
class RandomChange(Activation):
    """x; while training changed at random (flipped, turned, shifted, …)."""

    kind: str = f.text("what is done, by its layer's name in Keras")
    settings: Mapping[str, Attr] = f.anything("its fields as Keras has them", dict, "data", {})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RandomChange) and self.kind == other.kind and same(_data(self), _data(other))

    def __hash__(self) -> int:
        return hash(self.kind)


def _data(op: RandomChange) -> Any:
    return op.settings


@op("one_hot", "Preprocessing")
class OneHot(Op):
    """A new axis of `count` zeros, with 1 at the index that x names."""

    count: int = f.integer("number of classes", least=1)
    axis: int = f.integer("where the new axis stands", -1)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is None:
            return (TensorType(None),)
        axis = axis_of(self.axis, len(shape), extra=1)
        return (TensorType((*shape[:axis], self.count, *shape[axis:])),)
