"""Ops that make one number of many along some axes."""

from __future__ import annotations

import enum
from collections.abc import Sequence

from transpiler.ir.op import Op, ShapeError, op
from transpiler.ir.types import TensorType
from transpiler.ops import fields as f
from transpiler.ops.spatial import axis_of


class Reducer(enum.Enum):
    """What many numbers become."""

    SUM = "sum"
    MEAN = "mean"
    MAX = "max"
    MIN = "min"
    PROD = "prod"
    ABS_SUM = "abs_sum"
    SQUARE_SUM = "square_sum"
    ANY = "any"
    ALL = "all"


@op("reduce", "Utility")
class Reduce(Op):
    """The sum (mean, max, …) over the listed axes, times a fixed factor."""

    reducer: Reducer = f.choice(Reducer, "what the numbers become")
    axes: tuple[int, ...] = f.integers("the axes that disappear")
    keepdims: bool = f.flag("whether they remain with size 1", False)
    factor: float = f.number("the result is multiplied by it", 1.0)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is None:
            return (operands[0],)
        gone = {axis_of(axis, len(shape)) for axis in self.axes}
        kept = (1 if i in gone else size for i, size in enumerate(shape) if self.keepdims or i not in gone)
        return (operands[0].with_shape(kept),)


@op("reduce_tail", "Utility")
class ReduceTail(Op):
    """All axes from `axis` on reduced to one number, times a fixed factor (Caffe's Reduction)."""

    reducer: Reducer = f.choice(Reducer, "what the numbers become", Reducer.SUM)
    axis: int = f.integer("the first reduced axis", 0)
    factor: float = f.number("the result is multiplied by it", 1.0)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is None:
            return (operands[0],)
        return (operands[0].with_shape(shape[: axis_of(self.axis, len(shape))]),)


@op("arg_max", "Utility")
class ArgMax(Op):
    """The indices of the `top_k` largest elements.

    With an axis, that axis becomes top_k long and holds indices (with `values`: the elements themselves). Without
    one, each example is flattened and the result is [N, 1, top_k], or [N, 2, top_k] with the values in the second row.
    """

    top_k: int = f.integer("how many of the largest", 1, least=1)
    axis: int | None = f.optional_integer("the axis, if any", None)
    values: bool = f.flag("whether the elements are given too (no axis), or instead (axis)", False)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is None:
            return (operands[0],)
        if self.axis is not None:
            axis = axis_of(self.axis, len(shape))
            size = shape[axis]
            if size is not None and self.top_k > size:
                raise ShapeError(f"there are no {self.top_k} largest of {size} elements")
            return (operands[0].with_shape((*shape[:axis], self.top_k, *shape[axis + 1 :])),)
        blank = (1,) * max(len(shape) - 3, 0)
        return (operands[0].with_shape((shape[0], 2 if self.values else 1, self.top_k, *blank)),)
