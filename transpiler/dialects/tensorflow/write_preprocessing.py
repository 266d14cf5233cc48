"""Preparing inputs in TensorFlow's ops: standardizing, rescaling, resizing, cutting out the middle."""

from __future__ import annotations

import math
from typing import Any

from transpiler.dialects.tensorflow.write_learned import reshaped
from transpiler.dialects.tensorflow.write_math import as_float
from transpiler.dialects.tensorflow.write_shapes import cut
from transpiler.dialects.tensorflow.write_steps import Fixed, Input, Refused, Result, Steps, Tensor, ints
from transpiler.dialects.tensorflow.write_template import Numbers
from transpiler.ir import DType
from transpiler.ops.preprocessing import CenterCrop, Rescale, Resize, Standardize
from transpiler.ops.spatial import DataFormat


def array(label: str, value: Any) -> Fixed:
    """A number or nested lists of numbers as a constant."""
    shape: list[int] = []
    level = value
    while isinstance(level, (list, tuple)):
        shape.append(len(level))
        level = level[0]
    return Fixed(label, Numbers(DType.FLOAT32, tuple(shape), tuple(_flat(value))))


def _flat(value: Any) -> list[float]:
    if isinstance(value, (list, tuple)):
        return [number for item in value for number in _flat(item)]
    return [float(value)]


def _trivial(fixed: Fixed, value: float) -> bool:
    return all(number == value for number in fixed.numbers.values)


def rescale(op: Rescale, s: Steps) -> Result:
    y = as_float(s, s.x)
    scale, offset = array("y", op.scale), array("y", op.offset)
    if not _trivial(scale, 1.0):
        y = s.op("Mul", y, scale, name="mul")
    if not _trivial(offset, 0.0):
        y = s.op("AddV2", y, offset, name="add")
    return s.op("Identity", y) if y == s.x else y


def standardize(op: Standardize, s: Steps) -> Result:
    """(x - mean) / max(sqrt(variance), 1e-7), as Keras has it."""
    rank = s.rank()
    x = as_float(s, s.x)
    mean, deviation = _moments(op, s, rank)
    if op.invert:
        return s.op("AddV2", mean, s.op("Mul", x, deviation, name="mul"), name="add")
    return s.op("RealDiv", s.op("Sub", x, mean, name="sub"), deviation, name="truediv")


def _moments(op: Standardize, s: Steps, rank: int) -> tuple[Input, Input]:
    """The means and deviations, shaped to fit."""
    shape = [1] * rank
    for axis in op.axes:
        shape[axis % rank] = s.size(axis % rank)
    if op.mean is not None:
        mean, variance = array("mean", op.mean), array("deviation", op.variance)
        roots = tuple(max(math.sqrt(value), 1e-7) for value in variance.numbers.values)
        if len(mean.numbers.values) == 1:
            shape = [1] * rank
        size = math.prod(shape)
        if size not in (len(mean.numbers.values), len(roots)) and len(roots) != 1:
            raise Refused("its means do not fit its input")
        given = len(mean.numbers.values)
        fitted = shape if given == size else [1] * (rank - len(mean.numbers.shape)) + list(mean.numbers.shape)
        return (
            Fixed("mean", Numbers(DType.FLOAT32, tuple(fitted), mean.numbers.values)),
            Fixed("deviation", Numbers(DType.FLOAT32, tuple(fitted), roots)),
        )
    root = s.op("Sqrt", reshaped(s, s.param("variance"), shape, "variance/Reshape"))
    floor = s.like("y", 1e-7, root)
    return reshaped(s, s.param("mean"), shape, "mean/Reshape"), s.op("Maximum", root, floor)


def resize(op: Resize, s: Steps) -> Result:
    """Between half-pixel centres, channels last."""
    kinds = {
        "nearest": "ResizeNearestNeighbor",
        "bilinear": "ResizeBilinear",
        "bicubic": "ResizeBicubic",
        "area": "ResizeArea",
    }
    if op.interpolation not in kinds or op.antialias or op.crop_to_aspect_ratio or op.pad_to_aspect_ratio:
        raise Refused("TensorFlow has no single op that resizes so")
    if s.rank() != 4 or op.data_format is DataFormat.CHANNELS_FIRST:
        raise Refused("TensorFlow resizes batches of pictures, channels last")
    x: Tensor = s.x
    size = ints("size", (op.height, op.width))
    if op.interpolation == "area":
        return s.op("ResizeArea", x, size, align_corners=False)
    return s.op(kinds[op.interpolation], x, size, align_corners=False, half_pixel_centers=True)


def center_crop(op: CenterCrop, s: Steps) -> Result:
    """The middle of larger pictures; smaller ones are resized by Keras, which is not written."""
    rank = s.rank()
    first = rank - 3 if op.data_format is DataFormat.CHANNELS_LAST else rank - 2
    height, width = s.size(first), s.size(first + 1)
    if height < op.height or width < op.width:
        raise Refused("the picture is smaller than what is cut out, and would be resized")
    tops = ((height - op.height) // 2, (width - op.width) // 2)
    whole = (1 << rank) - 1
    spared = whole & ~(1 << first) & ~(1 << first + 1)
    begins, ends = [0] * rank, [0] * rank
    begins[first : first + 2] = tops
    ends[first : first + 2] = (tops[0] + op.height, tops[1] + op.width)
    return cut(s, s.x, begins, ends, [1] * rank, (spared, spared, 0))
