"""Ops that combine elements at the same place of several tensors."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import ClassVar

from transpiler.ir.op import Arity, Op, ShapeError, op
from transpiler.ir.types import Dim, DType, Shape, TensorType, agree
from transpiler.ops import fields as f

MANY = Arity(1, None)
TWO = Arity(2, 2)


def broadcast(shapes: Sequence[Shape]) -> Shape:
    """The common shape after numpy's broadcasting. Raises ShapeError when there is none."""
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    result: list[Dim] = []
    for axis, dims in enumerate(zip(*padded, strict=True)):
        sizes = {dim for dim in dims if dim is not None and dim != 1}
        if len(sizes) > 1:
            raise ShapeError(
                f"sizes {' and '.join(map(str, sorted(sizes)))} of axis {axis} cannot be combined"
            )
        result.append(sizes.pop() if sizes else (None if None in dims else 1))
    return tuple(result)


def _broadcast_types(operands: Sequence[TensorType]) -> TensorType:
    dtype = promote(operands)
    shapes = [operand.shape for operand in operands if operand.shape is not None]
    if len(shapes) < len(operands):
        return TensorType(None, dtype)
    return TensorType(broadcast(shapes), dtype)


_REAL = (DType.FLOAT32, DType.FLOAT16, DType.BFLOAT16, DType.FLOAT64)


def promote(operands: Sequence[TensorType]) -> DType:
    """The element type of the result: reals before whole numbers before truth values, tensors before single numbers."""
    ranked = [operand.dtype for operand in sorted(operands, key=lambda operand: operand.shape == ())]
    real = [dtype for dtype in ranked if dtype in _REAL]
    whole = [dtype for dtype in ranked if dtype is not DType.BOOL]
    return (real or whole or ranked)[0]


class Elementwise(Op):
    """An op over any number of tensors, broadcast against each other from the last axis."""

    arity = MANY
    operand_names: ClassVar[tuple[str, ...]] = ("x",)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        return (_broadcast_types(operands),)


@op("add", "Utility")
class Add(Elementwise):
    """The sum of all operands, each times its coefficient if coefficients are given."""

    coefficients: tuple[float, ...] = f.numbers("factor of each operand; none means 1", ())

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        if self.coefficients and len(self.coefficients) != len(operands):
            raise ShapeError(f"{len(self.coefficients)} coefficients for {len(operands)} operands")
        return super().infer(operands)


@op("multiply", "Utility")
class Multiply(Elementwise):
    """The product of all operands."""


@op("maximum", "Utility")
class Maximum(Elementwise):
    """The largest of all operands."""


@op("minimum", "Utility")
class Minimum(Elementwise):
    """The smallest of all operands."""


@op("average", "Utility")
class Average(Elementwise):
    """The mean of all operands."""


class Binary(Elementwise):
    """An op over exactly two tensors."""

    arity = TWO
    operand_names = ("a", "b")


@op("subtract", "Utility")
class Subtract(Binary):
    """a - b."""


@op("divide", "Utility")
class Divide(Binary):
    """a / b."""


@op("pow", "Utility")
class Pow(Binary):
    """a to the power b."""


class Comparison(enum.Enum):
    """How two numbers are compared."""

    GREATER = "greater"
    GREATER_EQUAL = "greater_equal"
    LESS = "less"
    LESS_EQUAL = "less_equal"
    EQUAL = "equal"
    NOT_EQUAL = "not_equal"


@op("compare", "Utility")
class Compare(Binary):
    """Whether a stands in the given relation to b."""

    relation: Comparison = f.choice(Comparison, "the relation")

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        return (TensorType(_broadcast_types(operands).shape, DType.BOOL),)


@op("select", "Utility")
class Select(Op):
    """a where the condition holds, else b."""

    arity = Arity(3, 3)
    operand_names = ("condition", "a", "b")

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        return (TensorType(_broadcast_types(operands).shape, promote(operands[1:])),)


@op("binary", "Utility")
class BinaryFunction(Binary):
    """A function of two numbers named by its mathematical name (floor_divide, mod, arctan2, logical_and, …)."""

    function: str = f.text("its name")

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        type_ = _broadcast_types(operands)
        return (TensorType(type_.shape, DType.BOOL if self.function.startswith("logical") else type_.dtype),)


@op("cast", "Utility")
class Cast(Op):
    """The same numbers in another element type."""

    dtype: DType = f.dtype("the new type")

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        return (TensorType(operands[0].shape, self.dtype),)


@op("dot", "Utility")
class Dot(Op):
    """Batched product of two tensors summed over one axis of each, cosine similarity if `normalize`."""

    arity = TWO
    operand_names = ("a", "b")
    axes: tuple[int, ...] = f.integers("the summed axis of each operand")
    normalize: bool = f.flag("whether both are scaled to length 1 along their axis first", False)

    def __post_init__(self) -> None:
        if len(self.axes) != 2:
            raise ValueError(f"two axes are needed, one of each operand, not {list(self.axes)}")

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        a, b = operands[0].shape, operands[1].shape
        if a is None or b is None:
            return (operands[0].with_shape(None),)
        left, right = (axis % len(shape) for axis, shape in zip(self.axes, (a, b), strict=True))
        if a[left] is not None and b[right] is not None and a[left] != b[right]:
            raise ShapeError(f"axes of {a[left]} and {b[right]} elements cannot be summed together")
        rest = a[:left] + a[left + 1 :] + b[1:right] + b[right + 1 :]
        return (operands[0].with_shape(rest if len(rest) > 1 else (*rest, 1)),)


@op("axpy", "Utility")
class Axpy(Op):
    """a * x + y, where a has one number for each channel: [N, C] or [N, C, 1, ...] (squeeze-and-excitation forks)."""

    arity = Arity(3, 3)
    operand_names = ("a", "x", "y")

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        factor, shape, summand = (operand.shape for operand in operands)
        if shape is not None and summand is not None and shape != summand and None not in (*shape, *summand):
            raise ShapeError(f"tensors of shapes {list(shape)} and {list(summand)} cannot be added")
        if shape is not None and factor is not None and not all(map(agree, factor[:2], shape[:2])):
            raise ShapeError(f"a factor of shape {list(factor)} does not fit {list(shape)}")
        return (operands[1],)
