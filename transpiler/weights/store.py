"""A model's learned arrays by symbol, in canonical order, decoded one at a time; layout steps are applied here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from transpiler.dialects.rows import Array
from transpiler.ir import LazyArray, ParamUse

if TYPE_CHECKING:
    from transpiler.ir.arrays import Array as Numbers


class Store(msgspec.Struct, frozen=True, eq=False):
    """Symbol -> array in canonical order, as the source's passes declared it."""

    arrays: Mapping[str, LazyArray]

    def has(self, use: ParamUse) -> bool:
        """Whether there are numbers for a use: an array, or a constant."""
        return use.constant is not None or use.symbol in self.arrays

    def canonical(self, use: ParamUse, shape: Sequence[int]) -> Numbers:
        """The array as the node's op declares it, whose canonical shape is `shape`, after all recorded layout steps.

        Raises KeyError for a symbol without an array and ValueError when the array does not fit.
        """
        import numpy as np

        from transpiler.weights.relayout import applied

        if use.constant is not None:
            return np.full(tuple(shape), use.constant.value, np.float32)
        array = applied(self.arrays[use.symbol].load(), use.relayouts)
        if array.shape != tuple(shape):
            raise ValueError(f"{use.symbol} has shape {list(array.shape)}, not {list(shape)}")
        return array

    def native(self, use: ParamUse, spelling: Array, shape: Sequence[int]) -> Numbers:
        """The same in a framework's own axis order."""
        from transpiler.weights.relayout import to_native

        return to_native(self.canonical(use, shape), spelling)
