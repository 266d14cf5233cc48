"""Applying the layout steps that passes recorded on parameters. Nothing else permutes arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from transpiler.dialects.rows import Array
from transpiler.ir.parameters import Flip, Permute, Regroup, Relayout, Reshape, Take

Numbers = NDArray[np.generic]


def applied(array: Numbers, steps: Sequence[Relayout]) -> Numbers:
    """The array after all steps, in order. Raises ValueError when a step does not fit the array's shape."""
    for step in steps:
        array = _step(array, step)
    return array


def _step(array: Numbers, step: Relayout) -> Numbers:
    match step:
        case Reshape(shape):
            return array.reshape(shape)
        case Permute(axes):
            return array.transpose(axes)
        case Take(axis, start, stop):
            return np.take(array, np.arange(start, stop), axis=axis)
        case Flip(axes):
            return np.flip(array, axes)
        case Regroup(axis, blocks):
            return np.take(array, regrouped(blocks), axis=axis)


def regrouped(blocks: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]) -> NDArray[np.intp]:
    """For each new position along a regrouped axis, the old position."""
    order: list[NDArray[np.intp]] = []
    start = 0
    for dims, axes in blocks:
        size = int(np.prod(dims))
        order.append(np.arange(start, start + size).reshape(dims).transpose(axes).reshape(-1))
        start += size
    return np.concatenate(order)


def to_native(array: Numbers, spelling: Array) -> Numbers:
    """A canonical array in the framework's own order."""
    if spelling.shape is not None:
        array = array.reshape(spelling.shape)
    return array if spelling.axes is None else array.transpose(spelling.axes)


def from_native(array: Numbers, spelling: Array, canonical: Sequence[int]) -> Numbers:
    """A framework's array in canonical order, whose shape is `canonical`."""
    if spelling.axes is not None:
        array = array.transpose(tuple(np.argsort(spelling.axes)))
    return array.reshape(tuple(canonical))
