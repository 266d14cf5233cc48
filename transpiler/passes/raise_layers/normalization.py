"""Normalization, fused or spelled out: of batches, of layers, to unit length."""

from __future__ import annotations

from collections.abc import Sequence

from transpiler.ir import Node, ParamUse, Value
from transpiler.ops.activation import Affine, Power
from transpiler.ops.elementwise import Add, BinaryFunction, Divide, Maximum, Multiply, Subtract
from transpiler.ops.functional import FunctionalBatchNorm
from transpiler.ops.normalization import BatchNorm, L2Normalize, LayerNorm
from transpiler.ops.reduction import Reduce, Reducer
from transpiler.ops.shape import Flatten, Reshape, Squeeze
from transpiler.passes.raise_layers.engine import (
    Any,
    Either,
    Found,
    Learned,
    Make,
    Number,
    Pattern,
    Tree,
    replace,
)

Built = Sequence[Value] | None
DEFAULT_MOMENTUM = 0.99


def _momentum(found: Found, mean: str) -> float:
    """That of the moving average, where training's side of the graph tells."""
    return found.walk.facts.momenta.get(found.parameter(mean).name, DEFAULT_MOMENTUM)


def _operand(found: Found, name: str, neutral: float) -> tuple[bool, ParamUse | None] | None:
    """Whether gamma or beta is learned and what fills it; None if it is neither learned nor the neutral number."""
    value = found[name]
    number = found.walk.number(value)
    if number is not None:
        return (False, None) if number == neutral else None
    if found.walk.parameter(value) is None:
        return None
    array = found.array(name)
    if array is not None and array.size and bool((array == neutral).all()):
        return False, None
    return True, found.use("gamma" if neutral else "beta", name)


def _fused(found: Found) -> Built:
    """Obligations: gamma and beta are learned or neutral, mean and variance learned."""
    op = found.node.op
    assert isinstance(op, FunctionalBatchNorm)
    gamma, beta = _operand(found, "gamma", 1.0), _operand(found, "beta", 0.0)
    if gamma is None or beta is None or 0 in (found["mean"].type.shape or ()):
        return None  # no statistics are stored: those of the batch are used
    made = BatchNorm(
        axis=op.axis,
        epsilon=op.epsilon,
        momentum=_momentum(found, "mean"),
        scale=gamma[0],
        center=beta[0],
    )
    uses = [use for _, use in (gamma, beta) if use is not None]
    uses += [found.use("mean", "mean"), found.use("variance", "variance")]
    return replace(found, made, found["x"], params=uses)


def _channel(found: Found, names: Sequence[str]) -> int | None:
    """The one axis that all these vectors span when they broadcast against x."""
    shape = found.shape("x")
    if shape is None:
        return None
    axes = set()
    for name in names:
        vector = found[name].type.shape
        if vector is None or len(vector) > len(shape):
            return None
        full = (1,) * (len(shape) - len(vector)) + vector
        wide = [i for i, size in enumerate(full) if size != 1] or [len(shape) - 1]
        if len(wide) != 1 or full[wide[0]] != shape[wide[0]]:
            return None
        axes.add(wide[0])
    return axes.pop() if len(axes) == 1 else None


def _spelled(found: Found) -> Built:
    """(x - mean) / sqrt(variance + epsilon) with learned statistics is batch normalization."""
    names = [name for name in ("gamma", "beta", "mean", "variance") if name in found.values]
    axis = _channel(found, names)
    if axis is None:
        return None
    epsilon = found.op("variance_epsilon").shift
    op = BatchNorm(
        axis=axis,
        epsilon=epsilon,
        momentum=_momentum(found, "mean"),
        scale="gamma" in found.values,
        center="beta" in found.values,
    )
    return replace(found, op, found["x"], params=[found.use(name, name) for name in names])


def _of_own(found: Found) -> Built:
    """With the statistics of x itself: over the batch it is batch normalization in training, else of a layer."""
    mean: Node = found.nodes["mean_of"]
    square: Node = found.nodes["square_of"]
    if not isinstance(mean.op, Reduce) or not isinstance(square.op, Reduce) or mean.op.axes != square.op.axes:
        return None
    shape = found.shape("x")
    if shape is None or mean.op.reducer is not Reducer.MEAN or square.op.reducer is not Reducer.MEAN:
        return None
    names = [name for name in ("gamma", "beta") if name in found.values]
    axes = mean.op.axes
    if 0 in axes:
        return _of_batch(found, mean, square, names)
    if "squeezed" in found.nodes or not mean.op.keepdims or not square.op.keepdims:
        return None  # statistics of examples would be applied to channels
    if not all(spans(found, name, axes) for name in names):
        return None
    op = LayerNorm(
        axes=axes,
        epsilon=found.op("variance_epsilon").shift,
        center="beta" in found.values,
        scale="gamma" in found.values,
    )
    return replace(found, op, found["x"], params=[found.use(name, name) for name in names])


def _of_batch(found: Found, mean: Node, square: Node, names: list[str]) -> Built:
    """Training's form: the moving averages are learned, the batch's statistics are used."""
    shape, moving = found.shape("x") or (), found.walk.facts.moving
    rows = [moving.get(node.result.name) for node in (mean, square)]
    channels = [i for i in range(len(shape)) if i not in mean.op.axes]  # type: ignore[attr-defined]  # a Reduce
    if rows[0] is None or rows[1] is None or len(channels) != 1:
        return None
    if any(_channel(found, [name]) != channels[0] for name in names):
        return None
    op = BatchNorm(
        axis=channels[0],
        epsilon=found.op("variance_epsilon").shift,
        momentum=found.walk.facts.momenta.get(rows[0][0], DEFAULT_MOMENTUM),
        scale="gamma" in names,
        center="beta" in names,
    )
    uses = [found.use(name, name) for name in names]
    uses += [ParamUse("mean", rows[0][1]), ParamUse("variance", rows[1][1])]
    return replace(found, op, found["x"], params=uses)


def spans(found: Found, name: str, axes: tuple[int, ...]) -> bool:
    shape, vector = found.shape("x"), found[name].type.shape
    if shape is None or vector is None or len(vector) > len(shape):
        return False
    full = (1,) * (len(shape) - len(vector)) + vector
    return all(size == (shape[i] if i in axes else 1) for i, size in enumerate(full))


def _inverse(variance: Tree, *, gamma: bool) -> Make:
    """rsqrt(variance + epsilon), times gamma."""
    root = Make(
        Power,
        (Make(Affine, (variance,), name="variance_epsilon", when=lambda op: op.scale == 1.0, shared=True),),
        when=lambda op: op.power == -0.5 and (op.scale, op.shift) == (1.0, 0.0),
        shared=True,
    )
    return Make(Multiply, (root, Learned("gamma")), swap=True, shared=True) if gamma else root


def is_plain(op: Add) -> bool:
    return not op.coefficients


def _whole(mean: Tree, variance: Tree, *, gamma: bool, beta: bool) -> Make:
    """x * inverse + (beta - mean * inverse), as tf.nn.batch_normalization writes it."""
    inverse = _inverse(variance, gamma=gamma)
    scaled = Make(Multiply, (Any("x"), inverse), swap=True)
    if beta:
        shift: Make = Make(Subtract, (Learned("beta"), Make(Multiply, (mean, inverse), swap=True)))
    else:
        negative = Make(Affine, (mean,), when=lambda op: (op.scale, op.shift) == (-1.0, 0.0))
        shift = Make(Multiply, (negative, inverse), swap=True)
    return Make(Add, (scaled, shift), when=is_plain, swap=True)


def _squeezed(tree: Make) -> Either:
    return Either((tree, Make(Squeeze, (tree,), name="squeezed", shared=True)))


_MEAN = _squeezed(Make(Reduce, (Any("x"),), name="mean_of", shared=True))
_VARIANCE_OF = Make(
    Reduce,
    (
        Make(
            BinaryFunction,
            (Any("x"), Make(Reduce, (Any("x"),), shared=True)),
            when=lambda op: op.function == "squared_difference",
            shared=True,
            swap=True,
        ),
    ),
    name="square_of",
    shared=True,
)
_VARIANCE = _squeezed(_VARIANCE_OF)
_CASES = tuple((gamma, beta) for gamma in (True, False) for beta in (True, False))


def _centered(variance: Tree, mean: Tree, *, gamma: bool, beta: bool) -> Make:
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta in plain order."""
    difference = Make(Subtract, (Any("x"), mean))
    root = Make(
        Power,
        (Make(Affine, (variance,), name="variance_epsilon", when=lambda op: op.scale == 1.0),),
        when=lambda op: op.power == 0.5 and (op.scale, op.shift) == (1.0, 0.0),
    )
    made = Make(Divide, (difference, root))
    if gamma:
        made = Make(Multiply, (made, Learned("gamma")), swap=True)
    return Make(Add, (made, Learned("beta")), when=is_plain, swap=True) if beta else made


_NORMALIZED = Make(Multiply, (Make(Subtract, (Any("x"), _MEAN)), _inverse(_VARIANCE, gamma=False)), swap=True)
"""(x - mean) * rsqrt(variance + epsilon) in plain order."""


def _unit(found: Found) -> Built:
    """x * rsqrt(max(sum(x * x), epsilon))."""
    total = found.op("total")
    if total.reducer is not Reducer.SUM or not total.keepdims or total.factor != 1.0:
        return None
    op = L2Normalize(axes=total.axes, epsilon=found.number("epsilon"))
    return replace(found, op, found["x"])


_SQUARE = Either(
    (
        Make(Power, (Any("x"),), when=lambda op: (op.power, op.scale, op.shift) == (2.0, 1.0, 0.0)),
        Make(Multiply, (Any("x"), Any("x"))),
    )
)
_LENGTH = Make(
    Power,
    (Make(Maximum, (Make(Reduce, (_SQUARE,), name="total"), Number("epsilon")), swap=True),),
    when=lambda op: (op.power, op.scale, op.shift) == (-0.5, 1.0, 0.0),
)


def _reshaped_fused(found: Found) -> Built:
    """A fused normalization of a vector that was made a 1x1 image, and back (slim)."""
    inner = found.nodes["norm"]
    shape = found.shape("x")
    if shape is None or len(shape) != 2 or found.node.result.type.rank != 2:
        return None
    if inner.operands[0].type.shape not in ((shape[0], 1, 1, shape[1]), (shape[0], shape[1], 1, 1)):
        return None
    return replace(found, inner.op.evolve(axis=1), found["x"], params=inner.params, layer=inner)


_NORM = Make(BatchNorm, (Make(Reshape, (Any("x"),)),), name="norm")

PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "fused batch normalization",
        Make(
            FunctionalBatchNorm, (Any("x"), Any("gamma"), Any("beta"), Learned("mean"), Learned("variance"))
        ),
        _fused,
    ),
    Pattern("batch normalization of vectors", Make(Flatten, (_NORM,)), _reshaped_fused),
    Pattern("batch normalization of vectors", Make(Reshape, (_NORM,)), _reshaped_fused),
    Pattern("batch normalization of vectors", Make(Squeeze, (_NORM,)), _reshaped_fused),
    *(
        Pattern(
            "batch normalization",
            _whole(Learned("mean"), Learned("variance"), gamma=gamma, beta=beta),
            _spelled,
        )
        for gamma, beta in _CASES
    ),
    *(
        Pattern(
            "batch normalization",
            _centered(Learned("variance"), Learned("mean"), gamma=gamma, beta=beta),
            _spelled,
        )
        for gamma, beta in _CASES
    ),
    *(
        Pattern("layer normalization", _whole(_MEAN, _VARIANCE, gamma=gamma, beta=beta), _of_own)
        for gamma, beta in _CASES
    ),
    Pattern("layer normalization", _NORMALIZED, _of_own),
    Pattern("unit length", Make(Multiply, (Any("x"), _LENGTH), swap=True), _unit),
)
