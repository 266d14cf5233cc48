"""Rows of Keras 3's operations on single numbers: functions, arithmetic, comparisons.

An operation with a plain number beside one tensor is an op with that number as a field where there is one; any other
number or array in a call has become an operand before rows see it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from transpiler.dialects.keras.calls import is_operand, operand
from transpiler.dialects.keras.spelling import (
    CALL,
    DTYPE_NAMES,
    KerasRow,
    read_dtype,
    required_link,
    with_fields,
)
from transpiler.dialects.rows import Link, Native, Refusal, Row
from transpiler.ir import Node, Op
from transpiler.ir.attributes import Attr
from transpiler.ops import activation as a
from transpiler.ops import elementwise as e
from transpiler.ops.array import FillLike
from transpiler.ops.fields import to_float

NUMPY: Final = "keras.src.ops.numpy"
NN: Final = "keras.src.ops.nn"
MATH: Final = "keras.src.ops.math"
CORE: Final = "keras.src.ops.core"


def args_of(native: Native) -> list[Any] | None:
    """What an operation was called on, if it is more than its operands, and nothing by name."""
    pattern: Any = native.config.get(CALL)
    if not isinstance(pattern, Mapping) or any(value is not None for value in pattern["kwargs"].values()):
        return None
    return list(pattern["args"])


def _is_number(item: Any) -> bool:
    return isinstance(item, (int, float)) and not isinstance(item, bool)


def _number_beside(place: int) -> Callable[[Native], bool]:
    """Whether the call is one tensor and a plain number at `place`."""

    def when(native: Native) -> bool:
        args = args_of(native)
        return args is not None and len(args) == 2 and _is_number(args[place]) and is_operand(args[1 - place])

    return when


def _number(native: Native, place: int) -> float:
    args = args_of(native)
    assert args is not None
    return to_float(args[place])


def _call_with(number: float, place: int) -> Mapping[str, Attr]:
    args: list[Attr] = [operand(0)]
    args.insert(place, number)
    return {CALL: {"args": args, "kwargs": {}}}


def _scalar(
    class_name: str,
    op: type[Op],
    place: int,
    read: Callable[[float], Mapping[str, Any]],
    write: Callable[[Any], float],
) -> Row:
    """A row of arithmetic with a number: `read` gives the op's fields, `write` the number again."""
    return KerasRow(
        f"{NUMPY}.{class_name}",
        op,
        reads=(CALL,),
        get=lambda native: read(_number(native, place)),
        put=lambda node: _call_with(write(node.op), place),
        when=_number_beside(place),
    )


SCALAR_ROWS = (
    *(
        _scalar("Add", a.Affine, place, lambda c: {"shift": c}, lambda op: to_float(op.shift))
        for place in (1, 0)
    ),
    _scalar("Subtract", a.Affine, 1, lambda c: {"shift": -c}, lambda op: -to_float(op.shift)),
    _scalar("Subtract", a.Affine, 0, lambda c: {"scale": -1.0, "shift": c}, lambda op: to_float(op.shift)),
    *(
        _scalar("Multiply", a.Affine, place, lambda c: {"scale": c}, lambda op: to_float(op.scale))
        for place in (1, 0)
    ),
    _scalar("Power", a.Power, 1, lambda c: {"power": c}, lambda op: to_float(op.power)),
)
"""Sums and products with a number are affine. Division is not: 1 / c is not exact."""


def _whole(native: Native) -> bool:
    return CALL not in native.config


_Meaning = tuple[type[Op], Mapping[str, Any]]
"""An op and those of its fields that have not their default."""


def _function(module: str, class_name: str, meaning: _Meaning) -> Row:
    """A function without arguments: one op with fixed fields."""
    kind, fields = meaning
    return KerasRow(f"{module}.{class_name}", kind, get=with_fields(fields), when=_whole)


def _unary(function: str) -> _Meaning:
    return a.Unary, {"function": function}


_NUMPY_FUNCTIONS: Final[Mapping[str, _Meaning]] = {
    "Absolute": (a.Abs, {}),
    "Negative": (a.Affine, {"scale": -1.0}),
    "Square": (a.Power, {"power": 2.0}),
    "Sqrt": (a.Power, {"power": 0.5}),
    "Reciprocal": (a.Power, {"power": -1.0}),
    "Exp": (a.Exp, {}),
    "Exp2": (a.Exp, {"base": 2.0}),
    "Log": (a.Log, {}),
    "Log2": (a.Log, {"base": 2.0}),
    "Log10": (a.Log, {"base": 10.0}),
    "Tanh": (a.Tanh, {}),
}
_NUMPY_UNARY: Final = {
    "Sign": "sign", "Floor": "floor", "Ceil": "ceil", "Trunc": "trunc", "Sin": "sin", "Cos": "cos", "Tan": "tan",
    "Arcsin": "arcsin", "Arccos": "arccos", "Arctan": "arctan", "Sinh": "sinh", "Cosh": "cosh", "Arcsinh": "arcsinh",
    "Arccosh": "arccosh", "Arctanh": "arctanh", "Expm1": "expm1", "Log1p": "log1p", "LogicalNot": "logical_not",
    "Round": "round",
}  # fmt: skip
_MATH_UNARY: Final = {"Erf": "erf", "Erfinv": "erfinv"}
_NN_FUNCTIONS: Final[Mapping[str, _Meaning]] = {
    "Relu": (a.Relu, {}),
    "Relu6": (a.Relu, {"max_value": 6.0}),
    "Sigmoid": (a.Sigmoid, {}),
    "Softplus": (a.Softplus, {}),
    "Softsign": (a.Softsign, {}),
    "Silu": (a.Swish, {}),
    "Selu": (a.Selu, {}),
    "HardSigmoid": (a.HardSigmoid, {"slope": 1 / 6, "offset": 0.5}),
    "HardSilu": (a.HardSwish, {}),
    "HardTanh": (a.Clip, {"low": -1.0, "high": 1.0}),
    "LogSigmoid": _unary("log_sigmoid"),
    "TanhShrink": _unary("tanh_shrink"),
    "SparsePlus": _unary("sparse_plus"),
    "SparseSigmoid": _unary("sparse_sigmoid"),
}

FUNCTION_ROWS = (
    *(_function(NUMPY, name, meaning) for name, meaning in _NUMPY_FUNCTIONS.items()),
    *(_function(NUMPY, name, _unary(function)) for name, function in _NUMPY_UNARY.items()),
    *(_function(MATH, name, _unary(function)) for name, function in _MATH_UNARY.items()),
    _function(MATH, "Rsqrt", (a.Power, {"power": -0.5})),
    *(_function(NN, name, meaning) for name, meaning in _NN_FUNCTIONS.items()),
    _function(CORE, "StopGradient", (a.Identity, {})),
    KerasRow(f"{NN}.Elu", a.Elu, links=(Link("alpha", "alpha", 1.0),)),
    KerasRow(f"{NN}.LeakyRelu", a.Relu, links=(Link("negative_slope", "negative_slope", 0.2),)),
    KerasRow(f"{NN}.Gelu", a.Gelu, links=(Link("approximate", "approximate", True),)),
    KerasRow(f"{NN}.Softmax", a.Softmax, links=(Link("axis", "axis", -1),)),
    KerasRow(f"{NN}.LogSoftmax", a.LogSoftmax, links=(Link("axis", "axis", -1),)),
    KerasRow(f"{NN}.Glu", a.Glu, links=(Link("axis", "axis", -1),)),
    KerasRow(f"{NN}.Sparsemax", a.Sparsemax, links=(Link("axis", "axis", -1),)),
    KerasRow(f"{NUMPY}.Clip", a.Clip, links=(required_link("low", "x_min"), required_link("high", "x_max"))),
    KerasRow(
        f"{CORE}.Cast",
        e.Cast,
        links=(required_link("dtype", "dtype", read_dtype, lambda value: DTYPE_NAMES[value]),),
    ),
)

_BINARY: Final[Mapping[str, type[Op]]] = {
    "Add": e.Add, "Subtract": e.Subtract, "Multiply": e.Multiply, "TrueDivide": e.Divide, "Divide": e.Divide,
    "Power": e.Pow, "Maximum": e.Maximum, "Minimum": e.Minimum,
}  # fmt: skip
_BINARY_FUNCTIONS: Final = {
    "FloorDivide": "floor_divide", "Mod": "mod", "Arctan2": "arctan2", "LogicalAnd": "logical_and",
    "LogicalOr": "logical_or", "LogicalXor": "logical_xor", "DivideNoNan": "divide_no_nan",
}  # fmt: skip
_COMPARISONS: Final = {
    "Greater": "greater", "GreaterEqual": "greater_equal", "Less": "less", "LessEqual": "less_equal", "Equal": "equal",
    "NotEqual": "not_equal",
}  # fmt: skip


def _pair(native: Native) -> bool:
    return _whole(native) and native.operands == 2


def _two(node: Node) -> Refusal | None:
    count = len(node.operands)
    return None if count == 2 else Refusal(f"Keras's operation combines two tensors, not {count}")


def _binary(class_name: str, op: type[Op], fields: Mapping[str, Any]) -> Row:
    return KerasRow(f"{NUMPY}.{class_name}", op, get=with_fields(fields), guard=_two, when=_pair)


BINARY_ROWS = (
    *(_binary(name, op, {}) for name, op in _BINARY.items()),
    *(
        _binary(name, e.BinaryFunction, {"function": function})
        for name, function in _BINARY_FUNCTIONS.items()
    ),
    *(_binary(name, e.Compare, {"relation": relation}) for name, relation in _COMPARISONS.items()),
    KerasRow(f"{NUMPY}.Where", e.Select, when=lambda native: _whole(native) and native.operands == 3),
)


def _filled(native: Native) -> bool:
    args = args_of(native)
    return args is not None and len(args) == 2 and is_operand(args[0]) and _is_number(args[1])


FILL_ROWS = (
    KerasRow(f"{NUMPY}.ZerosLike", FillLike, get=with_fields({"value": 0.0})),
    KerasRow(f"{NUMPY}.OnesLike", FillLike, get=with_fields({"value": 1.0})),
    KerasRow(
        f"{NUMPY}.FullLike",
        FillLike,
        reads=(CALL,),
        get=lambda native: {"value": _number(native, 1)},
        put=lambda node: _call_with(node.op.value, 1) if isinstance(node.op, FillLike) else {},
        when=_filled,
    ),
)

OPERATION_ROWS = (*FUNCTION_ROWS, *SCALAR_ROWS, *BINARY_ROWS, *FILL_ROWS)
