"""Fields whose value is itself an op: the activations inside recurrent gates, the layers inside wrappers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transpiler.ir.op import REQUIRED, Op
from transpiler.ops import fields as f


def to_op(value: Any) -> Op:
    """An op, or its text form: a mapping with the op's name under `op` and its fields. Raises ValueError."""
    if isinstance(value, Op):
        return value
    if not isinstance(value, Mapping) or "op" not in value:
        raise ValueError(f"{value!r} is no op")
    from transpiler.ops.registry import OPS

    kind = OPS.get(str(value["op"]))
    if kind is None:
        raise ValueError(f"there is no op named {value['op']}")
    try:
        return kind(**{key: item for key, item in value.items() if key != "op"})
    except TypeError as error:
        raise ValueError(f"{value['op']}: {error}") from error


def operation(help: str, default: Any = REQUIRED) -> Any:
    """An op."""
    return f.anything(help, to_op, "op", default)


def operations(help: str, default: Any = REQUIRED) -> Any:
    """A tuple of ops."""
    return f.anything(help, lambda value: tuple(to_op(item) for item in value), "list of ops", default)
