"""Sizes and paddings of windows as people write them: one number for all axes, or one for each."""

from __future__ import annotations

from collections.abc import Sequence

from transpiler.builder.core import NetworkError
from transpiler.ir import Value
from transpiler.ops.windows import Explicit, Padding, Valid, to_padding

Sizes = int | Sequence[int]
"""One number for every spatial axis, or one for each."""
PaddingLike = int | str | Sequence[int | tuple[int, int]]
"""So many elements at both ends of every axis, of each axis, or before and after each; or `same`, `same_lower`."""


def spatial_rank(x: Value) -> int:
    """How many spatial axes a feature map has."""
    if x.type.rank is None or x.type.rank < 3:
        raise NetworkError(f"{x.name} is no feature map (batch, channels, space): {x.type}")
    return x.type.rank - 2


def per_axis(sizes: Sizes, rank: int) -> tuple[int, ...]:
    """One number for each of `rank` axes."""
    made = (sizes,) * rank if isinstance(sizes, int) else tuple(sizes)
    if len(made) != rank:
        raise NetworkError(f"{list(made)} has {len(made)} numbers for {rank} spatial axes")
    return made


def as_padding(padding: PaddingLike, rank: int) -> Padding:
    """The padding of `rank` axes."""
    if isinstance(padding, str):
        return to_padding("same_upper" if padding == "same" else padding)
    items = (padding,) * rank if isinstance(padding, int) else tuple(padding)
    if len(items) != rank:
        raise NetworkError(f"the padding {list(items)} names {len(items)} axes of {rank}")
    pads = tuple((item, item) if isinstance(item, int) else item for item in items)
    return Explicit(pads) if any(end for pair in pads for end in pair) else Valid()
