"""Where the elements of a value lie after a change of data format, relative to where the source put them."""

from __future__ import annotations

from functools import cache

import msgspec

from transpiler.ir.types import Shape
from transpiler.ops.spatial import DataFormat

Blocks = tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]


class Permuted(msgspec.Struct, frozen=True):
    """Axis i of the value as it now is, is axis `axes[i]` of the value as the source had it."""

    axes: tuple[int, ...]

    def new(self, axis: int) -> int:
        """Where a source axis now lies."""
        return self.axes.index(axis % len(self.axes))

    @property
    def trivial(self) -> bool:
        return self.axes == tuple(range(len(self.axes)))

    @property
    def inverse(self) -> tuple[int, ...]:
        """The transposition that leads back."""
        return tuple(self.axes.index(i) for i in range(len(self.axes)))

    def shape(self, source: Shape) -> Shape:
        return tuple(source[axis] for axis in self.axes)


class Flattened(msgspec.Struct, frozen=True, cache_hash=True):
    """One axis holds flattened feature maps in another order: each block has source `dims`, transposed by its axes."""

    axis: int
    blocks: Blocks


Layout = Permuted | Flattened | None
"""None: as in the source."""


@cache
def converted(rank: int, target: DataFormat) -> Permuted:
    """The layout of a feature map of this rank that was changed to `target` from the other format."""
    if target is DataFormat.CHANNELS_LAST:
        return Permuted((0, *range(2, rank), 1))
    return Permuted((0, rank - 1, *range(1, rank - 1)))


def keeps_order(shape: Shape | None, layout: Permuted) -> bool:
    """Whether the permutation moves only axes of size 1, so that the elements stay in the same order."""
    if shape is None:
        return layout.trivial
    moved = [axis for axis in layout.axes if shape[axis] != 1]
    return moved == sorted(moved)


def simplified(layout: Layout, shape: Shape | None) -> Layout:
    """None instead of a layout that changes nothing."""
    if layout is None:
        return None
    match layout:
        case Permuted() if layout.trivial:
            return None
        case Flattened(_, blocks):
            orders = [keeps_order(dims, Permuted(axes)) for dims, axes in blocks]
            return None if all(orders) else layout
        case _:
            return layout
