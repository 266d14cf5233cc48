"""All window arithmetic: convolution, pooling and their transposes, one axis at a time.

Sources: the formulas of the frameworks' own documentation and code, restated in docs/design.md, and the recorded
results of a real Caffe under tests. Everything that needs an output size or an amount of padding calls this module.
"""

from __future__ import annotations

import enum

import msgspec

from transpiler.ir.op import ShapeError
from transpiler.ir.types import Dim
from transpiler.syntax.symbol import Symbol


class Rounding(enum.Enum):
    """How a window count that does not come out even is rounded."""

    FLOOR = "floor"
    """Only windows that lie inside the padded input (TensorFlow VALID, torch default)."""
    CEIL = "ceil"
    """One more window may hang over the end; Caffe: it is dropped only when the axis group is padded and
    the window would start in the end padding."""
    CEIL_CLIP = "ceil_clip"
    """As torch's ceil_mode: a window that would start in the end padding is always dropped."""


class SameSide(enum.Enum):
    """Which end gets the odd element of SAME padding."""

    UPPER = "same_upper"
    LOWER = "same_lower"


class Explicit(msgspec.Struct, frozen=True):
    """So many elements before and after each spatial axis."""

    pads: tuple[tuple[int, int], ...]

    @property
    def plain(self) -> list[list[int]]:
        """Its text form."""
        return [[before, after] for before, after in self.pads]


class Same(msgspec.Struct, frozen=True):
    """As much padding as makes the output ceil(input / stride)."""

    side: SameSide = SameSide.UPPER

    @property
    def plain(self) -> Symbol:
        """Its text form."""
        return Symbol(self.side.value)


class Valid(msgspec.Struct, frozen=True):
    """No padding."""

    @property
    def plain(self) -> Symbol:
        """Its text form."""
        return Symbol("valid")


Padding = Explicit | Same | Valid


def to_padding(value: object) -> Padding:
    """Padding from its text form: `valid`, `same_upper`, `same_lower`, or a list of pairs."""
    match value:
        case Explicit() | Same() | Valid():
            return value
        case "valid":
            return Valid()
        case "same_upper" | "same_lower":
            return Same(SameSide(str(value)))
        case list() | tuple():
            pads = []
            for pair in value:
                if not isinstance(pair, (list, tuple)) or len(pair) != 2:
                    raise ValueError(f"{pair!r} is not a pair of pads")
                before, after = pair
                if not (isinstance(before, int) and isinstance(after, int)):
                    raise ValueError(f"{pair!r} is not a pair of integers")
                pads.append((before, after))
            return Explicit(tuple(pads))
        case _:
            raise ValueError(f"{value!r} is no padding: give valid, same_upper, same_lower or pairs")


def extent(kernel: int, dilation: int = 1) -> int:
    """How many input elements a dilated kernel spans."""
    return (kernel - 1) * dilation + 1


def same_pads(
    size: int, kernel: int, stride: int, dilation: int = 1, side: SameSide = SameSide.UPPER
) -> tuple[int, int]:
    """The (before, after) padding that SAME means for an input of `size` elements."""
    out = -(-size // stride)
    total = max((out - 1) * stride + extent(kernel, dilation) - size, 0)
    small, large = total // 2, total - total // 2
    return (small, large) if side is SameSide.UPPER else (large, small)


def window_count(
    size: Dim,
    kernel: int,
    stride: int,
    dilation: int,
    pads: tuple[int, int],
    rounding: Rounding,
    *,
    clip: bool = False,
) -> Dim:
    """How many windows fit one axis. `clip`: Caffe's rule for a padded axis group (see Rounding.CEIL).

    Raises ShapeError when not even one window fits.
    """
    if size is None:
        return None
    span = extent(kernel, dilation)
    room = size + sum(pads) - span
    if room < 0:
        raise ShapeError(
            f"a window of {span} does not fit an input of {size} padded by {pads[0]} and {pads[1]}"
        )
    count = (room // stride if rounding is Rounding.FLOOR else -(-room // stride)) + 1
    if (clip or rounding is Rounding.CEIL_CLIP) and (count - 1) * stride >= size + pads[0]:
        count -= 1
    return count


def overhang(size: int, count: int, kernel: int, stride: int, dilation: int, pads: tuple[int, int]) -> int:
    """How far the last of `count` windows reaches over the end of the padded input (0 if it does not)."""
    return max((count - 1) * stride + extent(kernel, dilation) - (size + sum(pads)), 0)


def same_count(size: Dim, stride: int) -> Dim:
    """How many windows SAME padding gives."""
    return None if size is None else -(-size // stride)


def windows_along(
    sizes: tuple[Dim, ...],
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
    padding: Padding,
    rounding: Rounding = Rounding.FLOOR,
) -> tuple[Dim, ...]:
    """Output sizes over all spatial axes. Raises ShapeError as `window_count` does."""
    if isinstance(padding, Same):
        return tuple(same_count(size, stride) for size, stride in zip(sizes, strides, strict=True))
    pads = explicit_pads(padding, len(sizes))
    clip = rounding is Rounding.CEIL and any(before for before, _ in pads)
    return tuple(
        window_count(size, k, s, d, pad, rounding, clip=clip)
        for size, k, s, d, pad in zip(sizes, kernel, strides, dilations, pads, strict=True)
    )


def explicit_pads(padding: Padding, rank: int) -> tuple[tuple[int, int], ...]:
    """Pads of a padding that does not depend on sizes. Raises ValueError for Same."""
    match padding:
        case Explicit(pads):
            return pads
        case Valid():
            return ((0, 0),) * rank
        case Same():
            raise ValueError("SAME padding depends on the input size")


def resolve_pads(
    sizes: tuple[int, ...],
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
    padding: Padding,
) -> tuple[tuple[int, int], ...]:
    """The explicit pads of any padding once the spatial sizes are known."""
    if isinstance(padding, Same):
        return tuple(
            same_pads(size, k, s, d, padding.side)
            for size, k, s, d in zip(sizes, kernel, strides, dilations, strict=True)
        )
    return explicit_pads(padding, len(sizes))


def transposed_size(
    size: Dim, kernel: int, stride: int, dilation: int, crops: tuple[int, int], output_padding: int
) -> Dim:
    """Output size of a transposed convolution that crops its full result and appends `output_padding` elements.

    Raises ShapeError when nothing is left.
    """
    if size is None:
        return None
    out = stride * (size - 1) + extent(kernel, dilation) - sum(crops) + output_padding
    if out < 1:
        raise ShapeError(
            f"a transposed window of {extent(kernel, dilation)} cropped by {crops} leaves nothing of {size} elements"
        )
    return out


def same_crops(kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """What SAME crops from a full transposed convolution so that the output is input * stride (trap 6)."""
    total = max(extent(kernel, dilation) - stride, 0)
    return total // 2, total - total // 2
