"""Functions of numbers that are spelled out with simpler ones."""

from __future__ import annotations

import math
from collections.abc import Sequence

from transpiler.ir import Op, Value
from transpiler.ops.activation import (
    Affine,
    Clip,
    Exp,
    Gelu,
    HardSigmoid,
    PRelu,
    Relu,
    Sigmoid,
    Softmax,
    Swish,
    Unary,
)
from transpiler.ops.array import FillLike
from transpiler.ops.core import Opaque
from transpiler.ops.elementwise import (
    Add,
    Cast,
    Compare,
    Comparison,
    Divide,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
)
from transpiler.ops.reduction import Reduce, Reducer
from transpiler.ops.regularization import AlphaDropout
from transpiler.passes.raise_layers.engine import (
    Any,
    Either,
    Found,
    Learned,
    Make,
    Number,
    Pattern,
    replace,
)

Built = Sequence[Value] | None
UNIFORM = ("RandomUniform", "StatelessRandomUniform", "StatelessRandomUniformV2")


def _scaled(op: Affine) -> bool:
    return op.shift == 0.0


def _is_neutral(op: Affine) -> bool:
    return (op.scale, op.shift) == (1.0, 0.0)


def _as_is(found: Found, op: Op) -> Built:
    return replace(found, op, found["x"], name=found.node.name)


def _leaky(found: Found) -> Built:
    slope = found.op("scaled").scale
    return _as_is(found, Relu(negative_slope=slope)) if 0 < slope < 1 else None


def _capped(found: Found) -> Built:
    op, top = found.op("relu"), found.number("top")
    return _as_is(found, op.evolve(max_value=top)) if op.max_value is None and top > op.threshold else None


def _clipped(found: Found) -> Built:
    low, high = found.number("low"), found.number("high")
    return (
        _as_is(found, Relu(max_value=high) if low == 0 else Clip(low=low, high=high)) if low < high else None
    )


def _floored(found: Found) -> Built:
    high = found.number("high")
    return _as_is(found, Relu(max_value=high)) if high > 0 else None


def _hard_sigmoid(found: Found) -> Built:
    line = found.op("line")
    return _as_is(found, HardSigmoid(slope=line.scale, offset=line.shift)) if line.scale != 1.0 else None


def _hard_sigmoid_two(found: Found) -> Built:
    return _as_is(found, HardSigmoid(slope=found.op("slope").scale, offset=found.op("offset").shift))


def _swish(found: Found) -> Built:
    beta = found.op("inner").scale if "inner" in found.nodes else 1.0
    return _as_is(found, Swish(beta=beta))


def _gelu(found: Found) -> Built:
    close = abs(found.number("root") - math.sqrt(2)) < 1e-4 if "root" in found.values else True
    factor = found.op("inner").scale if "inner" in found.nodes else 1 / math.sqrt(2)
    return _as_is(found, Gelu()) if close and abs(factor - 1 / math.sqrt(2)) < 1e-4 else None


def _prelu(found: Found) -> Built:
    shape, alpha = found.shape("x"), found["alpha"].type.shape
    if shape is None or alpha is None or len(alpha) != len(shape) - 1:
        return None
    shared = tuple(i + 1 for i, size in enumerate(alpha) if size == 1 and shape[i + 1] != 1)
    if any(size not in (1, shape[i + 1]) for i, size in enumerate(alpha)):
        return None
    return replace(found, PRelu(shared_axes=shared), found["x"], params=(found.use("alpha", "alpha"),))


def _softmax(found: Found) -> Built:
    total, rank = found.op("total"), found["x"].type.rank
    if rank is None or total.reducer is not Reducer.SUM or not total.keepdims or len(total.axes) != 1:
        return None
    if "top" in found.nodes and (
        found.op("top").axes != total.axes or found.op("top").reducer is not Reducer.MAX
    ):
        return None
    axis = total.axes[0] % rank
    return _as_is(found, Softmax(axis=-1 if axis == rank - 1 else axis))


_SHIFTED = Make(Exp, (Make(Subtract, (Any("x"), Make(Reduce, (Any("x"),), name="top"))),), shared=True)
_UNIT = Make(Minimum, (Make(Affine, (Any("x"),), name="line"), Number(equals=1.0)), swap=True)
_UNIT_TWO = Make(
    Minimum,
    (
        Make(
            Affine,
            (Make(Affine, (Any("x"),), name="slope", when=_scaled),),
            name="offset",
            when=lambda op: op.scale == 1.0,
        ),
        Number(equals=1.0),
    ),
    swap=True,
)
_LINE_TWO = Make(
    Affine,
    (Make(Affine, (Any("x"),), name="slope", when=_scaled),),
    name="offset",
    when=lambda op: op.scale == 1.0,
)
_ERF = Make(
    Unary,
    (
        Either(
            (
                Make(Divide, (Any("x"), Number("root"))),
                Make(Affine, (Any("x"),), name="inner", when=_scaled),
            )
        ),
    ),
    when=lambda op: op.function == "erf",
)
_ERFC = Make(
    Unary,
    (
        Make(
            Affine,
            (Make(Affine, (Any("x"),), when=lambda op: (op.scale, op.shift) == (-1.0, 0.0)),),
            name="inner",
            when=_scaled,
        ),
    ),
    when=lambda op: op.function == "erfc",
)
_HALF = Make(Affine, (Any("x"),), when=lambda op: (op.scale, op.shift) == (0.5, 0.0))
_ONE_MORE = Make(Affine, (_ERF,), when=lambda op: (op.scale, op.shift) == (1.0, 1.0))


def _unit_clip(op: Clip) -> bool:
    return (op.low, op.high) == (0.0, 1.0)


def _alpha_dropout(found: Found) -> Built:
    """a * (x * mask + alpha * (1 - mask)) + b, where a and b keep mean and variance, and the mask is uniform noise."""
    root, dropped = found.node.op, found.op("dropped")
    assert isinstance(root, Affine)
    rate, noise = found.number("rate"), found.nodes["noise"].op
    if not isinstance(noise, Opaque) or noise.type not in UNIFORM or not 0 <= rate < 1:
        return None
    alpha = -_SELU_SCALE * _SELU_ALPHA
    scale = ((1 - rate) * (1 + rate * alpha**2)) ** -0.5
    expected = (alpha, scale, -scale * alpha * rate)
    given = (dropped.scale, found.op("scaled").scale, root.shift)
    if any(abs(a - b) > 1e-5 for a, b in zip(expected, given, strict=True)):
        return None
    return _as_is(found, AlphaDropout(rate=rate))


_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805
_NOISE = Make(Opaque, (), name="noise")
_UNIFORM = Either((Make(Affine, (Make(Affine, (_NOISE,), when=_is_neutral),), when=_is_neutral), _NOISE))
_MASK = Make(
    Cast,
    (
        Make(
            Compare,
            (_UNIFORM, Number("rate")),
            when=lambda op: op.relation is Comparison.GREATER_EQUAL,
        ),
    ),
    shared=True,
)
_KEPT_OR_ALPHA = Make(
    Add,
    (
        Make(Multiply, (Any("x"), _MASK), swap=True),
        Make(
            Affine,
            (Make(Affine, (_MASK,), when=lambda op: (op.scale, op.shift) == (-1.0, 1.0)),),
            name="dropped",
            when=_scaled,
        ),
    ),
    swap=True,
)
_ALPHA_DROPOUT = Make(
    Affine,
    (Make(Affine, (_KEPT_OR_ALPHA,), name="scaled", when=_scaled),),
    when=lambda op: op.scale == 1.0,
)


def _times_one(found: Found) -> Built:
    """What Keras writes for dropout inside recurrent layers outside of training."""
    return (found["x"],)


PATTERNS: tuple[Pattern, ...] = (
    Pattern("alpha dropout", _ALPHA_DROPOUT, _alpha_dropout),
    Pattern(
        "times one",
        Make(
            Multiply,
            (Any("x"), Make(FillLike, (Any("x"),), when=lambda op: op.value == 1.0, shared=True)),
            swap=True,
        ),
        _times_one,
    ),
    Pattern(
        "leaky relu",
        Make(Maximum, (Any("x"), Make(Affine, (Any("x"),), name="scaled", when=_scaled)), swap=True),
        _leaky,
    ),
    Pattern("hard sigmoid", Make(Relu, (_UNIT_TWO,), when=lambda op: op == Relu()), _hard_sigmoid_two),
    Pattern("hard sigmoid", Make(Relu, (_UNIT,), when=lambda op: op == Relu()), _hard_sigmoid),
    Pattern("hard sigmoid", Make(Clip, (_LINE_TWO,), when=_unit_clip), _hard_sigmoid_two),
    Pattern(
        "capped relu",
        Make(Minimum, (Make(Relu, (Any("x"),), name="relu"), Number("top")), swap=True),
        _capped,
    ),
    Pattern(
        "capped relu",
        Make(Relu, (Make(Minimum, (Any("x"), Number("high")), swap=True),), when=lambda op: op == Relu()),
        _floored,
    ),
    Pattern(
        "clip",
        Make(Maximum, (Make(Minimum, (Any("x"), Number("high")), swap=True), Number("low")), swap=True),
        _clipped,
    ),
    Pattern(
        "clip",
        Make(Minimum, (Make(Maximum, (Any("x"), Number("low")), swap=True), Number("high")), swap=True),
        _clipped,
    ),
    Pattern("swish", Make(Multiply, (Any("x"), Make(Sigmoid, (Any("x"),))), swap=True), _swish),
    Pattern(
        "swish",
        Make(
            Multiply,
            (Any("x"), Make(Sigmoid, (Make(Affine, (Any("x"),), name="inner", when=_scaled),))),
            swap=True,
        ),
        _swish,
    ),
    Pattern("gelu", Make(Multiply, (_HALF, _ONE_MORE), swap=True), _gelu),
    Pattern("gelu", Make(Multiply, (_HALF, _ERFC), swap=True), _gelu),
    Pattern(
        "prelu",
        Make(
            Add,
            (
                Make(Relu, (Any("x"),)),
                Make(
                    Multiply,
                    (
                        Make(
                            Affine, (Learned("alpha"),), when=lambda op: (op.scale, op.shift) == (-1.0, 0.0)
                        ),
                        Make(
                            Relu,
                            (Make(Affine, (Any("x"),), when=lambda op: (op.scale, op.shift) == (-1.0, 0.0)),),
                        ),
                    ),
                    swap=True,
                ),
            ),
            swap=True,
        ),
        _prelu,
    ),
    Pattern(
        "softmax",
        Make(Divide, (_SHIFTED, Make(Reduce, (_SHIFTED,), name="total"))),
        _softmax,
    ),
)
