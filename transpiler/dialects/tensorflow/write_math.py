"""Functions of elements, joins and reductions in TensorFlow's ops."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from transpiler.dialects.tensorflow.write_shapes import view, whole_numbers
from transpiler.dialects.tensorflow.write_steps import Input, Refused, Result, Steps, Tensor, ints, scalar
from transpiler.ir import DType
from transpiler.ops import activation as act
from transpiler.ops import array
from transpiler.ops import elementwise as ew
from transpiler.ops.reduction import Reduce, Reducer

FLOATS: Final = (DType.FLOAT32, DType.FLOAT16, DType.BFLOAT16, DType.FLOAT64)


def single(name: str) -> Callable[[object, Steps], Result]:
    """A row for an op that is one TensorFlow op of the same operands."""

    def write(op: object, s: Steps) -> Result:
        del op
        return s.op(name, *same_types(s))

    return write


def as_float(s: Steps, x: Tensor) -> Tensor:
    """Reals of whatever numbers there are."""
    return x if x.dtype in FLOATS else s.op("Cast", x, DstT=DType.FLOAT32)


def same_types(s: Steps) -> tuple[Tensor, ...]:
    """The operands in one element type, which TensorFlow's ops want."""
    kinds = {tensor.dtype for tensor in s.operands}
    if len(kinds) == 1:
        return s.operands
    wanted = ew.promote(s.types)
    return tuple(x if x.dtype is wanted else s.op("Cast", x, DstT=wanted) for x in s.operands)


def affine(s: Steps, x: Tensor, scale: float, shift: float) -> Tensor:
    """scale * x + shift, leaving out what changes nothing."""
    y = x
    if scale != 1.0:
        y = s.op("Mul", y, s.like("y", scale, y), name="mul")
    if shift != 0.0:
        y = s.op("AddV2", y, s.like("y", shift, y), name="add")
    return y


def or_identity(s: Steps, y: Tensor) -> Tensor:
    return s.op("Identity", y) if y is s.x or y == s.x else y


def clipped(s: Steps, x: Tensor, low: float | None, high: float | None) -> Tensor:
    """X between bounds; one that is none or infinite is left out."""
    y = x
    if high is not None and not math.isinf(high):
        y = s.op("Minimum", y, s.like("y", high, y), name="clip_by_value/Minimum")
    if low is not None and not math.isinf(low):
        y = s.op("Maximum", y, s.like("y", low, y), name="clip_by_value")
    return y


def write_affine(op: act.Affine, s: Steps) -> Result:
    return or_identity(s, affine(s, as_float(s, s.x), op.scale, op.shift))


def power(op: act.Power, s: Steps) -> Result:
    """The named powers, and Pow for the rest."""
    x = affine(s, as_float(s, s.x), op.scale, op.shift)
    named = {2.0: "Square", 0.5: "Sqrt", -0.5: "Rsqrt", -1.0: "Reciprocal"}
    if op.power == 1.0:
        return or_identity(s, x)
    if op.power in named:
        return s.op(named[op.power], x)
    return s.op("Pow", x, s.like("y", op.power, x))


def exp(op: act.Exp, s: Steps) -> Result:
    factor = 1.0 if op.base is None else math.log(op.base)
    return s.op("Exp", affine(s, s.x, factor * op.scale, factor * op.shift))


def log(op: act.Log, s: Steps) -> Result:
    y = s.op("Log", affine(s, s.x, op.scale, op.shift))
    return y if op.base is None else affine(s, y, 1.0 / math.log(op.base), 0.0)


BINARY: Final[Mapping[str, str]] = {
    "floor_divide": "FloorDiv",
    "mod": "FloorMod",
    "arctan2": "Atan2",
    "logical_and": "LogicalAnd",
    "logical_or": "LogicalOr",
    "squared_difference": "SquaredDifference",
}


def binary(op: ew.BinaryFunction, s: Steps) -> Result:
    if op.function not in BINARY:
        raise Refused(f"the function {op.function} has no op")
    return s.op(BINARY[op.function], *same_types(s))


def _last(s: Steps, axis: int, kind: str) -> Result:
    """A function of the last axis applied to another one."""
    rank = s.rank()
    axis %= rank
    if axis == rank - 1:
        return s.op(kind, s.x)
    order = [i for i in range(rank) if i != axis] + [axis]
    back = [order.index(i) for i in range(rank)]
    y = s.op(kind, s.op("Transpose", s.x, ints("perm", order)))
    return s.op("Transpose", y, ints("perm", back))


def softmax(op: act.Softmax, s: Steps) -> Result:
    return _last(s, op.axis, "Softmax")


def log_softmax(op: act.LogSoftmax, s: Steps) -> Result:
    return _last(s, op.axis, "LogSoftmax")


def softmax_over(op: act.SoftmaxOver, s: Steps) -> Result:
    """exp(x - max) over its sum."""
    axes = tuple(axis % s.rank() for axis in op.axes)
    top = s.op("Max", s.x, ints("reduction_indices", axes), keep_dims=True)
    e = s.op("Exp", s.op("Sub", s.x, top))
    return s.op("RealDiv", e, s.op("Sum", e, ints("reduction_indices", axes), keep_dims=True))


def glu(op: act.Glu, s: Steps) -> Result:
    a, b = s.many("Split", scalar("split_dim", op.axis % s.rank()), s.x, count=2, num_split=2)
    return s.op("Mul", a, s.op("Sigmoid", b))


def maxout(op: act.Maxout, s: Steps) -> Result:
    rank = s.rank()
    axis = op.axis % rank
    size = s.size(axis)
    sizes = [-1 if n is None else n for n in s.shape()]
    sizes[axis : axis + 1] = [size // op.pieces, op.pieces]
    if sizes.count(-1) > 1:
        raise Refused("more than one size of its input is unknown", "give --input-shape")
    return s.op("Max", view(s, s.x, sizes), ints("reduction_indices", (axis + 1,)), keep_dims=False)


def chain(s: Steps, op: str, tensors: Sequence[Tensor]) -> Tensor:
    """One op of two operands after the other."""
    y = tensors[0]
    for other in tensors[1:]:
        y = s.op(op, y, other)
    return y if len(tensors) > 1 else s.op("Identity", y)


def added(s: Steps, tensors: Sequence[Tensor]) -> Tensor:
    """The sum: of two, of many of one shape at once, else one after the other."""
    shapes = {type_.shape for type_ in s.types}
    if len(tensors) > 2 and len(shapes) == 1 and None not in shapes:
        return s.op("AddN", *tensors)
    return chain(s, "AddV2", tensors)


def add(op: ew.Add, s: Steps) -> Result:
    if op.coefficients and any(c != 1.0 for c in op.coefficients):
        terms = [affine(s, x, c, 0.0) for x, c in zip(same_types(s), op.coefficients, strict=True)]
        return added(s, terms)
    return added(s, same_types(s))


def multiply(op: ew.Multiply, s: Steps) -> Result:
    return chain(s, "Mul", same_types(s))


def maximum(op: ew.Maximum, s: Steps) -> Result:
    return chain(s, "Maximum", same_types(s))


def minimum(op: ew.Minimum, s: Steps) -> Result:
    return chain(s, "Minimum", same_types(s))


def average(op: ew.Average, s: Steps) -> Result:
    total = added(s, same_types(s))
    return s.op("RealDiv", total, s.like("y", float(len(s.operands)), total), name="truediv")


def compare(op: ew.Compare, s: Steps) -> Result:
    return s.op("".join(part.capitalize() for part in op.relation.value.split("_")), *same_types(s))


def select(op: ew.Select, s: Steps) -> Result:
    condition, a, b = s.operands
    if condition.dtype is not DType.BOOL:
        condition = s.op("Cast", condition, DstT=DType.BOOL)
    wanted = ew.promote(s.types[1:])
    a, b = (x if x.dtype is wanted else s.op("Cast", x, DstT=wanted) for x in (a, b))
    return s.op("SelectV2", condition, a, b)


def cast(op: ew.Cast, s: Steps) -> Result:
    return s.op("Identity", s.x) if s.x.dtype is op.dtype else s.op("Cast", s.x, DstT=op.dtype)


REDUCERS: Final[Mapping[Reducer, str]] = {
    Reducer.SUM: "Sum",
    Reducer.MEAN: "Mean",
    Reducer.MAX: "Max",
    Reducer.MIN: "Min",
    Reducer.PROD: "Prod",
    Reducer.ABS_SUM: "Sum",
    Reducer.SQUARE_SUM: "Sum",
    Reducer.ANY: "Any",
    Reducer.ALL: "All",
}


def reduced(s: Steps, kind: str, x: Input, axes: Sequence[int], keep: bool) -> Tensor:
    """A reduction over axes."""
    return s.op(kind, x, ints("reduction_indices", tuple(axes)), keep_dims=keep)


def reduce(op: Reduce, s: Steps) -> Result:
    axes = sorted(axis % s.rank() for axis in op.axes)
    x = s.x
    if op.reducer is Reducer.ABS_SUM:
        x = s.op("Abs", x)
    if op.reducer is Reducer.SQUARE_SUM:
        x = s.op("Square", x)
    y = reduced(s, REDUCERS[op.reducer], x, axes, op.keepdims)
    return affine(s, y, op.factor, 0.0)


def arg_extremum(op: array.ArgExtremum, s: Steps) -> Result:
    kind = "ArgMin" if op.smallest else "ArgMax"
    x: Tensor = s.x
    axis = op.axis
    if axis is None:
        x, axis = view(s, x, [-1]), 0
    else:
        axis %= s.rank()
    y = s.op(kind, x, scalar("dimension", axis), output_type=DType.INT32)
    if not op.keepdims:
        return y
    if op.axis is None:
        return view(s, y, [1] * s.rank())
    return s.op("ExpandDims", y, scalar("dim", axis))


def top_k(op: array.TopK, s: Steps) -> Result:
    return s.many("TopKV2", s.x, scalar("k", op.k), count=2, sorted=op.ordered)


def fill_like(op: array.FillLike, s: Steps) -> Result:
    if op.value == 0.0:
        return s.op("ZerosLike", s.x)
    ones = s.op("OnesLike", s.x)
    return ones if op.value == 1.0 else s.op("Mul", ones, s.like("y", op.value, ones))


def cumulative(op: array.Cumulative, s: Steps) -> Result:
    kind = "Cumprod" if op.product else "Cumsum"
    return s.op(kind, s.x, scalar("axis", op.axis % s.rank()), exclusive=False, reverse=False)


def variance(op: array.Variance, s: Steps) -> Result:
    axes = range(s.rank()) if op.axes is None else [axis % s.rank() for axis in op.axes]
    mean = reduced(s, "Mean", s.x, tuple(axes), True)
    y = reduced(s, "Mean", s.op("SquaredDifference", s.x, mean), tuple(axes), op.keepdims)
    return s.op("Sqrt", y) if op.root else y


def norm(op: array.Norm, s: Steps) -> Result:
    axes = tuple(range(s.rank()) if op.axes is None else (axis % s.rank() for axis in op.axes))
    if op.order in (None, 2.0):
        return s.op("Sqrt", reduced(s, "Sum", s.op("Square", s.x), axes, op.keepdims))
    if op.order == 1.0:
        return reduced(s, "Sum", s.op("Abs", s.x), axes, op.keepdims)
    if math.isinf(op.order):
        return reduced(s, "Max" if op.order > 0 else "Min", s.op("Abs", s.x), axes, op.keepdims)
    raise Refused(f"a norm of order {op.order} has no op")


def dot(op: ew.Dot, s: Steps) -> Result:
    """A batched product over one axis of each operand, written as an equation."""
    a, b = s.shape(0), s.shape(1)
    left, right = op.axes[0] % len(a), op.axes[1] % len(b)
    x, y = same_types(s)
    if op.normalize:
        x, y = (_unit(s, t, axis) for t, axis in ((x, left), (y, right)))
    letters = "bcdefghijklm"
    first = ["a", *letters[: len(a) - 1]]
    second = ["a", *letters[len(a) - 1 : len(a) + len(b) - 2]]
    second[right] = first[left]
    kept = [c for i, c in enumerate(first) if i != left] + [
        c for i, c in enumerate(second) if i not in (0, right)
    ]
    equation = f"{''.join(first)},{''.join(second)}->{''.join(kept)}"
    product = s.op("Einsum", x, y, equation=equation)
    return s.op("ExpandDims", product, scalar("dim", 1)) if len(kept) == 1 else product


def _unit(s: Steps, x: Tensor, axis: int) -> Tensor:
    squares = reduced(s, "Sum", s.op("Square", x), (axis,), True)
    length = s.op("Rsqrt", s.op("Maximum", squares, s.like("y", 1e-12, squares)))
    return s.op("Mul", x, length)


def one_hot(s: Steps, count: int, axis: int) -> Tensor:
    """1 at the index that x holds."""
    on, off = scalar("on_value", 1.0, DType.FLOAT32), scalar("off_value", 0.0, DType.FLOAT32)
    return s.op("OneHot", whole_numbers(s, s.x), scalar("depth", count), on, off, axis=axis)
