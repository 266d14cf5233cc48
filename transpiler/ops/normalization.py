"""Normalization, and learned factors and summands."""

from __future__ import annotations

import enum
from collections.abc import Sequence

from transpiler.ir.op import Arity, Op, ParamSpec, ShapeError, op
from transpiler.ir.types import Dim, Shape, TensorType
from transpiler.ops import fields as f
from transpiler.ops.activation import Activation
from transpiler.ops.spatial import axis_of


@op("batch_norm", "Normalization")
class BatchNorm(Activation):
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta, one of each for every index of `axis`.

    Mean and variance are those of the batch when training, the moving ones otherwise.
    """

    axis: int = f.integer("the axis of the channels", 1)
    epsilon: float = f.number("added to the variance", 1e-3)
    momentum: float = f.number("share of the old moving average that is kept", 0.99)
    center: bool = f.flag("whether beta is learned and added", True)
    scale: bool = f.flag("whether gamma is learned and multiplied", True)

    @property
    def roles(self) -> tuple[str, ...]:
        return (*(("gamma",) if self.scale else ()), *(("beta",) if self.center else ()), "mean", "variance")

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        if operands[0].shape is not None:
            axis_of(self.axis, len(operands[0].shape))
        return (operands[0],)

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        shape = operands[0].shape
        size = None if shape is None else shape[axis_of(self.axis, len(shape))]
        return {role: ParamSpec((size,), trainable=role in ("gamma", "beta")) for role in self.roles}


def _axes_of(shape: Shape | None, axis: int, count: int) -> tuple[Dim, ...]:
    """The sizes of `count` axes from `axis` on (all remaining for -1)."""
    if shape is None:
        return (None,)
    start = axis_of(axis, len(shape), extra=1 if count == 0 else 0)
    stop = len(shape) if count == -1 else start + count
    if stop > len(shape):
        raise ShapeError(f"axes {start} to {stop - 1} do not exist in a tensor of {len(shape)} axes")
    return shape[start:stop]


@op("scale", "Activation")
class Scale(Op):
    """x times a factor that spans `num_axes` axes from `axis` on (-1: all of them), plus a bias if asked.

    The factor is learned (role gamma), or the second operand. The bias (role beta) is always learned.
    """

    arity = Arity(1, 2)
    operand_names = ("x", "factor")
    axis: int = f.integer("the first axis that the factor spans", 1)
    num_axes: int = f.integer("how many axes the factor spans; -1: all from axis on", 1, least=-1)
    bias: bool = f.flag("whether a learned bias is added", False)
    learned: bool = f.flag("whether the factor is learned rather than an operand", True)

    @property
    def roles(self) -> tuple[str, ...]:
        return (*(("gamma",) if self.learned else ()), *(("beta",) if self.bias else ()))

    def _span(self, operands: Sequence[TensorType]) -> tuple[Dim, ...]:
        shape = operands[0].shape
        if self.learned:
            return _axes_of(shape, self.axis, self.num_axes)
        factor = operands[1].shape if len(operands) > 1 else None
        return _axes_of(shape, self.axis, -1 if factor is None else len(factor))

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        if self.learned == (len(operands) == 2):
            raise ShapeError("a scale has a learned factor or a second operand, not both")
        check_span(self._span(operands), operands)
        return (operands[0],)

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        return {role: ParamSpec(self._span(operands)) for role in self.roles}


@op("bias", "Activation")
class Bias(Op):
    """x plus a summand that spans `num_axes` axes from `axis` on; learned (role beta), or the second operand."""

    arity = Arity(1, 2)
    operand_names = ("x", "summand")
    axis: int = f.integer("the first axis that the summand spans", 1)
    num_axes: int = f.integer("how many axes the summand spans; -1: all from axis on", 1, least=-1)
    learned: bool = f.flag("whether the summand is learned rather than an operand", True)

    @property
    def roles(self) -> tuple[str, ...]:
        return ("beta",) if self.learned else ()

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        if self.learned == (len(operands) == 2):
            raise ShapeError("a bias has a learned summand or a second operand, not both")
        shape = operands[0].shape
        count = self.num_axes if self.learned or operands[1].shape is None else len(operands[1].shape)
        check_span(_axes_of(shape, self.axis, count), operands)
        return (operands[0],)

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        return {role: ParamSpec(_axes_of(operands[0].shape, self.axis, self.num_axes)) for role in self.roles}


def check_span(span: tuple[Dim, ...], operands: Sequence[TensorType]) -> None:
    """Raise ShapeError unless the second operand, if any, has the sizes of the axes it spans."""
    if len(operands) < 2 or operands[1].shape is None or operands[0].shape is None:
        return
    for mine, theirs in zip(span, operands[1].shape, strict=True):
        if mine is not None and theirs is not None and mine != theirs:
            raise ShapeError(f"a factor of shape {list(operands[1].shape)} does not fit axes of {list(span)}")


class Region(enum.Enum):
    """Over which neighbours local response normalization sums."""

    ACROSS = "across_channels"
    WITHIN = "within_channel"


@op("lrn", "Normalization")
class LRN(Activation):
    """x / (k + alpha / n * sum of squares of n neighbours) ** beta.

    Across channels the neighbours lie on the channel axis, within a channel in a size x size square (n = size**2).
    """

    size: int = f.integer("neighbours along one axis, odd", 5, least=1)
    alpha: float = f.number("factor of the mean square", 1.0)
    beta: float = f.number("exponent", 0.75)
    k: float = f.number("summand", 1.0)
    region: Region = f.choice(Region, "where the neighbours lie", Region.ACROSS)
    axis: int = f.integer("the channel axis", 1)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        if operands[0].shape is not None:
            axis_of(self.axis, len(operands[0].shape))
        return (operands[0],)


@op("mvn", "Normalization")
class MVN(Activation):
    """x minus its mean over `axes`, divided by (standard deviation + epsilon) if `normalize_variance`."""

    axes: tuple[int, ...] = f.integers("the axes of the mean")
    normalize_variance: bool = f.flag("whether to divide by the standard deviation", True)
    epsilon: float = f.number("added to the standard deviation", 1e-9)


@op("layer_norm", "Normalization")
class LayerNorm(Activation):
    """(x - mean) / sqrt(variance + epsilon) over `axes` of each example, times gamma, plus beta.

    With `rms`, only the root mean square is normalized: no mean is taken away.
    """

    axes: tuple[int, ...] = f.integers("the normalized axes", (-1,))
    epsilon: float = f.number("added to the variance", 1e-3)
    center: bool = f.flag("whether beta is learned and added", True)
    scale: bool = f.flag("whether gamma is learned and multiplied", True)
    rms: bool = f.flag("whether only the root mean square is normalized", False)

    @property
    def roles(self) -> tuple[str, ...]:
        return (*(("gamma",) if self.scale else ()), *(("beta",) if self.center else ()))

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        shape = operands[0].shape
        sizes = (None,) if shape is None else tuple(shape[axis_of(axis, len(shape))] for axis in self.axes)
        return {role: ParamSpec(sizes) for role in self.roles}


@op("group_norm", "Normalization")
class GroupNorm(Activation):
    """Layer normalization over each of `groups` slices of the channel axis together with space (-1: one a channel)."""

    groups: int = f.integer("number of groups; -1 means one for each channel")
    axis: int = f.integer("the channel axis", -1)
    epsilon: float = f.number("added to the variance", 1e-3)
    center: bool = f.flag("whether beta is learned and added", True)
    scale: bool = f.flag("whether gamma is learned and multiplied", True)

    @property
    def roles(self) -> tuple[str, ...]:
        return (*(("gamma",) if self.scale else ()), *(("beta",) if self.center else ()))

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        shape = operands[0].shape
        size = None if shape is None else shape[axis_of(self.axis, len(shape))]
        return {role: ParamSpec((size,)) for role in self.roles}


@op("l2_normalize", "Normalization")
class L2Normalize(Activation):
    """x divided by its length over `axes`, times a learned factor for each channel of axis 1 if `scale`."""

    axes: tuple[int, ...] = f.integers("the axes over which the length is taken")
    epsilon: float = f.number("added to the squared length", 1e-12)
    scale: bool = f.flag("whether a factor is learned", False)
    channel_shared: bool = f.flag("whether there is one factor for all channels", False)

    @property
    def roles(self) -> tuple[str, ...]:
        return ("gamma",) if self.scale else ()

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        shape = operands[0].shape
        size = 1 if self.channel_shared else (None if shape is None else shape[1])
        return {role: ParamSpec((size,)) for role in self.roles}


@op("unit_norm", "Normalization")
class UnitNorm(Activation):
    """x divided by its length over `axes`, or by epsilon where that is larger."""

    axes: tuple[int, ...] = f.integers("the axes over which the length is taken", (-1,))
    epsilon: float = f.number("the smallest divisor", 1e-12)
