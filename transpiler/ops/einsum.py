"""Products written as index equations ("abc,cd->abd")."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from transpiler.ir.op import Arity, Op, ParamSpec, ShapeError, op
from transpiler.ir.types import Dim, Shape, TensorType, agree, merge
from transpiler.ops import fields as f
from transpiler.ops.elementwise import broadcast


class Equation(msgspec.Struct, frozen=True):
    """An index equation taken apart; `...` stands for any leading axes."""

    inputs: tuple[str, ...]
    output: str

    def sizes(self, shapes: Sequence[Shape]) -> tuple[dict[str, Dim], Shape]:
        """The size of every index, and the axes behind the dots. Raises ShapeError where shapes do not fit."""
        found: dict[str, Dim] = {}
        dots: list[Shape] = []
        for labels, shape in zip(self.inputs, shapes, strict=True):
            head, marked, tail = labels.partition("...")
            if len(shape) < len(head) + len(tail) or (not marked and len(shape) != len(labels)):
                raise ShapeError(f"{labels} does not fit a tensor of {len(shape)} axes")
            end = len(shape) - len(tail)
            dots.append(shape[len(head) : end] if marked else ())
            for label, size in zip(head + tail, (*shape[: len(head)], *shape[end:]), strict=True):
                if not agree(found.get(label), size):
                    raise ShapeError(f"index {label} stands for {found[label]} and for {size} elements")
                found[label] = merge(found.get(label), size)
        return found, broadcast(dots)

    def result(self, shapes: Sequence[Shape]) -> Shape:
        """The output's shape. Raises ShapeError where shapes do not fit."""
        sizes, dots = self.sizes(shapes)
        head, marked, tail = self.output.partition("...")
        return (*(sizes.get(i) for i in head), *(dots if marked else ()), *(sizes.get(i) for i in tail))


def to_equation(text: str, count: int | None = None) -> Equation:
    """Take an equation apart; without `->` the output has the indices that occur once, sorted. Raises ValueError."""
    left, arrow, right = text.replace(" ", "").partition("->")
    inputs = tuple(left.split(","))
    if count is not None and len(inputs) != count:
        raise ValueError(f"{text!r} names {len(inputs)} operands, not {count}")
    letters = left.replace(",", "").replace("...", "")
    if not all(letter.isalpha() for letter in letters + right.replace("...", "")):
        raise ValueError(f"{text!r} is no index equation")
    if not arrow:
        once = "".join(sorted(letter for letter in set(letters) if letters.count(letter) == 1))
        right = ("..." if "..." in left else "") + once
    return Equation(inputs, right)


@op("einsum", "Common")
class Einsum(Op):
    """The product of the operands, summed over the indices that the output lacks."""

    arity = Arity(1, None)
    equation: str = f.text("the equation")

    def __post_init__(self) -> None:
        to_equation(self.equation)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        equation = to_equation(self.equation)
        if len(equation.inputs) != len(operands):
            raise ShapeError(f"{self.equation} names {len(equation.inputs)} operands, not {len(operands)}")
        shapes = [x.shape for x in operands if x.shape is not None]
        if len(shapes) < len(operands):
            return (operands[0].with_shape(None),)
        return (operands[0].with_shape(equation.result(shapes)),)


@op("einsum_dense", "Common")
class EinsumDense(Op):
    """The product of x and a learned kernel by an index equation, plus a bias along some of the output's indices.

    `output_shape` has the output's sizes without the batch (none: as in the input); from it come the sizes of
    indices that only the kernel has. Kernel: as the equation names its axes.
    """

    equation: str = f.text("the equation, x first, kernel second")
    output_shape: tuple[int | None, ...] = f.shape("the output's sizes without the batch")
    bias_axes: str | None = f.optional_text("the output's indices that the bias has; none: no bias", None)

    def __post_init__(self) -> None:
        to_equation(self.equation, 2)

    @property
    def roles(self) -> tuple[str, ...]:
        return ("kernel", "bias") if self.bias_axes else ("kernel",)

    def _sizes(self, shape: Shape | None) -> tuple[Equation, dict[str, Dim], Shape]:
        """The equation, the size of every index, and what the dots stand for."""
        equation = to_equation(self.equation, 2)
        found: dict[str, Dim] = {}
        dots: Shape = ()
        if shape is not None:
            found, dots = Equation(equation.inputs[:1], "").sizes([shape])
        labels = equation.output.replace("...", "")
        given = self.output_shape[max(len(self.output_shape) - len(labels), 0) :]
        for label, size in zip(reversed(labels), reversed(given), strict=False):
            found[label] = merge(found.get(label), size)
        return equation, found, dots

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is None:
            return (operands[0],)
        equation, sizes, dots = self._sizes(shape)
        head, marked, tail = equation.output.partition("...")
        made = (*(sizes.get(i) for i in head), *(dots if marked else ()), *(sizes.get(i) for i in tail))
        return (operands[0].with_shape(made),)

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        equation, sizes, _ = self._sizes(operands[0].shape)
        specs = {"kernel": ParamSpec(tuple(sizes.get(i) for i in equation.inputs[1].replace("...", "")))}
        if not self.bias_axes:
            return specs
        labels = equation.output.replace("...", "")
        first = min(labels.index(i) for i in self.bias_axes if i in labels)
        bias = tuple(sizes.get(i) if i in self.bias_axes else 1 for i in labels[first:])
        return {**specs, "bias": ParamSpec(bias)}
