"""The layers inside wrappers as plain data, as rows and extras hold them, and as ops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from transpiler.dialects.keras.model import KerasLayer
from transpiler.dialects.rows import Array, FieldError, Native, Refusal
from transpiler.ir import Node, Op, Origin, TensorType, Value
from transpiler.ir.attributes import Attr


def plain_layer(layer: KerasLayer) -> dict[str, Attr]:
    """A layer's inner layers by key, `cells.0`, `cells.1` … as one list."""
    found: dict[str, Any] = {}
    for key, inner in layer.inner.items():
        name, _, number = key.partition(".")
        if number:
            found.setdefault(name, []).append(_plain(inner))
        else:
            found[name] = _plain(inner)
    return found


def _plain(layer: KerasLayer) -> dict[str, Attr]:
    made: dict[str, Attr] = {
        "class_name": layer.class_name,
        "name": layer.name,
        "config": {**layer.config, **plain_layer(layer)},
    }
    if layer.module is not None:
        made["module"] = layer.module
    if layer.registered_name is not None:
        made["registered_name"] = layer.registered_name
    if layer.model is not None:
        made["model"] = True
    return made


def read_inner(value: Any, field: str) -> Op:
    """The op of an inner layer. Raises FieldError for one that is not understood."""
    from transpiler.dialects.keras.dialect import KERAS3

    if not isinstance(value, Mapping) or "class_name" not in value:
        raise FieldError(field, "the layer inside is missing")
    native = Native(str(value["class_name"]), value["config"])
    row = KERAS3.reader(native)
    if row is None:
        raise FieldError(field, f"{native.type} inside another layer is not understood")
    return row.read(native)


def write_inner(op: Op, operands: tuple[TensorType, ...] = ()) -> dict[str, Attr] | Refusal:
    """An op as an inner layer, without a name, or why it has no spelling."""
    from transpiler.dialects.keras.dialect import KERAS3

    values = tuple(Value(f"x{i}", type_) for i, type_ in enumerate(operands or (TensorType(),)))
    results = tuple(Value(f"y{i}") for i in range(op.result_count))
    spelled = KERAS3.spell(Node("inner", op, values, results, Origin("inner", op.name)))
    if isinstance(spelled, Refusal):
        return spelled
    _, native = spelled
    return {"class_name": native.type, "config": dict(native.config)}


def inner_arrays(op: Op, prefix: str = "") -> tuple[Array, ...]:
    """The learned arrays of an inner op in Keras's order, their roles behind a prefix."""
    from transpiler.dialects.keras.dialect import KERAS3

    made = write_inner(op)
    row = None if isinstance(made, Refusal) else KERAS3.reader(Native(str(made["class_name"]), _config(made)))
    arrays = tuple(Array(role) for role in op.roles) if row is None else row.arrays(op, {})
    return tuple(msgspec.structs.replace(array, role=prefix + array.role) for array in arrays)


def _config(made: Mapping[str, Any]) -> Mapping[str, Attr]:
    config: Mapping[str, Attr] = made["config"]
    return config
