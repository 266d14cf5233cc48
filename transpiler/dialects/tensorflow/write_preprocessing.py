"""Preparing inputs in TensorFlow's ops: standardizing and rescaling."""

from __future__ import annotations

import math
from typing import Any

from transpiler.dialects.tensorflow.write_learned import reshaped
from transpiler.dialects.tensorflow.write_math import as_float
from transpiler.dialects.tensorflow.write_steps import Fixed, Input, Refused, Result, Steps
from transpiler.dialects.tensorflow.write_template import Numbers
from transpiler.ir import DType
from transpiler.ops.preprocessing import LEAST_DEVIATION, Rescale, Standardize


def array(label: str, value: Any, dtype: DType) -> Fixed:
    """A number or nested lists of numbers as a constant."""
    shape: list[int] = []
    level = value
    while isinstance(level, (list, tuple)):
        shape.append(len(level))
        level = level[0]
    return Fixed(label, Numbers(dtype, tuple(shape), tuple(_flat(value))))


def _flat(value: Any) -> list[float]:
    if isinstance(value, (list, tuple)):
        return [number for item in value for number in _flat(item)]
    return [float(value)]


def _trivial(fixed: Fixed, value: float) -> bool:
    return all(number == value for number in fixed.numbers.values)


def rescale(op: Rescale, s: Steps) -> Result:
    """As Keras writes it: also an offset of 0 behind a list of factors, which tells them from learned ones."""
    y = as_float(s, s.x)
    scale, offset = array("y", op.scale, y.dtype), array("y", op.offset, y.dtype)
    if not _trivial(scale, 1.0):
        y = s.op("Mul", y, scale, name="mul")
    if not _trivial(offset, 0.0) or scale.numbers.shape:
        y = s.op("AddV2", y, offset, name="add")
    return s.op("Identity", y) if y == s.x else y


def standardize(op: Standardize, s: Steps) -> Result:
    """(x - mean) / max(sqrt(variance), least deviation), as Keras has it."""
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
        mean, variance = array("mean", op.mean, s.real), array("deviation", op.variance, s.real)
        roots = tuple(max(math.sqrt(value), LEAST_DEVIATION) for value in variance.numbers.values)
        if len(mean.numbers.values) == 1:
            shape = [1] * rank
        size = math.prod(shape)
        if size not in (len(mean.numbers.values), len(roots)) and len(roots) != 1:
            raise Refused("its means do not fit its input")
        given = len(mean.numbers.values)
        fitted = shape if given == size else [1] * (rank - len(mean.numbers.shape)) + list(mean.numbers.shape)
        return (
            Fixed("mean", Numbers(s.real, tuple(fitted), mean.numbers.values)),
            Fixed("deviation", Numbers(s.real, tuple(fitted), roots)),
        )
    root = s.op("Sqrt", reshaped(s, s.param("variance"), shape, "variance/Reshape"))
    floor = s.like("y", LEAST_DEVIATION, root)
    return reshaped(s, s.param("mean"), shape, "mean/Reshape"), s.op("Maximum", root, floor)
