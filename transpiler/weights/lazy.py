"""Arrays made of others when they are asked for: moved axes, reversed axes, several joined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from transpiler.ir import LazyArray

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[Any, np.dtype[Any]]


def moved(array: LazyArray, axes: Sequence[int]) -> LazyArray:
    """The array with axis i being what axis `axes[i]` was. Raises ValueError for an array of another rank."""
    if len(axes) != len(array.shape):
        raise ValueError(f"an array of the shape {list(array.shape)} has not the axes {sorted(axes)}")
    shape = tuple(array.shape[axis] for axis in axes)
    return LazyArray(shape, array.dtype, lambda: array.load().transpose(axes))


def reshaped(array: LazyArray, shape: Sequence[int]) -> LazyArray:
    """The elements in another shape of the same size."""
    return LazyArray(tuple(shape), array.dtype, lambda: array.load().reshape(shape))


def reversed_along(array: LazyArray, axes: Sequence[int]) -> LazyArray:
    """The array with these axes in reverse order."""

    def load() -> Numbers:
        import numpy as np

        return np.flip(array.load(), tuple(axes))

    return LazyArray(array.shape, array.dtype, load)


def joined(arrays: Sequence[LazyArray]) -> LazyArray:
    """Arrays side by side along their last axis. Raises ValueError where they differ in the other axes."""
    first = arrays[0]
    if not first.shape or any(a.shape[:-1] != first.shape[:-1] or a.dtype != first.dtype for a in arrays):
        raise ValueError("arrays that belong side by side have shapes that do not fit")
    shape = (*first.shape[:-1], sum(array.shape[-1] for array in arrays))

    def load() -> Numbers:
        import numpy as np

        return np.concatenate([array.load() for array in arrays], axis=-1)

    return LazyArray(shape, first.dtype, load)


def computed(array: LazyArray, shape: Sequence[int], function: Callable[[Numbers], Numbers]) -> LazyArray:
    """What a function makes of the array; it must have this shape and the same element type."""
    return LazyArray(tuple(shape), array.dtype, lambda: function(array.load()))
