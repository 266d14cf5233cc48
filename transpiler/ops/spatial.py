"""Where a tensor keeps its channels, and what spatial ops share."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any

import msgspec

from transpiler.ir.op import ShapeError
from transpiler.ir.types import Dim, Shape, TensorType
from transpiler.ops import fields as f


class DataFormat(enum.Enum):
    """The order of a batch of feature maps: N, C, spatial… or N, spatial…, C."""

    CHANNELS_FIRST = "channels_first"
    CHANNELS_LAST = "channels_last"

    def axis(self, rank: int) -> int:
        """The channel axis of a tensor of this rank."""
        return 1 if self is DataFormat.CHANNELS_FIRST else rank - 1


def data_format(default: DataFormat = DataFormat.CHANNELS_FIRST) -> Any:
    """The field that says where the channels are."""
    return f.choice(DataFormat, "where the channels are", default)


class FeatureMap(msgspec.Struct, frozen=True):
    """A shape taken apart into batch, channels and spatial sizes."""

    batch: Dim
    channels: Dim
    spatial: tuple[Dim, ...]
    format: DataFormat

    def shape(self) -> Shape:
        """Put together again, in its own order."""
        if self.format is DataFormat.CHANNELS_FIRST:
            return (self.batch, self.channels, *self.spatial)
        return (self.batch, *self.spatial, self.channels)


def feature_map(shape: Shape, format: DataFormat, rank: int) -> FeatureMap:
    """Take a shape with `rank` spatial axes apart. Raises ShapeError when the rank does not fit."""
    if len(shape) != rank + 2:
        raise ShapeError(
            f"a {rank}-dimensional window needs {rank + 2} axes (batch, channels, space), got {len(shape)}"
        )
    if format is DataFormat.CHANNELS_FIRST:
        return FeatureMap(shape[0], shape[1], shape[2:], format)
    return FeatureMap(shape[0], shape[-1], shape[1:-1], format)


def need(types: Sequence[TensorType], index: int = 0) -> Shape | None:
    """The shape of an operand, None if unknown."""
    return types[index].shape


def axis_of(axis: int, rank: int, *, extra: int = 0) -> int:
    """A possibly negative axis made positive. Raises ShapeError when the tensor has no such axis."""
    limit = rank + extra
    if not -limit <= axis < limit:
        raise ShapeError(f"axis {axis} does not exist in a tensor of {rank} axes")
    return axis % limit if limit else 0


def same_length(name: str, *values: tuple[Any, ...]) -> None:
    """Raise ValueError unless all have one entry a spatial axis."""
    if len({len(value) for value in values}) != 1:
        raise ValueError(f"{name}: kernel, strides and dilations need one number for each spatial axis")
