"""Ops that change the size of a feature map by rules of their own (forks of Caffe). Channels first."""

from __future__ import annotations

from collections.abc import Sequence

from transpiler.ir.op import Arity, Op, ShapeError, op
from transpiler.ir.types import Dim, Shape, TensorType
from transpiler.ops import fields as f


def _image(type_: TensorType) -> Shape | None:
    """The shape of a feature map of two spatial axes; missing axes count as 1. Raises ShapeError for more than 4."""
    if type_.shape is None:
        return None
    if len(type_.shape) > 4:
        raise ShapeError(f"a feature map of 4 axes is needed, got {len(type_.shape)}")
    return (*type_.shape, *(1,) * (4 - len(type_.shape)))


@op("interp", "Vision")
class Interp(Op):
    """Bilinear interpolation between aligned corners, to a fixed size, a factor, or the second operand's size.

    A factor z makes n elements n + (n - 1) * (z - 1); shrinking by s makes them (n - 1) // s + 1, before zooming.
    """

    arity = Arity(1, 2)
    operand_names = ("x", "reference")
    size: tuple[int, ...] = f.integers("height and width of the result, if fixed", (), least=1)
    zoom: int = f.integer("factor of enlargement", 1, least=1)
    shrink: int = f.integer("factor of reduction", 1, least=1)
    pads: tuple[int, ...] = f.integers(
        "elements added (negative: cut) before and after each axis first", (0, 0)
    )

    def __post_init__(self) -> None:
        if len(self.size) not in (0, 2) or len(self.pads) != 2:
            raise ValueError("a size is a height and a width, and there are pads before and after")

    def _length(self, size: Dim) -> Dim:
        if size is None:
            return None
        length = (size + sum(self.pads) - 1) // self.shrink + 1
        return length + (length - 1) * (self.zoom - 1)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = _image(operands[0])
        if shape is None:
            return (operands[0],)
        sizes: Shape = self.size or tuple(map(self._length, shape[2:]))
        if len(operands) > 1:
            reference = _image(operands[1])
            sizes = (None, None) if reference is None else reference[2:]
        if any(size is not None and size < 1 for size in sizes):
            raise ShapeError(f"interpolation leaves nothing of {list(shape[2:])}")
        return (operands[0].with_shape((*shape[:2], *sizes)),)


@op("unpool", "Vision")
class Unpool(Op):
    """The reverse of max pooling: each element goes to the place that the mask (second operand) names, 0 elsewhere."""

    arity = Arity(2, 2)
    operand_names = ("x", "mask")
    factors: tuple[int, ...] = f.integers("factor of each spatial axis", (2, 2), least=1)
    trims: tuple[int, ...] = f.integers("elements dropped at the end of each spatial axis", (0, 0), least=0)
    size: tuple[int, ...] = f.integers("height and width of the result, if fixed", (), least=1)

    def __post_init__(self) -> None:
        if len(self.factors) != 2 or len(self.trims) != 2 or len(self.size) not in (0, 2):
            raise ValueError("factors, trims and size are those of height and width")

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = _image(operands[0])
        if shape is None:
            return (operands[0],)
        rows = zip(shape[2:], self.factors, self.trims, strict=True)
        sizes: Shape = self.size or tuple(None if n is None else n * by - trim for n, by, trim in rows)
        return (operands[0].with_shape((*shape[:2], *sizes)),)


@op("reorg", "Vision")
class Reorg(Op):
    """Blocks of stride x stride elements moved into the channels (YOLO's order); `reverse`: back into space."""

    stride: int = f.integer("side of a block", least=1)
    reverse: bool = f.flag("whether channels are moved into space", False)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = _image(operands[0])
        if shape is None:
            return (operands[0],)
        block = self.stride**2
        if self.reverse:
            return (
                operands[0].with_shape(
                    (shape[0], _part(shape[1], block), *(_times(n, self.stride) for n in shape[2:]))
                ),
            )
        sizes = (_part(size, self.stride) for size in shape[2:])
        return (operands[0].with_shape((shape[0], _times(shape[1], block), *sizes)),)


def _times(size: Dim, factor: int) -> Dim:
    return None if size is None else size * factor


def _part(size: Dim, count: int) -> Dim:
    if size is not None and size % count:
        raise ShapeError(f"{size} elements do not divide into {count} parts")
    return None if size is None else size // count
