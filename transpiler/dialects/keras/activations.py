"""Keras's activation functions by name, as ops."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from transpiler.dialects.keras.upgrade_objects import HARD_SIGMOID_02
from transpiler.ir import Op
from transpiler.ops import activation as a

ACTIVATIONS: Final[Mapping[str, tuple[type[Op], Mapping[str, Any]]]] = {
    "linear": (a.Identity, {}),
    "relu": (a.Relu, {}),
    "relu6": (a.Relu, {"max_value": 6.0}),
    "leaky_relu": (a.Relu, {"negative_slope": 0.2}),
    "elu": (a.Elu, {}),
    "selu": (a.Selu, {}),
    "celu": (a.Unary, {"function": "celu"}),
    "gelu": (a.Gelu, {}),
    "glu": (a.Glu, {}),
    "softplus": (a.Softplus, {}),
    "softsign": (a.Softsign, {}),
    "sigmoid": (a.Sigmoid, {}),
    "tanh": (a.Tanh, {}),
    "hard_sigmoid": (a.HardSigmoid, {"slope": 1 / 6, "offset": 0.5}),
    HARD_SIGMOID_02: (a.HardSigmoid, {"slope": 0.2, "offset": 0.5}),
    "silu": (a.Swish, {}),
    "hard_silu": (a.HardSwish, {}),
    "mish": (a.Mish, {}),
    "softmax": (a.Softmax, {}),
    "log_softmax": (a.LogSoftmax, {}),
    "exponential": (a.Exp, {}),
    "hard_tanh": (a.Clip, {"low": -1.0, "high": 1.0}),
    "hard_shrink": (a.Unary, {"function": "hard_shrink"}),
    "soft_shrink": (a.Unary, {"function": "soft_shrink"}),
    "tanh_shrink": (a.Unary, {"function": "tanh_shrink"}),
    "log_sigmoid": (a.Unary, {"function": "log_sigmoid"}),
    "sparse_plus": (a.Unary, {"function": "sparse_plus"}),
    "sparse_sigmoid": (a.Unary, {"function": "sparse_sigmoid"}),
    "squareplus": (a.Unary, {"function": "squareplus"}),
    "sparsemax": (a.Sparsemax, {}),
}
"""The name of each function without arguments, and what it computes: an op and its fields.

`threshold` cannot be used by name.
"""


_NAMES: Final = {
    kind: tuple(name for name, (other, _) in ACTIVATIONS.items() if other is kind)
    for kind in {kind: None for kind, _ in ACTIVATIONS.values()}
}


@cache
def named_activation(name: str) -> Op:
    """The op of a function in `ACTIVATIONS`."""
    kind, fields = ACTIVATIONS[name]
    return kind(**fields)


def read_activation(value: Any) -> Op:
    """The op of an activation argument; none means identity. Raises ValueError for what is not known by name."""
    if value is None:
        return a.Identity()
    if not isinstance(value, str) or value not in ACTIVATIONS:
        raise ValueError(f"{value!r} is no activation function of Keras")
    return named_activation(value)


def activation_name(op: Op) -> str | None:
    """The name of the function that computes exactly this op, or None."""
    return next((name for name in _NAMES.get(type(op), ()) if named_activation(name) == op), None)


def write_activation(op: Op) -> str:
    """As `activation_name`. Raises ValueError where there is none: rows refuse ops that do not read back."""
    name = activation_name(op)
    return name if name is not None else f"no function for {op.name}"
