"""What a node says about its learned arrays: which array fills a role, and how its layout was changed.

Every array has one canonical order, that of the op which first declared it (convolution kernels: out, in / groups,
spatial…; dense kernels: units, inputs). Passes that change layouts never touch numbers: they record a `Relayout`
on the use, and the weights room applies it.
"""

from __future__ import annotations

import msgspec


class Reshape(msgspec.Struct, frozen=True):
    """View the array with this shape (row-major, same number of elements)."""

    shape: tuple[int, ...]


class Permute(msgspec.Struct, frozen=True):
    """Transpose: result axis i is source axis `axes[i]`."""

    axes: tuple[int, ...]


class Regroup(msgspec.Struct, frozen=True):
    """Reorder one axis block by block: each block is viewed with its `dims`, transposed by its `axes`, flattened.

    The blocks' products add up to the axis. This is what Flatten does to the order of a dense layer's inputs when the
    flattened tensor changes its data format (trap 1).
    """

    axis: int
    blocks: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]


class Take(msgspec.Struct, frozen=True):
    """Keep the half-open range `start:stop` of one axis (a grouped kernel split into its groups)."""

    axis: int
    start: int
    stop: int


class Flip(msgspec.Struct, frozen=True):
    """Reverse the order along these axes (a transposed convolution read as a plain one)."""

    axes: tuple[int, ...]


Relayout = Reshape | Permute | Regroup | Take | Flip


class Constant(msgspec.Struct, frozen=True):
    """An array with one value everywhere, for a role that the source has no array for."""

    value: float


class ParamUse(msgspec.Struct, frozen=True):
    """Role `role` of a node is filled by the array named `symbol` after `relayouts`, or by a constant."""

    role: str
    symbol: str
    relayouts: tuple[Relayout, ...] = ()
    constant: Constant | None = None

    def then(self, *steps: Relayout) -> ParamUse:
        """The same use with further layout steps; adjacent reshapes are merged."""
        done = list(self.relayouts)
        for step in steps:
            if done and isinstance(done[-1], Reshape) and isinstance(step, Reshape):
                done.pop()
            done.append(step)
        return msgspec.structs.replace(self, relayouts=tuple(done))
