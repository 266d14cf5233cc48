"""Which tensor of a converted network is which of the source, and in which order its elements lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from transpiler.ir import Graph, Value
from transpiler.passes.layouts import Flattened, Layout, Permuted
from transpiler.passes.trail import Trail

if TYPE_CHECKING:
    from transpiler.ir.arrays import Array as Numbers


class Match(msgspec.Struct, frozen=True):
    """A source value and the legal graph's value that holds its tensor, laid out as `layout` says."""

    source: Value
    target: Value
    layout: Layout = None

    def back(self, array: Numbers) -> Numbers:
        """The target's array in the source's order."""
        return restored(array, self.layout)

    def there(self, array: Numbers) -> Numbers:
        """The source's array in the target's order."""
        return array.transpose(self.layout.axes) if isinstance(self.layout, Permuted) else array


def restored(array: Numbers, layout: Layout) -> Numbers:
    """An array that lies in a layout, as the source has it; unchanged where it has another number of axes."""
    import numpy as np

    from transpiler.weights.relayout import regrouped

    match layout:
        case Permuted() if array.ndim == len(layout.axes):
            return array.transpose(layout.inverse)
        case Flattened(axis, blocks) if axis < array.ndim:
            order = regrouped(blocks)
            return np.take(array, np.argsort(order), axis=axis) if len(order) == array.shape[axis] else array
        case _:
            return array


def matches(source: Graph, legal: Graph, trail: Trail) -> tuple[Match, ...]:
    """Every source value that the legal graph still computes, in the source's order; outputs once more by position.

    Values keep their names through all passes but where the trail says otherwise.
    """
    by_name = {value.name: value for value in legal.values()}
    found: list[Match] = []
    for value in source.values():
        moved = trail.follow(value.name)
        if moved is not None and moved.name in by_name:
            found.append(Match(value, by_name[moved.name], moved.layout))
    return (*found, *_outputs(source, legal, trail, found))


def _outputs(source: Graph, legal: Graph, trail: Trail, found: list[Match]) -> list[Match]:
    """Outputs that have other values now: passes keep their order, if they do not drop some."""
    if len(source.outputs) != len(legal.outputs):
        return []
    pairs = {(match.source, match.target) for match in found}
    layouts = {match.target: match.layout for match in found}
    return [
        Match(old, new, layouts.get(new))
        for old, new in zip(source.outputs, legal.outputs, strict=True)
        if (old, new) not in pairs and trail.follow(old.name) is not None
    ]
