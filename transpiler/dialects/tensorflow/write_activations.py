"""Activations in TensorFlow's ops: the named ones, and formulas where TensorFlow composes what others name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

from transpiler.dialects.tensorflow.write_math import affine, as_float, clipped, or_identity
from transpiler.dialects.tensorflow.write_shapes import axis_size
from transpiler.dialects.tensorflow.write_steps import Refused, Result, Steps, Tensor, ints, scalar
from transpiler.ops import activation as act


def relu(op: act.Relu, s: Steps) -> Result:
    """The named rectifiers, and for the rest the three parts of Keras' definition."""
    top = None if op.max_value is None or math.isinf(op.max_value) else op.max_value
    if op.threshold == 0.0 and op.negative_slope == 0.0:
        if top is None:
            return s.op("Relu", s.x)
        if top == 6.0:
            return s.op("Relu6", s.x)
        y = s.op("Relu", s.x)
        return s.op("Minimum", y, s.like("y", top, y))
    if op.threshold == 0.0 and top is None:
        return s.op("LeakyRelu", s.x, alpha=op.negative_slope)
    return _general_relu(op, top, s)


def _general_relu(op: act.Relu, top: float | None, s: Steps) -> Tensor:
    x = s.x
    above = s.op("GreaterEqual", x, s.like("y", op.threshold, x))
    high = x if top is None else s.op("Minimum", x, s.like("y", top, x))
    below = affine(s, x, 1.0, -op.threshold)
    low = s.op("Mul", below, s.like("y", op.negative_slope, x))
    return s.op("SelectV2", above, high, low)


def prelu(op: act.PRelu, s: Steps) -> Result:
    """Relu(x) - alpha * relu(-x), as Keras has it."""
    positive = s.op("Relu", s.x)
    negative = s.op("Relu", s.op("Neg", s.x))
    alpha = s.op("Neg", s.param("alpha"))
    return s.op("AddV2", positive, s.op("Mul", alpha, negative, name="mul"), name="add")


def elu(op: act.Elu, s: Steps) -> Result:
    y = s.op("Elu", s.x)
    if op.alpha == 1.0:
        return y
    scaled = s.op("Mul", y, s.like("y", op.alpha, y))
    return s.op("SelectV2", s.op("Greater", s.x, s.like("y", 0.0, y)), y, scaled)


def gelu(op: act.Gelu, s: Steps) -> Result:
    """x * Phi(x), or its tanh formula."""
    x = s.x
    half = s.op("Mul", x, s.like("y", 0.5, x))
    if op.approximate:
        cubed = s.op("Pow", x, s.like("y", 3.0, x))
        inner = s.op("AddV2", x, s.op("Mul", cubed, s.like("y", 0.044715, x)))
        share = s.op("Tanh", s.op("Mul", inner, s.like("y", math.sqrt(2.0 / math.pi), x)))
    else:
        share = s.op("Erf", s.op("Mul", x, s.like("y", math.sqrt(0.5), x)))
    return s.op("Mul", half, s.op("AddV2", share, s.like("y", 1.0, x)))


def hard_sigmoid(op: act.HardSigmoid, s: Steps) -> Result:
    return clipped(s, affine(s, s.x, op.slope, op.offset), 0.0, 1.0)


def swish(op: act.Swish, s: Steps) -> Result:
    return s.op("Mul", s.x, s.op("Sigmoid", affine(s, s.x, op.beta, 0.0)))


def hard_swish(op: act.HardSwish, s: Steps) -> Result:
    gate = s.op("Relu6", affine(s, s.x, 1.0, 3.0))
    return s.op("Mul", s.x, affine(s, gate, 1.0 / 6.0, 0.0))


def mish(op: act.Mish, s: Steps) -> Result:
    return s.op("Mul", s.x, s.op("Tanh", s.op("Softplus", s.x)))


def above(s: Steps, x: Tensor, bound: float) -> Tensor:
    """1 where x is above the bound, else 0."""
    found = s.op("Greater", x, s.like("y", bound, x))
    return s.op("Cast", found, DstT=x.dtype)


def thresholded_relu(op: act.ThresholdedRelu, s: Steps) -> Result:
    return s.op("Mul", s.x, above(s, s.x, op.theta))


def threshold(op: act.Threshold, s: Steps) -> Result:
    return above(s, s.x, op.threshold)


def clip(op: act.Clip, s: Steps) -> Result:
    return or_identity(s, clipped(s, s.x, op.low, op.high))


def sparsemax(op: act.Sparsemax, s: Steps) -> Result:
    """Max(x - t, 0), where t makes the sum 1: found among the sorted elements and their running sums."""
    rank = s.rank()
    axis = op.axis % rank
    order = [i for i in range(rank) if i != axis] + [axis]
    x = s.x if axis == rank - 1 else s.op("Transpose", s.x, ints("perm", order))
    size = s.shape()[axis]
    count = scalar("k", size) if size is not None else axis_size(s, axis)
    falling, _ = s.many("TopKV2", x, count, count=2, sorted=True)
    sums = s.op("Cumsum", falling, scalar("axis", -1), exclusive=False, reverse=False)
    places = s.op("Cumsum", s.op("OnesLike", falling), scalar("axis", -1), exclusive=False, reverse=False)
    mean = s.op("RealDiv", affine(s, sums, 1.0, -1.0), places)
    inside = s.op("Greater", falling, mean)
    kept = s.op("Cast", inside, DstT=x.dtype)
    number = s.op("Sum", kept, ints("reduction_indices", (rank - 1,)), keep_dims=True)
    total = s.op("Sum", s.op("Mul", falling, kept), ints("reduction_indices", (rank - 1,)), keep_dims=True)
    threshold = s.op("RealDiv", affine(s, total, 1.0, -1.0), number)
    y = s.op("Relu", s.op("Sub", x, threshold))
    if axis == rank - 1:
        return y
    return s.op("Transpose", y, ints("perm", [order.index(i) for i in range(rank)]))


_SAME_NAMES = (
    "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh", "sqrt", "rsqrt", "square",
    "sign", "floor", "ceil", "erf", "erfinv", "expm1", "log1p", "reciprocal", "abs", "exp", "log", "lgamma", "digamma",
    "round", "tanh", "sigmoid",
)  # fmt: skip
UNARY: Final[Mapping[str, str]] = {
    **{name: name.capitalize() for name in _SAME_NAMES},
    "negative": "Neg",
    "neg": "Neg",
    "absolute": "Abs",
    "arcsin": "Asin",
    "arccos": "Acos",
    "arctan": "Atan",
    "arcsinh": "Asinh",
    "arccosh": "Acosh",
    "arctanh": "Atanh",
    "logical_not": "LogicalNot",
    "isnan": "IsNan",
    "isinf": "IsInf",
    "isfinite": "IsFinite",
    "ones_like": "OnesLike",
    "zeros_like": "ZerosLike",
}


def unary(op: act.Unary, s: Steps) -> Result:
    if op.function in FORMULAS:
        return FORMULAS[op.function](s, as_float(s, s.x))
    if op.function not in UNARY:
        raise Refused(f"the function {op.function} has no op")
    return s.op(UNARY[op.function], s.x)


def _celu(s: Steps, x: Tensor) -> Tensor:
    return s.op("Elu", x)


def _hard_shrink(s: Steps, x: Tensor) -> Tensor:
    far = s.op("Greater", s.op("Abs", x), s.like("y", 0.5, x))
    return s.op("SelectV2", far, x, s.op("ZerosLike", x))


def _soft_shrink(s: Steps, x: Tensor) -> Tensor:
    """What is left of x beyond 0.5 either way."""
    return s.op("Sub", x, clipped(s, x, -0.5, 0.5))


def _tanh_shrink(s: Steps, x: Tensor) -> Tensor:
    return s.op("Sub", x, s.op("Tanh", x))


def _log_sigmoid(s: Steps, x: Tensor) -> Tensor:
    return s.op("Neg", s.op("Softplus", s.op("Neg", x)))


def _sparse_plus(s: Steps, x: Tensor) -> Tensor:
    """0 up to -1, x from 1 on, (x + 1)^2 / 4 between."""
    middle = affine(s, s.op("Square", affine(s, clipped(s, x, -1.0, 1.0), 1.0, 1.0)), 0.25, 0.0)
    rest = s.op("Relu", affine(s, x, 1.0, -1.0))
    return s.op("AddV2", middle, rest)


def _sparse_sigmoid(s: Steps, x: Tensor) -> Tensor:
    return clipped(s, affine(s, x, 0.5, 0.5), 0.0, 1.0)


def _squareplus(s: Steps, x: Tensor) -> Tensor:
    root = s.op("Sqrt", affine(s, s.op("Square", x), 1.0, 4.0))
    return affine(s, s.op("AddV2", x, root), 0.5, 0.0)


FORMULAS: Final[Mapping[str, Callable[[Steps, Tensor], Tensor]]] = {
    "celu": _celu,
    "hard_shrink": _hard_shrink,
    "soft_shrink": _soft_shrink,
    "tanh_shrink": _tanh_shrink,
    "log_sigmoid": _log_sigmoid,
    "sparse_plus": _sparse_plus,
    "sparse_sigmoid": _sparse_sigmoid,
    "squareplus": _squareplus,
}
"""Functions that Keras names and TensorFlow composes."""
