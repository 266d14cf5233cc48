"""Functions applied to each element (and softmax): the result has the operand's type."""

from __future__ import annotations

from collections.abc import Sequence

from transpiler.ir.op import Op, ParamSpec, ShapeError, op
from transpiler.ir.types import TensorType
from transpiler.ops import fields as f
from transpiler.ops.spatial import axis_of


class Activation(Op):
    """One number in, one number out."""

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        return (operands[0],)


@op("relu", "Activation")
class Relu(Activation):
    """x above `threshold`, else negative_slope * (x - threshold); at most `max_value`."""

    negative_slope: float = f.number("slope below the threshold", 0.0)
    max_value: float | None = f.optional_number("upper bound, if any", None)
    threshold: float = f.number("where the slope changes", 0.0)


@op("prelu", "Activation")
class PRelu(Activation):
    """x above 0, else alpha * x with a learned alpha, shared along `shared_axes`. Alpha: the operand's shape without
    the batch, with 1 for shared axes.
    """

    shared_axes: tuple[int, ...] = f.integers("axes along which alpha is the same", ())

    @property
    def roles(self) -> tuple[str, ...]:
        return ("alpha",)

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        shape = operands[0].shape
        if shape is None:
            return {"alpha": ParamSpec((None,))}
        shared = {axis_of(axis, len(shape)) for axis in self.shared_axes}
        return {"alpha": ParamSpec(tuple(1 if i in shared else n for i, n in enumerate(shape) if i))}


@op("elu", "Activation")
class Elu(Activation):
    """x above 0, else alpha * (exp(x) - 1)."""

    alpha: float = f.number("factor below 0", 1.0)


@op("selu", "Activation")
class Selu(Activation):
    """scale * elu(x, alpha) with the fixed constants of self-normalizing networks."""


@op("gelu", "Activation")
class Gelu(Activation):
    """x times the normal distribution's share below x; `approximate` uses its tanh formula."""

    approximate: bool = f.flag("whether the tanh formula is used", False)


@op("softplus", "Activation")
class Softplus(Activation):
    """log(1 + exp(x)) (Caffe's BNLL)."""


@op("softsign", "Activation")
class Softsign(Activation):
    """x / (1 + |x|)."""


@op("sigmoid", "Activation")
class Sigmoid(Activation):
    """1 / (1 + exp(-x))."""


@op("tanh", "Activation")
class Tanh(Activation):
    """Hyperbolic tangent."""


@op("hard_sigmoid", "Activation")
class HardSigmoid(Activation):
    """slope * x + offset, clipped to 0 … 1. Keras 3: 1/6 and 0.5; Keras 1, 2 and ONNX: 0.2 and 0.5."""

    slope: float = f.number("factor", 0.2)
    offset: float = f.number("summand", 0.5)


@op("swish", "Activation")
class Swish(Activation):
    """x * sigmoid(beta * x); with beta 1 also called SiLU."""

    beta: float = f.number("factor inside the sigmoid", 1.0)


@op("hard_swish", "Activation")
class HardSwish(Activation):
    """x * clip(x + 3, 0, 6) / 6."""


@op("mish", "Activation")
class Mish(Activation):
    """x * tanh(softplus(x))."""


@op("thresholded_relu", "Activation")
class ThresholdedRelu(Activation):
    """x above theta, else 0."""

    theta: float = f.number("the threshold", 1.0)


@op("threshold", "Activation")
class Threshold(Activation):
    """1 above the threshold, else 0."""

    threshold: float = f.number("the threshold", 0.0)


@op("clip", "Activation")
class Clip(Activation):
    """x, at least `low` and at most `high`."""

    low: float = f.number("lower bound")
    high: float = f.number("upper bound")


@op("identity", "Activation")
class Identity(Activation):
    """x."""


@op("abs", "Activation")
class Abs(Activation):
    """|x|."""


@op("affine", "Activation")
class Affine(Activation):
    """scale * x + shift with fixed numbers."""

    scale: float = f.number("factor", 1.0)
    shift: float = f.number("summand", 0.0)


@op("power", "Activation")
class Power(Activation):
    """(shift + scale * x) to the power `power`."""

    power: float = f.number("exponent", 1.0)
    scale: float = f.number("factor", 1.0)
    shift: float = f.number("summand", 0.0)


@op("exp", "Activation")
class Exp(Activation):
    """base to the power (shift + scale * x); base none means e."""

    base: float | None = f.optional_number("the base; none means e", None)
    scale: float = f.number("factor", 1.0)
    shift: float = f.number("summand", 0.0)


@op("log", "Activation")
class Log(Activation):
    """The logarithm of (shift + scale * x); base none means e."""

    base: float | None = f.optional_number("the base; none means e", None)
    scale: float = f.number("factor", 1.0)
    shift: float = f.number("summand", 0.0)


@op("unary", "Activation")
class Unary(Activation):
    """A function of one number named by its mathematical name (sin, sqrt, sign, floor, erf, …)."""

    function: str = f.text("its name")


@op("softmax", "Activation")
class Softmax(Activation):
    """exp(x) divided by its sum along one axis."""

    axis: int = f.integer("the axis that sums to 1", -1)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        if operands[0].shape is not None:
            axis_of(self.axis, len(operands[0].shape))
        return (operands[0],)


@op("log_softmax", "Activation")
class LogSoftmax(Activation):
    """The logarithm of softmax."""

    axis: int = f.integer("the axis of the softmax", -1)


@op("softmax_over", "Activation")
class SoftmaxOver(Activation):
    """exp(x) divided by its sum over several axes."""

    axes: tuple[int, ...] = f.integers("the axes that together sum to 1")


@op("sparsemax", "Activation")
class Sparsemax(Activation):
    """The point nearest to x whose elements along an axis are not negative and sum to 1."""

    axis: int = f.integer("the axis that sums to 1", -1)


@op("glu", "Activation")
class Glu(Op):
    """The first half of an axis times the sigmoid of its second half."""

    axis: int = f.integer("the axis", -1)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is None:
            return (operands[0],)
        axis = axis_of(self.axis, len(shape))
        size = shape[axis]
        if size is not None and size % 2:
            raise ShapeError(f"an axis of {size} elements has no halves")
        return (
            operands[0].with_shape((*shape[:axis], None if size is None else size // 2, *shape[axis + 1 :])),
        )


@op("maxout", "Activation")
class Maxout(Op):
    """The largest of each `pieces` neighbours along an axis."""

    pieces: int = f.integer("how many neighbours compete", least=1)
    axis: int = f.integer("the axis", -1)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is None:
            return (operands[0],)
        axis = axis_of(self.axis, len(shape))
        size = shape[axis]
        if size is not None and size % self.pieces:
            raise ShapeError(f"{size} elements do not divide into groups of {self.pieces}")
        return (
            operands[0].with_shape(
                (*shape[:axis], None if size is None else size // self.pieces, *shape[axis + 1 :])
            ),
        )
