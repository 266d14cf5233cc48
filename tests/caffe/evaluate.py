"""A graph computed with numpy, in 64 bits: slow, plain, and independent of every framework.

It serves to compare a graph before and after a rewriting, and with what a real Caffe computed. Channels first.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from transpiler.ir import Graph, Node, Value
from transpiler.ops import activation as act
from transpiler.ops import elementwise as ew
from transpiler.ops import normalization as norm
from transpiler.ops import pooling as pool
from transpiler.ops import shape as sh
from transpiler.ops.convolution import Conv, ConvTranspose, DepthwiseConv, SeparableConv, Unfold, Windowed
from transpiler.ops.core import Input
from transpiler.ops.dense import Dense, Embedding
from transpiler.ops.preprocessing import Standardize
from transpiler.ops.reduction import Reduce, Reducer, ReduceTail
from transpiler.ops.regularization import Dropout
from transpiler.ops.windows import Explicit

Array: TypeAlias = Any
"""An array of 64-bit numbers; numpy's own annotations do not see through indexing by windows."""
Params = Mapping[str, Array]


def evaluate(graph: Graph, inputs: Mapping[str, Array], params: Params) -> list[Array]:
    """The graph's outputs. `inputs` by value name, `params` by symbol, canonical."""
    known = evaluate_all(graph, inputs, params)
    return [known[value] for value in graph.outputs]


def evaluate_all(graph: Graph, inputs: Mapping[str, Array], params: Params) -> dict[Value, Array]:
    """Every value of the graph. Raises NotImplementedError for an op that is not covered here."""
    known: dict[Value, Array] = {}
    for node in graph.nodes:
        xs = [known[value] for value in node.operands]
        if isinstance(node.op, Input):
            made = [np.asarray(inputs[node.results[0].name], float)]
        else:
            made = _apply(node, xs, params)
        for value, array in zip(node.results, made, strict=True):
            assert value.type.shape is None or value.type.shape == array.shape, (
                node.name,
                value.type,
                array.shape,
            )
            known[value] = array
    return known


def parameter(node: Node, role: str, params: Params) -> Array:
    """The array that fills a role of a node."""
    use = node.param(role)
    assert not use.relayouts
    if use.constant is not None:
        sizes = node.op.params([value.type for value in node.operands])[role].shape
        return np.full([size or 0 for size in sizes], use.constant.value)
    return params[use.symbol]


def _apply(node: Node, xs: list[Array], params: Params) -> list[Array]:
    op: Any = node.op
    learned = {role: parameter(node, role, params) for role in op.roles}
    if type(op) in _SIMPLE:
        return [_SIMPLE[type(op)](op, *xs)]
    match op:
        case Windowed() | pool.Pool():
            return [_windowed(op, xs[0], learned)]
        case Dense():
            flat = xs[0].reshape(*xs[0].shape[: op.axis % xs[0].ndim], -1)
            return [flat @ learned["kernel"].T + learned.get("bias", 0.0)]
        case Embedding():
            return [learned["kernel"][xs[0].astype(int)] + learned.get("bias", 0.0)]
        case act.PRelu():
            return [np.where(xs[0] > 0, xs[0], learned["alpha"] * xs[0])]
        case norm.BatchNorm():
            return [_batch_norm(op, xs[0], learned)]
        case norm.Scale() | norm.Bias():
            return [_scale(op, xs, learned)]
        case norm.LayerNorm():
            return [_layer_norm(op, xs[0], learned)]
        case sh.Split():
            stops = op.points or [xs[0].shape[op.axis] * i // op.count for i in range(1, op.count)]
            return list(np.split(xs[0], stops, axis=op.axis))
        case sh.Copies():
            return [xs[0]] * op.count
        case sh.Silence():
            return []
        case _:
            raise NotImplementedError(op.name)


def _windowed(op: Any, x: Array, learned: Mapping[str, Array]) -> Array:
    match op:
        case Conv():
            return _conv(op, x, learned, op.groups)
        case DepthwiseConv():
            return _conv(op, x, learned, x.shape[1])
        case SeparableConv():
            inner = _conv(op, x, {"kernel": learned["depthwise_kernel"]}, x.shape[1])
            pointwise = learned["pointwise_kernel"].reshape(op.filters, -1)
            return _biased(np.einsum("nc...,fc->nf...", inner, pointwise), learned)
        case ConvTranspose():
            return _transposed(op, x, learned)
        case Unfold():
            return _unfold(op, x)
        case pool.MaxPool() | pool.AveragePool():
            return _pool(op, x)
        case _:
            raise NotImplementedError(op.name)


def _along(values: Array, axis: int, rank: int) -> Array:
    """`values` shaped so that its axes are those of a tensor from `axis` on."""
    return values.reshape((1,) * axis + values.shape + (1,) * (rank - axis - values.ndim))


def _biased(out: Array, learned: Mapping[str, Array]) -> Array:
    return out + _along(learned["bias"], 1, out.ndim) if "bias" in learned else out


def _pads(op: Any) -> Sequence[tuple[int, int]]:
    return op.padding.pads if isinstance(op.padding, Explicit) else ((0, 0),) * op.rank


def _reach(op: Any, place: Sequence[int]) -> tuple[slice, ...]:
    """The elements that the window at a place spans, along each axis."""
    rows = zip(place, op.strides, op.kernel, op.dilations, strict=True)
    return tuple(slice(i * s, i * s + (k - 1) * d + 1, d) for i, s, k, d in rows)


def _windows(op: Any, x: Array, counts: Sequence[int], fill: float) -> Array:
    """[N, C, places…, kernel…]: every window, what lies outside filled."""
    pads = [(before, after + 64) for before, after in _pads(op)]
    padded = np.pad(x, [(0, 0), (0, 0), *pads], constant_values=fill)
    out = np.empty((*x.shape[:2], *counts, *op.kernel))
    for place in itertools.product(*map(range, counts)):
        taken: Any = (..., *_reach(op, place))
        there: Any = (slice(None), slice(None), *place)
        out[there] = padded[taken]
    return out


def _conv(op: Any, x: Array, learned: Mapping[str, Array], groups: int) -> Array:
    counts = op.outputs(x.shape[2:])
    windows = _windows(op, x, counts, 0.0)
    n, c, rank = x.shape[0], x.shape[1], op.rank
    windows = windows.reshape(n, groups, c // groups, *counts, *op.kernel)
    kernel = learned["kernel"].reshape(groups, -1, c // groups, *op.kernel)
    places, inner = "xyz"[:rank], "uvw"[:rank]
    out = np.einsum(f"ngc{places}{inner},goc{inner}->ngo{places}", windows, kernel)
    return _biased(out.reshape(n, -1, *counts), learned)


def _transposed(op: ConvTranspose, x: Array, learned: Mapping[str, Array]) -> Array:
    n, c = x.shape[:2]
    full = [
        s * (i - 1) + (k - 1) * d + 1
        for i, s, k, d in zip(x.shape[2:], op.strides, op.kernel, op.dilations, strict=True)
    ]
    out = np.zeros(
        (n, op.filters, *(size + extra for size, extra in zip(full, op.output_padding, strict=True)))
    )
    kernel = learned["kernel"].reshape(op.groups, c // op.groups, op.filters // op.groups, *op.kernel)
    grouped = x.reshape(n, op.groups, c // op.groups, *x.shape[2:])
    for place in itertools.product(*map(range, x.shape[2:])):
        spread = np.einsum(
            "ngc,gco...->ngo...", grouped[(slice(None), slice(None), slice(None), *place)], kernel
        )
        there: Any = (..., *_reach(op, place))
        out[there] += spread.reshape(n, op.filters, *op.kernel)
    cut = tuple(slice(before, out.shape[i + 2] - after) for i, (before, after) in enumerate(op.crops))
    return _biased(out[(slice(None), slice(None), *cut)], learned)


def _unfold(op: Unfold, x: Array) -> Array:
    counts = [count or 0 for count in op.outputs(x.shape[2:])]
    windows = _windows(op, x, counts, 0.0)
    rank = op.rank
    order = (0, 1, *range(2 + rank, 2 + 2 * rank), *range(2, 2 + rank))
    return windows.transpose(order).reshape(x.shape[0], -1, *counts)


def _pool(op: Any, x: Array) -> Array:
    counts = op.outputs(x.shape[2:])
    axes = tuple(range(-op.rank, 0))
    if isinstance(op, pool.MaxPool):
        return _windows(op, x, counts, -np.inf).max(axis=axes)
    inside = np.ones_like(x)
    if op.count_padding:  # what is padded counts, what hangs over does not
        inside = np.pad(inside, [(0, 0), (0, 0), *_pads(op)], constant_values=1.0)
        op_inside = op.evolve(padding=Explicit(((0, 0),) * op.rank))
    else:
        op_inside = op
    return _windows(op, x, counts, 0.0).sum(axis=axes) / _windows(op_inside, inside, counts, 0.0).sum(
        axis=axes
    )


def _scale(op: Any, xs: list[Array], learned: Mapping[str, Array]) -> Array:
    axis = op.axis % xs[0].ndim
    other = _along(
        xs[1] if len(xs) > 1 else learned["gamma" if isinstance(op, norm.Scale) else "beta"], axis, xs[0].ndim
    )
    if isinstance(op, norm.Bias):
        return xs[0] + other
    return xs[0] * other + (_along(learned["beta"], axis, xs[0].ndim) if op.bias else 0.0)


def _batch_norm(op: norm.BatchNorm, x: Array, learned: Mapping[str, Array]) -> Array:
    view = {role: _along(array, op.axis % x.ndim, x.ndim) for role, array in learned.items()}
    made = (x - view["mean"]) / np.sqrt(view["variance"] + op.epsilon)
    return made * view.get("gamma", np.ones(1)) + view.get("beta", np.zeros(1))


def _layer_norm(op: norm.LayerNorm, x: Array, learned: Mapping[str, Array]) -> Array:
    centred = x if op.rms else x - x.mean(axis=op.axes, keepdims=True)
    out = centred / np.sqrt((centred**2).mean(axis=op.axes, keepdims=True) + op.epsilon)
    shape = [x.shape[i] if i in {axis % x.ndim for axis in op.axes} else 1 for i in range(x.ndim)]
    view = {role: array.reshape(shape) for role, array in learned.items()}
    return out * view.get("gamma", np.ones(1)) + view.get("beta", np.zeros(1))


def _reduce(op: Any, x: Array, axes: tuple[int, ...], keepdims: bool) -> Array:
    kinds: dict[Reducer, Callable[..., Any]] = {
        Reducer.SUM: np.sum, Reducer.MEAN: np.mean, Reducer.MAX: np.max, Reducer.MIN: np.min, Reducer.PROD: np.prod,
        Reducer.ABS_SUM: lambda v, **k: np.abs(v).sum(**k), Reducer.SQUARE_SUM: lambda v, **k: (v**2).sum(**k),
    }  # fmt: skip
    return np.asarray(kinds[op.reducer](x, axis=axes, keepdims=keepdims) * op.factor)


def _mvn(op: norm.MVN, x: Array) -> Array:
    centred = x - x.mean(axis=op.axes, keepdims=True)
    return centred / (x.std(axis=op.axes, keepdims=True) + op.epsilon) if op.normalize_variance else centred


def _lrn(op: norm.LRN, x: Array) -> Array:
    half = op.size // 2
    if op.region is norm.Region.ACROSS:
        padded = np.pad(x**2, [(0, 0), (half, half), (0, 0), (0, 0)])
        total = sum(padded[:, i : i + x.shape[1]] for i in range(op.size))
        return x / (op.k + op.alpha / op.size * total) ** op.beta
    padded = np.pad(x**2, [(0, 0), (0, 0), (half, half), (half, half)])
    rows, columns = x.shape[2:]
    total = sum(padded[:, :, i : i + rows, j : j + columns] for i in range(op.size) for j in range(op.size))
    return x / (op.k + op.alpha / op.size**2 * total) ** op.beta


def _standardize(op: Standardize, x: Array) -> Array:
    """Fixed numbers along one axis, or one for all."""
    axis = op.axes[0] if op.axes else 0
    mean = _along(np.asarray(op.mean, float), axis, x.ndim)
    deviation = _along(np.maximum(np.sqrt(np.asarray(op.variance, float)), 1e-7), axis, x.ndim)
    return x * deviation + mean if op.invert else (x - mean) / deviation


def _softmax(op: act.Softmax, x: Array) -> Array:
    made = np.exp(x - x.max(axis=op.axis, keepdims=True))
    return made / made.sum(axis=op.axis, keepdims=True)


def _global(op: Any, x: Array, how: Callable[..., Any]) -> Array:
    return np.asarray(how(x, axis=tuple(range(2, x.ndim)), keepdims=op.keepdims))


def _reshape(op: sh.Reshape, x: Array) -> Array:
    from transpiler.ir import TensorType

    (type_,) = op.infer([TensorType(x.shape)])
    return x.reshape([size or 0 for size in type_.shape or ()])


def _flatten(op: sh.Flatten, x: Array) -> Array:
    start, end = op.axis % x.ndim, op.end_axis % x.ndim
    return x.reshape(*x.shape[:start], -1, *x.shape[end + 1 :])


def _slice(op: sh.Slice, x: Array) -> Array:
    taken: list[Any] = [slice(None)] * x.ndim
    steps = op.steps or (1,) * len(op.axes)
    for axis, begin, end, step in zip(op.axes, op.begins, op.ends, steps, strict=True):
        taken[axis] = slice(begin, end, step)
    return np.squeeze(x[tuple(taken)], axis=tuple(op.squeeze)) if op.squeeze else x[tuple(taken)]


def _crop(op: sh.Crop, x: Array) -> Array:
    return x[
        (
            ...,
            *(
                slice(before, size - after)
                for size, (before, after) in zip(x.shape[2:], op.crops, strict=True)
            ),
        )
    ]


def _crop_like(op: sh.CropLike, x: Array, like: Array) -> Array:
    axis = op.axis % x.ndim
    taken = [slice(op.offset(i), op.offset(i) + like.shape[axis + i]) for i in range(x.ndim - axis)]
    return x[(slice(None),) * axis + tuple(taken)]


def _shuffle(op: sh.ShuffleChannels, x: Array) -> Array:
    axis, groups = op.axis % x.ndim, op.groups
    view = x.reshape(*x.shape[:axis], groups, -1, *x.shape[axis + 1 :])
    return np.swapaxes(view, axis, axis + 1).reshape(x.shape)


def _maxout(op: act.Maxout, x: Array) -> Array:
    axis = op.axis % x.ndim
    return x.reshape(*x.shape[:axis], -1, op.pieces, *x.shape[axis + 1 :]).max(axis=axis + 1)


def _relu(op: act.Relu, x: Array) -> Array:
    made = np.where(x >= op.threshold, x, op.negative_slope * (x - op.threshold))
    return made if op.max_value is None else np.minimum(made, op.max_value)


def _base(op: Any) -> float:
    return math.e if op.base is None else op.base


def _repeated(op: sh.Upsample, x: Array) -> Array:
    for axis, by in enumerate(op.factors, start=2):
        x = np.repeat(x, by, axis=axis)
    return x


def _coefficients(op: ew.Add, *xs: Array) -> Array:
    return np.asarray(sum(c * x for c, x in zip(op.coefficients or (1.0,) * len(xs), xs, strict=True)))


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def _many(how: Callable[[Array, Array], Array]) -> Callable[..., Array]:
    def combine(op: Any, *xs: Array) -> Array:
        result = xs[0]
        for x in xs[1:]:
            result = how(result, x)
        return result

    return combine


_SQRT_2_PI = 0.7978845608028654
_SIMPLE: dict[type, Callable[..., Array]] = {
    act.Relu: _relu,
    act.Elu: lambda op, x: np.where(x > 0, x, op.alpha * (np.exp(np.minimum(x, 0)) - 1)),
    act.Selu: lambda op, x: (
        1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * (np.exp(np.minimum(x, 0)) - 1))
    ),
    act.Gelu: lambda op, x: 0.5 * x * (1 + np.tanh(_SQRT_2_PI * (x + 0.044715 * x**3))),
    act.Softplus: lambda op, x: np.logaddexp(x, 0),
    act.Softsign: lambda op, x: x / (1 + np.abs(x)),
    act.Sigmoid: lambda op, x: _sigmoid(x),
    act.Tanh: lambda op, x: np.tanh(x),
    act.HardSigmoid: lambda op, x: np.clip(op.slope * x + op.offset, 0, 1),
    act.Swish: lambda op, x: x * _sigmoid(op.beta * x),
    act.HardSwish: lambda op, x: x * np.clip(x + 3, 0, 6) / 6,
    act.Mish: lambda op, x: x * np.tanh(np.logaddexp(x, 0)),
    act.ThresholdedRelu: lambda op, x: np.where(x > op.theta, x, 0),
    act.Threshold: lambda op, x: np.where(x > op.threshold, 1.0, 0.0),
    act.Clip: lambda op, x: np.clip(x, op.low, op.high),
    act.Abs: lambda op, x: np.abs(x),
    act.Affine: lambda op, x: op.scale * x + op.shift,
    Standardize: _standardize,
    act.Power: lambda op, x: (op.shift + op.scale * x) ** op.power,
    act.Exp: lambda op, x: _base(op) ** (op.shift + op.scale * x),
    act.Log: lambda op, x: np.log(op.shift + op.scale * x) / math.log(_base(op)),
    act.Unary: lambda op, x: {"square": np.square, "sqrt": np.sqrt, "neg": np.negative}[op.function](x),
    act.Softmax: _softmax,
    act.Maxout: _maxout,
    ew.Add: _coefficients,
    ew.Multiply: _many(np.multiply),
    ew.Maximum: _many(np.maximum),
    ew.Minimum: _many(np.minimum),
    ew.Average: lambda op, *xs: np.asarray(sum(xs) / len(xs)),
    ew.Subtract: lambda op, a, b: a - b,
    ew.Divide: lambda op, a, b: a / b,
    ew.Axpy: lambda op, a, x, y: a.reshape(*a.shape[:2], 1, 1) * x + y,
    norm.MVN: _mvn,
    norm.LRN: _lrn,
    norm.L2Normalize: lambda op, x: x / np.sqrt((x**2).sum(axis=op.axes, keepdims=True) + op.epsilon),
    pool.GlobalMaxPool: lambda op, x: _global(op, x, np.max),
    pool.GlobalAveragePool: lambda op, x: _global(op, x, np.mean),
    Reduce: lambda op, x: _reduce(op, x, op.axes, op.keepdims),
    ReduceTail: lambda op, x: _reduce(op, x, tuple(range(op.axis % x.ndim, x.ndim)), False),
    Dropout: lambda op, x: x,
    sh.Flatten: _flatten,
    sh.Reshape: _reshape,
    sh.Transpose: lambda op, x: x.transpose(op.axes),
    sh.Concat: lambda op, *xs: np.concatenate(xs, axis=op.axis),
    sh.Slice: _slice,
    sh.Crop: _crop,
    sh.CropLike: _crop_like,
    sh.Pad: lambda op, x: np.pad(x, [(0, 0), (0, 0), *op.pads], constant_values=op.value),
    sh.Upsample: _repeated,
    sh.Tile: lambda op, x: np.concatenate([x] * op.tiles, axis=op.axis),
    sh.RepeatVector: lambda op, x: np.repeat(x[:, None], op.count, axis=1),
    sh.ExpandDims: lambda op, x: np.expand_dims(x, op.axis),
    sh.Squeeze: lambda op, x: np.squeeze(x, axis=op.axes),
    sh.Reverse: lambda op, x: np.flip(x, op.axis),
    sh.ShuffleChannels: _shuffle,
}
"""Ops without parameters and with one result."""
