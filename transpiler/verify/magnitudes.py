"""How large a network's tensors will be with seeded weights: mean and variance of each, estimated op by op.

Normalization divides by statistics. Where these have nothing to do with what arrives, residual networks double at every
block, until sigmoids and softmaxes see nothing but their ends. So statistics are drawn around an estimate. It need not
be exact: a factor of two at a layer does no harm. It knows nothing of values, only of ops, and takes every tensor for
normally distributed: seeded kernels make the mean 0 and the variance twice the mean square, sums add both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from transpiler.ir import Graph, Node, Value
from transpiler.ir.attributes import Attr
from transpiler.ops import activation as act
from transpiler.ops import elementwise as ew
from transpiler.ops import normalization as norm
from transpiler.ops.pooling import AveragePool, GlobalAveragePool, GlobalMaxPool, MaxPool
from transpiler.ops.preprocessing import Rescale, Standardize
from transpiler.ops.reduction import Reduce, Reducer

RANGE: Final = (1e-12, 1e12)
"""Variances and means stay inside."""
KERNEL: Final = 2.0
"""The factor of a kernel whose deviation is sqrt(2 / inputs)."""
AVERAGED: Final = 0.2
"""What averaging neighbours leaves of a variance."""


def _kept(number: float) -> float:
    return max(-RANGE[1], min(number, RANGE[1]))


def _positive(number: float) -> float:
    return max(_kept(number), RANGE[0])


class Moments(msgspec.Struct, frozen=True):
    """Mean and variance of a tensor's elements."""

    mean: float = 0.0
    variance: float = 1.0

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "mean", _kept(self.mean))
        msgspec.structs.force_setattr(self, "variance", _positive(self.variance))

    @property
    def square(self) -> float:
        """The mean square."""
        return self.mean**2 + self.variance

    def line(self, scale: float, shift: float = 0.0) -> Moments:
        return Moments(self.mean * scale + shift, self.variance * scale**2)

    def rectified(self, slope: float = 0.0) -> Moments:
        """Those of max(x, 0) + slope * min(x, 0)."""
        above, below = _above(self), _above(self.line(-1.0))
        mean = above.mean - slope * below.mean
        return Moments(mean, above.square + slope**2 * below.square - mean**2)


def _above(x: Moments) -> Moments:
    """Those of max(x, 0)."""
    deviation = math.sqrt(x.variance)
    place = x.mean / deviation
    share = (1 + math.erf(place / math.sqrt(2))) / 2
    density = math.exp(-(place**2) / 2) / math.sqrt(2 * math.pi)
    mean = deviation * density + x.mean * share
    return Moments(mean, x.square * share + x.mean * deviation * density - mean**2)


NORMALIZED: Final = Moments(0.0, 1.2)
"""What comes out of a normalization with seeded gammas: E[gamma ** 2] * E[1 / variance]."""
GATE: Final = Moments(0.5, 0.05)
STATE: Final = Moments(0.0, 0.3)
"""Of recurrent layers."""


def moments(graph: Graph) -> dict[Value, Moments]:
    """The estimate for every value; inputs have mean 0 and variance 1."""
    found: dict[Value, Moments] = {}
    for node in graph.nodes:
        made = _result(node, [found[value] for value in node.operands])
        found.update(dict.fromkeys(node.results, made))
    return found


def _result(node: Node, xs: Sequence[Moments]) -> Moments:
    if not xs:
        return Moments()
    kernels = [role for role in node.op.roles if role.endswith("kernel")]
    if any("recurrent" in role for role in kernels):
        return STATE
    if kernels:
        return Moments(0.0, xs[0].square * KERNEL ** len(kernels))
    return _combined(node, xs) if len(xs) > 1 else _mapped(node, xs[0])


def _combined(node: Node, xs: Sequence[Moments]) -> Moments:
    match node.op:
        case ew.Add(coefficients=factors):
            return _sum([x.line(c) for x, c in zip(xs, factors or (1.0,) * len(xs), strict=True)])
        case ew.Subtract():
            return _sum([xs[0], xs[1].line(-1.0)])
        case ew.Average():
            return _sum(xs).line(1 / len(xs))
        case ew.Axpy():
            return _sum([_product(xs[:2]), xs[2]])
        case ew.Multiply() | norm.Scale():
            return _product(xs)
        case _:
            return max(xs, key=lambda x: x.square)


def _sum(xs: Sequence[Moments]) -> Moments:
    return Moments(sum(x.mean for x in xs), sum(x.variance for x in xs))


def _product(xs: Sequence[Moments]) -> Moments:
    mean = math.prod(x.mean for x in xs)
    return Moments(mean, math.prod(x.square for x in xs) - mean**2)


def _mapped(node: Node, x: Moments) -> Moments:
    match node.op:
        case norm.BatchNorm() | norm.LayerNorm() | norm.GroupNorm() | norm.MVN():
            return NORMALIZED
        case Standardize() as op:
            return _standardized(op, x)
        case act.Relu(negative_slope=slope):
            return x.rectified(slope)
        case act.Elu() | act.PRelu() | act.Swish() | act.HardSwish() | act.Gelu() | act.Mish():
            return x.rectified()
        case act.Affine(scale=scale, shift=shift):
            return x.line(scale, shift)
        case Rescale(scale=int() | float() as scale):
            return x.line(scale)
        case act.Sigmoid() | act.HardSigmoid() | act.Softmax():
            return GATE
        case act.Tanh() | act.Softsign():
            return Moments(0.0, min(x.square, 1.0))
        case AveragePool() | GlobalAveragePool() | Reduce(reducer=Reducer.MEAN):
            return Moments(x.mean, x.variance * AVERAGED)
        case MaxPool() | GlobalMaxPool():
            return Moments(x.mean + math.sqrt(x.variance), x.variance / 2)
        case _:
            return x


def _standardized(op: Standardize, x: Moments) -> Moments:
    """With fixed numbers, which need not fit what is fed; learned ones are drawn so that they do."""
    means, variances = _numbers(op.mean), _numbers(op.variance)
    if not means or not variances:
        return Moments()
    mean, variance = sum(means) / len(means), max(sum(variances) / len(variances), RANGE[0])
    deviation = math.sqrt(variance)
    return x.line(deviation, mean) if op.invert else x.line(1 / deviation, -mean / deviation)


def _numbers(found: Attr) -> list[float]:
    if isinstance(found, (list, tuple)):
        return [number for item in found for number in _numbers(item)]
    return [float(found)] if isinstance(found, (int, float)) else []
