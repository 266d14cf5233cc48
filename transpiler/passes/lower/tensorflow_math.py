"""Rules for arithmetic, functions of numbers, reductions, comparisons."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from transpiler.dialects.tensorflow.graph_def import dtype_of
from transpiler.ir import DType, Op, Shape, Value
from transpiler.ops import activation as a
from transpiler.ops import elementwise as e
from transpiler.ops.array import ArgExtremum, Cumulative, FillLike, TopK
from transpiler.ops.dense import MatMul
from transpiler.ops.functional import Fill
from transpiler.ops.reduction import Reduce, Reducer
from transpiler.passes.lower.tensorflow_node import Keep, Reading, Rule

_FLOATS = (DType.FLOAT32, DType.FLOAT64, DType.FLOAT16, DType.BFLOAT16)


def _unary(op: Op) -> Rule:
    return lambda reading: reading.emit(op, reading.x(0))


_FUNCTIONS: Final[Mapping[str, Op]] = {
    "Relu": a.Relu(),
    "Relu6": a.Relu(max_value=6.0),
    "Elu": a.Elu(),
    "Selu": a.Selu(),
    "Softplus": a.Softplus(),
    "Softsign": a.Softsign(),
    "Sigmoid": a.Sigmoid(),
    "Tanh": a.Tanh(),
    "Softmax": a.Softmax(axis=-1),
    "LogSoftmax": a.LogSoftmax(axis=-1),
    "Abs": a.Abs(),
    "Neg": a.Affine(scale=-1.0),
    "Square": a.Power(power=2.0),
    "Sqrt": a.Power(power=0.5),
    "Rsqrt": a.Power(power=-0.5),
    "Reciprocal": a.Power(power=-1.0),
    "Inv": a.Power(power=-1.0),
    "Exp": a.Exp(),
    "Log": a.Log(),
    "ZerosLike": FillLike(value=0.0),
    "OnesLike": FillLike(value=1.0),
}
_NAMED: Final[Mapping[str, str]] = {
    "Sign": "sign", "Floor": "floor", "Ceil": "ceil", "Sin": "sin", "Cos": "cos", "Tan": "tan", "Asin": "arcsin",
    "Acos": "arccos", "Atan": "arctan", "Sinh": "sinh", "Cosh": "cosh", "Asinh": "arcsinh", "Acosh": "arccosh",
    "Atanh": "arctanh", "Expm1": "expm1", "Log1p": "log1p", "LogicalNot": "logical_not", "Round": "round",
    "Rint": "round", "Erf": "erf", "Erfc": "erfc", "Erfinv": "erfinv", "Lgamma": "lgamma", "Digamma": "digamma",
}  # fmt: skip


def _leaky(reading: Reading) -> Sequence[Value]:
    return reading.emit(a.Relu(negative_slope=float(reading.get("alpha", 0.2))), reading.x(0))


def _real(value: Value) -> bool:
    return value.type.dtype in _FLOATS


def _with_number(reading: Reading, build: Callable[[float, int], Op | None]) -> Sequence[Value] | None:
    """A number beside a tensor of reals becomes a field; `build` gets it and its place."""
    for place in (1, 0):
        number = reading.scalar(place)
        if number is None or reading.scalar(1 - place) is not None:
            continue
        value = reading.x(1 - place)
        op = build(float(number), place) if _real(value) else None
        if op is not None:
            return reading.emit(op, value)
    return None


def _add(reading: Reading) -> Sequence[Value]:
    made = _with_number(reading, lambda number, _: a.Affine(shift=number))
    return made or reading.emit(e.Add(), reading.x(0), reading.x(1))


def _subtract(reading: Reading) -> Sequence[Value]:
    made = _with_number(
        reading,
        lambda number, place: a.Affine(shift=-number) if place else a.Affine(scale=-1.0, shift=number),
    )
    return made or reading.emit(e.Subtract(), reading.x(0), reading.x(1))


def _multiply(reading: Reading) -> Sequence[Value]:
    made = _with_number(reading, lambda number, _: a.Affine(scale=number))
    return made or reading.emit(e.Multiply(), reading.x(0), reading.x(1))


def _power(reading: Reading) -> Sequence[Value]:
    made = _with_number(reading, lambda number, place: a.Power(power=number) if place else None)
    return made or reading.emit(e.Pow(), reading.x(0), reading.x(1))


def _maximum(reading: Reading) -> Sequence[Value]:
    """The larger of a tensor and 0 is relu."""
    made = _with_number(reading, lambda number, _: a.Relu() if number == 0 else None)
    return made or reading.emit(e.Maximum(), reading.x(0), reading.x(1))


def _binary(op: Op) -> Rule:
    return lambda reading: reading.emit(op, reading.x(0), reading.x(1))


def _sum_all(reading: Reading) -> Sequence[Value]:
    values = reading.all()
    return tuple(values) if len(values) == 1 else reading.emit(e.Add(), *values)


def _clip(reading: Reading) -> Sequence[Value]:
    low, high = reading.scalar(1), reading.scalar(2)
    if low is None or high is None:
        raise Keep
    return reading.emit(a.Clip(low=float(low), high=float(high)), reading.x(0))


def _select(reading: Reading) -> Sequence[Value]:
    condition, x = reading.x(0), reading.x(1)
    shape = condition.type.shape
    if reading.node.op == "Select" and shape is not None and len(shape) == 1 and x.type.rank != 1:
        raise Keep  # a vector that picks rows, which broadcasting does not say
    return reading.emit(e.Select(), condition, x, reading.x(2))


def _cast(reading: Reading) -> Sequence[Value]:
    dtype = dtype_of(reading.get("DstT"))
    if dtype is None:
        raise Keep
    x = reading.x(0)
    return (x,) if x.type.dtype is dtype and dtype is DType.FLOAT32 else reading.emit(e.Cast(dtype=dtype), x)


def _reduce(reducer: Reducer) -> Rule:
    def rule(reading: Reading) -> Sequence[Value]:
        x = reading.x(0)
        axes = [int(axis) for axis in reading.numbers(1)]
        rank = x.type.rank
        if rank is not None:
            axes = sorted({axis % rank for axis in axes if -rank <= axis < rank}) if rank else []
        keep = bool(reading.get("keep_dims", reading.get("keepdims", False)))
        return reading.emit(Reduce(reducer=reducer, axes=tuple(axes), keepdims=keep), x)

    return rule


def _extremum(smallest: bool) -> Rule:
    def rule(reading: Reading) -> Sequence[Value]:
        axis = int(reading.scalar(1) or 0)
        found = reading.emit(ArgExtremum(axis=axis, smallest=smallest), reading.x(0))
        dtype = dtype_of(reading.get("output_type")) or DType.INT64
        return found if dtype is DType.INT32 else reading.emit(e.Cast(dtype=dtype), *found, what="cast")

    return rule


def _top_k(reading: Reading) -> Sequence[Value]:
    k = reading.scalar(1) if reading.node.op == "TopKV2" else reading.get("k")
    if not k:
        raise Keep
    return reading.emit(TopK(k=int(k), ordered=bool(reading.get("sorted", True))), reading.x(0))


def _cumulative(product: bool) -> Rule:
    def rule(reading: Reading) -> Sequence[Value]:
        axis = reading.scalar(1)
        if axis is None or reading.get("exclusive") or reading.get("reverse"):
            raise Keep
        return reading.emit(Cumulative(axis=int(axis), product=product), reading.x(0))

    return rule


def _matmul(reading: Reading) -> Sequence[Value]:
    if reading.get("transpose_a") is None and reading.get("adj_x") is not None:
        first, second = bool(reading.get("adj_x")), bool(reading.get("adj_y"))
    else:
        first, second = bool(reading.get("transpose_a")), bool(reading.get("transpose_b"))
    return reading.emit(MatMul(transpose_a=first, transpose_b=second), reading.x(0), reading.x(1))


def _fill(reading: Reading) -> Sequence[Value]:
    """Sizes that are other tensors' own are unknown numbers."""
    static, value = reading.static(0), reading.scalar(1)
    dtype = dtype_of(reading.get("T"))
    if value is None or dtype is None:
        raise Keep
    sizes: Shape | None = None
    if static is not None and static.array.ndim == 1:
        sizes = tuple(item if isinstance(item, int) and item >= 0 else None for item in static.array)
    return reading.emit(Fill(value=float(value), sizes=sizes, dtype=dtype), reading.x(0))


RULES: Final[Mapping[str, Rule]] = {
    "Fill": _fill,
    **{name: _unary(op) for name, op in _FUNCTIONS.items()},
    **{name: _unary(a.Unary(function=function)) for name, function in _NAMED.items()},
    "LeakyRelu": _leaky,
    "Add": _add,
    "AddV2": _add,
    "Sub": _subtract,
    "Mul": _multiply,
    "RealDiv": _binary(e.Divide()),
    "Div": _binary(e.Divide()),
    "Pow": _power,
    "Maximum": _maximum,
    "Minimum": _binary(e.Minimum()),
    "AddN": _sum_all,
    "AccumulateNV2": _sum_all,
    "SquaredDifference": _binary(e.BinaryFunction(function="squared_difference")),
    "FloorDiv": _binary(e.BinaryFunction(function="floor_divide")),
    "FloorMod": _binary(e.BinaryFunction(function="mod")),
    "Atan2": _binary(e.BinaryFunction(function="arctan2")),
    "DivNoNan": _binary(e.BinaryFunction(function="divide_no_nan")),
    "LogicalAnd": _binary(e.BinaryFunction(function="logical_and")),
    "LogicalOr": _binary(e.BinaryFunction(function="logical_or")),
    **{
        name: _binary(e.Compare(relation=relation))
        for name, relation in {
            "Greater": e.Comparison.GREATER,
            "GreaterEqual": e.Comparison.GREATER_EQUAL,
            "Less": e.Comparison.LESS,
            "LessEqual": e.Comparison.LESS_EQUAL,
            "Equal": e.Comparison.EQUAL,
            "NotEqual": e.Comparison.NOT_EQUAL,
        }.items()
    },
    "ClipByValue": _clip,
    "Select": _select,
    "SelectV2": _select,
    "Cast": _cast,
    "Sum": _reduce(Reducer.SUM),
    "Mean": _reduce(Reducer.MEAN),
    "Max": _reduce(Reducer.MAX),
    "Min": _reduce(Reducer.MIN),
    "Prod": _reduce(Reducer.PROD),
    "Any": _reduce(Reducer.ANY),
    "All": _reduce(Reducer.ALL),
    "ArgMax": _extremum(False),
    "ArgMin": _extremum(True),
    "TopK": _top_k,
    "TopKV2": _top_k,
    "Cumsum": _cumulative(False),
    "Cumprod": _cumulative(True),
    "MatMul": _matmul,
    "BatchMatMul": _matmul,
    "BatchMatMulV2": _matmul,
    "BatchMatMulV3": _matmul,
}
