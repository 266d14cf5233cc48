"""Activations and arithmetic for Caffe: formulas written with the layers that it has."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from transpiler.dialects.rows import Refusal
from transpiler.ir import Node, Op, ParamUse, Value
from transpiler.ir.rewriting import Rewriter
from transpiler.ops import activation as act
from transpiler.ops.elementwise import (
    Add,
    Axpy,
    Divide,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
)
from transpiler.ops.normalization import Bias, Scale
from transpiler.ops.shape import Reshape
from transpiler.passes.beside import Beside

Made = Sequence[Value] | Refusal | None

HIGHEST = 3.4028234663852886e38
"""The largest float32: an upper bound that bounds nothing."""
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805
GELU_CUBE, GELU_SCALE = 0.044715, 0.7978845608028654


def relu(node: Node, rewriter: Rewriter) -> Made:
    """An upper bound is a Clip; a threshold other than 0 only where nothing leaks below it."""
    op, (x,) = node.op, node.operands
    assert isinstance(op, act.Relu)
    if op.threshold != 0:
        return Refusal(f"Caffe's ReLU bends at 0, not at {op.threshold}")
    if op.max_value is None:
        return None
    steps = Beside(node, rewriter)
    if op.negative_slope == 0:
        return steps.finish(act.Clip(low=0.0, high=op.max_value), x)
    leaky = steps.add("relu", act.Relu(negative_slope=op.negative_slope), x)
    return steps.finish(act.Clip(low=-HIGHEST, high=op.max_value), leaky)


def prelu(node: Node, rewriter: Rewriter) -> Made:
    """A slope for every element: max(x, 0) - alpha * max(-x, 0), where a Scale learns alpha (trap 22)."""
    op, (x,) = node.op, node.operands
    assert isinstance(op, act.PRelu)
    if op.shared_axes or x.type.shape is None:
        return None
    steps = Beside(node, rewriter)
    above = steps.add("above", act.Relu(), x)
    below = steps.add("below", act.Relu(), steps.add("minus", act.Affine(scale=-1.0), x))
    use = node.param("alpha")
    slopes = ParamUse("gamma", use.symbol, use.relayouts, use.constant)
    scaled = steps.add("slope", Scale(axis=1, num_axes=-1), below, params=[slopes])
    return steps.finish(Add(coefficients=(1.0, -1.0)), above, scaled, params=())


def hard_sigmoid(node: Node, rewriter: Rewriter) -> Made:
    op, (x,) = node.op, node.operands
    assert isinstance(op, act.HardSigmoid)
    steps = Beside(node, rewriter)
    return steps.finish(_UNIT, steps.add("line", act.Affine(scale=op.slope, shift=op.offset), x))


def hard_swish(node: Node, rewriter: Rewriter) -> Made:
    (x,) = node.operands
    steps = Beside(node, rewriter)
    gate = steps.add("gate", _UNIT, steps.add("line", act.Affine(scale=1 / 6, shift=0.5), x))
    return steps.finish(Multiply(), x, gate)


def mish(node: Node, rewriter: Rewriter) -> Made:
    (x,) = node.operands
    steps = Beside(node, rewriter)
    return steps.finish(
        Multiply(), x, steps.add("tanh", act.Tanh(), steps.add("softplus", act.Softplus(), x))
    )


def softsign(node: Node, rewriter: Rewriter) -> Made:
    """X times 1 / (1 + |x|)."""
    (x,) = node.operands
    steps = Beside(node, rewriter)
    share = steps.add("share", act.Power(power=-1.0, shift=1.0), steps.add("abs", act.Abs(), x))
    return steps.finish(Multiply(), x, share)


def thresholded_relu(node: Node, rewriter: Rewriter) -> Made:
    """X times 1 above the threshold."""
    op, (x,) = node.op, node.operands
    assert isinstance(op, act.ThresholdedRelu)
    steps = Beside(node, rewriter)
    return steps.finish(Multiply(), x, steps.add("above", act.Threshold(threshold=op.theta), x))


def selu(node: Node, rewriter: Rewriter) -> Made:
    (x,) = node.operands
    steps = Beside(node, rewriter)
    return steps.finish(act.Affine(scale=SELU_SCALE), steps.add("elu", act.Elu(alpha=SELU_ALPHA), x))


def gelu(node: Node, rewriter: Rewriter) -> Made:
    """The tanh formula: x * (1 + tanh(c * (x + d * x**3))) / 2."""
    op, (x,) = node.op, node.operands
    assert isinstance(op, act.Gelu)
    if not op.approximate:
        return Refusal("Caffe has no error function", "GELU's tanh formula (approximate=True) has a form")
    steps = Beside(node, rewriter)
    cube = steps.add("cube", act.Power(power=3.0), x)
    inner = steps.add("inner", Add(coefficients=(GELU_SCALE, GELU_SCALE * GELU_CUBE)), x, cube)
    gate = steps.add("gate", act.Affine(scale=0.5, shift=0.5), steps.add("tanh", act.Tanh(), inner))
    return steps.finish(Multiply(), x, gate)


def log_softmax(node: Node, rewriter: Rewriter) -> Made:
    return Refusal("the logarithm of Caffe's Softmax is infinite where the softmax is too small for a float")


def identity(node: Node, rewriter: Rewriter) -> Made:
    """Nothing needs to be done."""
    return node.operands


_UNIT = act.Clip(low=0.0, high=1.0)
_UNARY: dict[str, Op] = {
    "abs": act.Abs(),
    "cube": act.Power(power=3.0),
    "exp": act.Exp(),
    "log": act.Log(),
    "log1p": act.Log(shift=1.0),
    "log2": act.Log(base=2.0),
    "log10": act.Log(base=10.0),
    "neg": act.Affine(scale=-1.0),
    "negative": act.Affine(scale=-1.0),
    "reciprocal": act.Power(power=-1.0),
    "relu6": act.Clip(low=0.0, high=6.0),
    "rsqrt": act.Power(power=-0.5),
    "sqrt": act.Power(power=0.5),
    "square": act.Power(power=2.0),
}
"""Functions of one number that are a layer of Caffe."""


def unary(node: Node, rewriter: Rewriter) -> Made:
    op = node.op
    assert isinstance(op, act.Unary)
    known = _UNARY.get(op.function)
    return Refusal(f"Caffe has no layer for {op.function}") if known is None else rewriter.swap(node, known)


def _spans(big: Value, small: Value) -> tuple[int, int] | None:
    """The axes start:stop of `big` that `small` spans when it is broadcast; None if it spans no run of axes."""
    x, y = big.type.shape, small.type.shape
    if x is None or y is None or len(y) > len(x) or None in x or None in y:
        return None
    padded = (1,) * (len(x) - len(y)) + y
    spanned = [i for i, (mine, theirs) in enumerate(zip(x, padded, strict=True)) if theirs != 1]
    if any(padded[i] != x[i] for i in spanned):
        return None
    start, stop = (spanned[0], spanned[-1] + 1) if spanned else (0, 0)
    if start == 1 and len(y) == len(x) and x[0] == y[0]:
        start = 0  # a batch of one is said as any other batch
    return (start, stop) if padded[start:stop] == x[start:stop] else None


def _broadcast(node: Node, rewriter: Rewriter, plain: Op, layer: Callable[[int], Op]) -> Made:
    """Two tensors of unequal shapes: Scale and Bias take one that spans a run of the other's axes."""
    if len(node.operands) != 2:
        return _pairwise(node, rewriter, plain)
    for big, small in (node.operands, node.operands[::-1]):
        span = _spans(big, small)
        if span is None or big.type.shape == small.type.shape:
            continue
        start, stop = span
        shape = big.type.shape or ()
        steps = Beside(node, rewriter)
        factor = small
        if small.type.shape != shape[start:stop]:
            view = Reshape(target=tuple(size or 0 for size in shape[start:stop]))
            factor = steps.add("factor", view, small)
        return steps.finish(layer(start), big, factor)
    shapes = " and ".join(str(list(value.type.shape or ())) for value in node.operands)
    return Refusal(f"Caffe cannot combine tensors of shapes {shapes}")


def _pairwise(node: Node, rewriter: Rewriter, plain: Op) -> Made:
    """More than two tensors, of which some are broadcast: two at a time."""
    if len(node.operands) < 2 or any(value.type.shape is None for value in node.operands):
        return None
    steps = Beside(node, rewriter)
    result = node.operands[0]
    for i, value in enumerate(node.operands[1:-1], start=1):
        result = steps.add(f"first{i + 1}", plain, result, value)
    return steps.finish(plain, result, node.operands[-1])


def multiply(node: Node, rewriter: Rewriter) -> Made:
    return _broadcast(node, rewriter, Multiply(), lambda axis: Scale(axis=axis, learned=False))


def add(node: Node, rewriter: Rewriter) -> Made:
    op = node.op
    assert isinstance(op, Add)
    if not op.coefficients:
        return _broadcast(node, rewriter, Add(), lambda axis: Bias(axis=axis, learned=False))
    steps = Beside(node, rewriter)
    rows = enumerate(zip(op.coefficients, node.operands, strict=True))
    terms = [value if c == 1 else steps.add(f"term{i}", act.Affine(scale=c), value) for i, (c, value) in rows]
    return steps.finish(Add(), *terms)


def average(node: Node, rewriter: Rewriter) -> Made:
    count = len(node.operands)
    if count == 1:
        return node.operands
    return rewriter.swap(node, Add(coefficients=(1 / count,) * count))


def subtract(node: Node, rewriter: Rewriter) -> Made:
    assert isinstance(node.op, Subtract)
    return rewriter.swap(node, Add(coefficients=(1.0, -1.0)))


def minimum(node: Node, rewriter: Rewriter) -> Made:
    """The negative of the largest negative."""
    assert isinstance(node.op, Minimum)
    steps = Beside(node, rewriter)
    negated = [steps.add(f"minus{i}", act.Affine(scale=-1.0), value) for i, value in enumerate(node.operands)]
    return steps.finish(act.Affine(scale=-1.0), steps.add("max", Maximum(), *negated))


def divide(node: Node, rewriter: Rewriter) -> Made:
    """Times the reciprocal."""
    assert isinstance(node.op, Divide)
    a, b = node.operands
    steps = Beside(node, rewriter)
    return steps.finish(Multiply(), a, steps.add("reciprocal", act.Power(power=-1.0), b))


def single(node: Node, rewriter: Rewriter) -> Made:
    """Of one tensor, the largest is the tensor itself."""
    return node.operands if len(node.operands) == 1 else None


def axpy(node: Node, rewriter: Rewriter) -> Made:
    """A * x + y: a factor for each channel, then a sum."""
    assert isinstance(node.op, Axpy)
    a, x, y = node.operands
    steps = Beside(node, rewriter)
    if a.type.rank is None:
        return Refusal("the rank of its factor is unknown", "give the input shape")
    flat = a if a.type.rank == 2 else steps.add("factor", Reshape(target=(0, 0)), a)
    return steps.finish(Add(), steps.add("scaled", Scale(axis=0, learned=False), x, flat), y)
