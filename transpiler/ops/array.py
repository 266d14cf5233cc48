"""Ops on arrays as numpy has them: gathering, stacking, repeating, flipping, padding any axis, running sums."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Any

from transpiler.ir.attributes import Attr, same
from transpiler.ir.op import Arity, Op, ShapeError, op
from transpiler.ir.types import Dim, DType, TensorType, product
from transpiler.ops import fields as f
from transpiler.ops.activation import Activation
from transpiler.ops.elementwise import broadcast
from transpiler.ops.spatial import axis_of


def _replaced(type_: TensorType, axis: int, size: Dim) -> TensorType:
    """The same type with another size of one axis."""
    if type_.shape is None:
        return type_
    where = axis_of(axis, len(type_.shape))
    return type_.with_shape((*type_.shape[:where], size, *type_.shape[where + 1 :]))


def _size(type_: TensorType, axis: int) -> Dim:
    return None if type_.shape is None else type_.shape[axis_of(axis, len(type_.shape))]


@op("gather", "Utility")
class Gather(Op):
    """The elements of x along an axis in the order of the second operand's numbers; its axes take that axis's place."""

    arity = Arity(2, 2)
    operand_names = ("x", "indices")
    axis: int | None = f.optional_integer("the axis; none: x is flattened first", None)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape, indices = operands[0].shape, operands[1].shape
        if indices is None or (shape is None and self.axis is not None):
            return (operands[0].with_shape(None),)
        if self.axis is None or shape is None:
            return (operands[0].with_shape(indices),)
        axis = axis_of(self.axis, len(shape))
        return (operands[0].with_shape((*shape[:axis], *indices, *shape[axis + 1 :])),)


@op("stack", "Utility")
class Stack(Op):
    """Tensors of one shape joined along a new axis."""

    arity = Arity(1, None)
    axis: int = f.integer("where the new axis stands", 0)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shapes = [operand.shape for operand in operands if operand.shape is not None]
        if len(shapes) < len(operands):
            return (operands[0].with_shape(None),)
        if len({len(shape) for shape in shapes}) > 1:
            raise ShapeError("only tensors of one shape can be stacked")
        shape = broadcast(shapes)
        axis = axis_of(self.axis, len(shape), extra=1)
        return (operands[0].with_shape((*shape[:axis], len(operands), *shape[axis:])),)


@op("unstack", "Utility")
class Unstack(Op):
    """The slices of an axis, one result each."""

    count: int = f.integer("how many there are", least=1)
    axis: int = f.integer("the axis", 0)

    @property
    def result_count(self) -> int:
        return self.count

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is None:
            return (operands[0],) * self.count
        axis = axis_of(self.axis, len(shape))
        if shape[axis] not in (None, self.count):
            raise ShapeError(f"an axis of {shape[axis]} elements has not {self.count} slices")
        return (operands[0].with_shape((*shape[:axis], *shape[axis + 1 :])),) * self.count


@op("broadcast_to", "Utility")
class BroadcastTo(Op):
    """x repeated along axes of size 1, and along new leading axes, until it has the shape."""

    shape: tuple[int | None, ...] = f.shape("the new shape")

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        if operands[0].shape is not None and len(operands[0].shape) > len(self.shape):
            raise ShapeError(f"{len(operands[0].shape)} axes cannot become {len(self.shape)}")
        return (operands[0].with_shape(self.shape),)


@op("tile_axes", "Utility")
class TileAxes(Op):
    """x repeated as a whole along every axis (numpy's tile)."""

    repeats: tuple[int, ...] = f.integers("how often along each axis, aligned to the last", least=0)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is None:
            return (operands[0],)
        rank = max(len(shape), len(self.repeats))
        sizes = (1,) * (rank - len(shape)) + shape
        counts = (1,) * (rank - len(self.repeats)) + self.repeats
        return (
            operands[0].with_shape(
                None if n is None else n * by for n, by in zip(sizes, counts, strict=True)
            ),
        )


@op("repeat", "Utility")
class Repeat(Op):
    """Every element of an axis repeated in place."""

    count: int = f.integer("how often", least=1)
    axis: int | None = f.optional_integer("the axis; none: x is flattened first", None)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        if self.axis is None:
            total = None if operands[0].shape is None else product(operands[0].shape)
            return (operands[0].with_shape((None if total is None else total * self.count,)),)
        size = _size(operands[0], self.axis)
        return (_replaced(operands[0], self.axis, None if size is None else size * self.count),)


@op("flip", "Utility")
class Flip(Activation):
    """The elements in reverse order along axes (none: all)."""

    axes: tuple[int, ...] | None = f.optional_integers("the axes", None)


@op("roll", "Utility")
class Roll(Activation):
    """The elements shifted along axes; what leaves one end enters the other."""

    shifts: tuple[int, ...] = f.integers("by how many places")
    axes: tuple[int, ...] | None = f.optional_integers(
        "the axes; none: x is flattened, and viewed as before", None
    )


class PadMode(enum.Enum):
    """What padding is made of."""

    CONSTANT = "constant"
    REFLECT = "reflect"
    SYMMETRIC = "symmetric"


@op("pad_axes", "Utility")
class PadAxes(Op):
    """Every axis extended before and after, with a constant or mirrored."""

    pads: tuple[tuple[int, int], ...] = f.pairs("what is added before and after, one pair an axis")
    mode: PadMode = f.choice(PadMode, "what the padding is made of", PadMode.CONSTANT)
    value: float = f.number("the constant", 0.0)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is None:
            return (operands[0],)
        if len(shape) != len(self.pads):
            raise ShapeError(f"{len(self.pads)} pairs of pads do not fit {len(shape)} axes")
        sizes = (
            None if n is None else n + before + after
            for n, (before, after) in zip(shape, self.pads, strict=True)
        )
        return (operands[0].with_shape(sizes),)


@op("fill_like", "Utility")
class FillLike(Activation):
    """One number in the operand's shape."""

    value: float = f.number("the number")


@op("cumulative", "Utility")
class Cumulative(Activation):
    """Running sums (or, `product`, products) along an axis."""

    axis: int = f.integer("the axis")
    product: bool = f.flag("whether elements are multiplied instead", False)


@op("variance", "Utility")
class Variance(Op):
    """The mean squared distance from the mean over axes; its root if `root`."""

    axes: tuple[int, ...] | None = f.optional_integers("the axes that disappear; none: all", None)
    keepdims: bool = f.flag("whether they remain with size 1", False)
    root: bool = f.flag("whether the root is taken", False)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        return (_reduced(operands[0], self.axes, self.keepdims),)


def _reduced(type_: TensorType, axes: tuple[int, ...] | None, keepdims: bool) -> TensorType:
    if type_.shape is None:
        return type_
    rank = len(type_.shape)
    gone = set(range(rank)) if axes is None else {axis_of(axis, rank) for axis in axes}
    kept = (1 if i in gone else n for i, n in enumerate(type_.shape) if keepdims or i not in gone)
    return type_.with_shape(kept)


@op("norm", "Utility")
class Norm(Op):
    """The length of vectors along axes: the root of the sum of squares, or another order."""

    order: float | None = f.optional_number("the order; none means 2", None)
    axes: tuple[int, ...] | None = f.optional_integers("the axes that disappear; none: all", None)
    keepdims: bool = f.flag("whether they remain with size 1", False)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        return (_reduced(operands[0], self.axes, self.keepdims),)


@op("arg_extremum", "Utility")
class ArgExtremum(Op):
    """The index of the largest (or smallest) element along an axis (none: of the flattened tensor)."""

    axis: int | None = f.optional_integer("the axis, which disappears", None)
    keepdims: bool = f.flag("whether it remains with size 1", False)
    smallest: bool = f.flag("whether the smallest is meant", False)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        axes = None if self.axis is None else (self.axis,)
        return (TensorType(_reduced(operands[0], axes, self.keepdims).shape, DType.INT32),)


@op("top_k", "Utility")
class TopK(Op):
    """The `k` largest elements of the last axis, and their indices as a second result."""

    k: int = f.integer("how many", least=1)
    ordered: bool = f.flag("whether the largest comes first", True)

    @property
    def result_count(self) -> int:
        return 2

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        values = _replaced(operands[0], -1, self.k)
        return (values, TensorType(values.shape, DType.INT32))


@op("index", "Utility")
class Index(Op):
    """x[…] as numpy has it, with `key`: numbers, {slice: [begin, end, step]}, {ellipsis: true}, none for a new axis."""

    key: tuple[Attr, ...] = f.anything("what stands between the brackets", tuple, "list of data")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Index) and same(self.key, other.key)

    def __hash__(self) -> int:
        return hash(len(self.key))

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is None:
            return (operands[0],)
        used = sum(1 for item in self.key if item is not None and not _is_dots(item))
        if used > len(shape):
            raise ShapeError(f"{used} indices for a tensor of {len(shape)} axes")
        sizes: list[Dim] = []
        rest = list(shape)
        for item in self.key:
            if item is None:
                sizes.append(1)
            elif _is_dots(item):
                behind = sum(1 for later in self.key[self.key.index(item) + 1 :] if later is not None)
                sizes.extend(rest[: len(rest) - behind])
                rest = rest[len(rest) - behind :]
            else:
                size = rest.pop(0)
                if isinstance(item, Mapping):
                    sizes.append(_taken(size, item))
        return (operands[0].with_shape((*sizes, *rest)),)


def _is_dots(item: Attr) -> bool:
    return isinstance(item, Mapping) and "ellipsis" in item


def _taken(size: Dim, item: Mapping[str, Any]) -> Dim:
    """How many elements a slice takes of an axis."""
    begin, end, step = item["slice"]
    if size is None:
        return None
    return len(range(*slice(begin, end, step).indices(size)))
