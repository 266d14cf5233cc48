"""Arrays of numbers that are decoded when somebody asks: a model's weights never all lie in memory at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from transpiler.ir.types import DType

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]


class LazyArray(msgspec.Struct, frozen=True, eq=False):
    """An array that is decoded when it is asked for: shape and element type are known without it.

    `dtype` is None for an element type that the graph has no word for.
    """

    shape: tuple[int, ...]
    dtype: DType | None
    load: Callable[[], Array]
    """Raises ValueError when the stored elements do not fit the shape."""
