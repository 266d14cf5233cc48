"""Losses and measures: what training and testing append to a network. Their results are scalars unless said."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import ClassVar

from transpiler.ir.op import Arity, Op, op
from transpiler.ir.types import TensorType
from transpiler.ops import fields as f
from transpiler.ops.spatial import axis_of


class Loss(Op):
    """A scalar, and as many further results as `results` asks for."""

    arity = Arity(1, None)
    operand_names = ("x", "target")
    most_results: ClassVar[int] = 1
    results: int

    def __post_init__(self) -> None:
        if self.results > self.most_results:
            raise ValueError(f"{self.name} has at most {self.most_results} results, not {self.results}")

    @property
    def result_count(self) -> int:
        return self.results

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        return (operands[0].with_shape(()),) * self.results


def _results() -> int:
    made: int = f.integer("how many results are named", 1, least=0)
    return made


@op("softmax_loss", "Loss")
class SoftmaxLoss(Loss):
    """Cross entropy of the softmax of x against integer labels; a second result is the softmax itself."""

    arity = Arity(2, None)
    axis: int = f.integer("the axis of the classes", 1)
    most_results = 2
    results: int = _results()

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        if operands[0].shape is not None:
            axis_of(self.axis, len(operands[0].shape))
        return (operands[0].with_shape(()), operands[0])[: self.results]


@op("sigmoid_cross_entropy_loss", "Loss")
class SigmoidCrossEntropyLoss(Loss):
    """Cross entropy of the sigmoid of x against targets between 0 and 1."""

    most_results = 2
    results: int = _results()

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        return (operands[0].with_shape(()), operands[0])[: self.results]


@op("euclidean_loss", "Loss")
class EuclideanLoss(Loss):
    """Sum of squared differences / (2 N)."""

    results: int = _results()


class Norm(enum.Enum):
    """Which norm a loss uses."""

    L1 = "l1"
    L2 = "l2"


@op("hinge_loss", "Loss")
class HingeLoss(Loss):
    """One-versus-all hinge loss against integer labels."""

    norm: Norm = f.choice(Norm, "which norm", Norm.L1)
    results: int = _results()


@op("contrastive_loss", "Loss")
class ContrastiveLoss(Loss):
    """Loss of two embeddings and whether they belong together."""

    margin: float = f.number("distance that different pairs should keep", 1.0)
    legacy: bool = f.flag("whether (margin - d**2) is used instead of (margin - d)**2", False)
    results: int = _results()


@op("infogain_loss", "Loss")
class InfogainLoss(Loss):
    """Cross entropy weighted by a matrix (third operand, or a file)."""

    axis: int = f.integer("the axis of the classes", 1)
    source: str | None = f.optional_text("file of the matrix, if it is no operand", None)
    most_results = 2
    results: int = _results()

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        return (operands[0].with_shape(()), operands[0])[: self.results]


@op("multinomial_logistic_loss", "Loss")
class MultinomialLogisticLoss(Loss):
    """Cross entropy of given probabilities against integer labels."""

    results: int = _results()


@op("smooth_l1_loss", "Loss")
class SmoothL1Loss(Loss):
    """Sum of |d| - 0.5 / sigma**2 above 1 / sigma**2 and 0.5 * (sigma * d)**2 below, over N.

    d is the difference of the first two operands, times the third (inside weights) if given; a fourth weighs the sum.
    """

    sigma: float = f.number("how narrow the quadratic part is", 1.0)
    results: int = _results()


@op("accuracy", "Loss")
class Accuracy(Loss):
    """Share of examples whose label is among the `top_k` largest scores; a second result gives it by class."""

    axis: int = f.integer("the axis of the classes", 1)
    top_k: int = f.integer("how many of the largest scores count", 1, least=1)
    ignore_label: int | None = f.optional_integer("label that is not counted", None)
    most_results = 2
    results: int = _results()

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        classes = None if shape is None else shape[axis_of(self.axis, len(shape))]
        return (operands[0].with_shape(()), operands[0].with_shape((classes,)))[: self.results]
