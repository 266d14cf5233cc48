"""Units as Keras layers: class, config, calls; units that share their parameters as one layer called several times."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from transpiler.dialects.keras.calls import call_of
from transpiler.dialects.keras.defaults import (
    is_keras2_layer,
    is_keras3_layer,
    keras2_arguments,
    keras3_arguments,
)
from transpiler.dialects.keras.model import ArrayConstant, Call, KerasLayer
from transpiler.dialects.keras.naming import APPLICATIONS_PACKAGE, OPERATIONS_PACKAGE, snake_case
from transpiler.dialects.keras.spelling import CALL, DTYPE_NAMES, SYNTHETIC
from transpiler.dialects.rows import ArrayUse, array_uses
from transpiler.emitters.keras_units import Unit
from transpiler.ir import ShapeError
from transpiler.ir.attributes import Attr, same
from transpiler.ir.types import DType
from transpiler.ops.core import Constant, Opaque

INNER: Final = ("layer", "backward_layer", "cell", "cells")
_REAL: Final = (DType.FLOAT16, DType.BFLOAT16, DType.FLOAT32, DType.FLOAT64)
_CALL_NUMBER: Final = re.compile(r"@\d+$")


def layer_name(name: str) -> str:
    """A node's name without the number of its call."""
    return _CALL_NUMBER.sub("", name)


def legal_name(name: str) -> str:
    """A name that Keras takes: TensorFlow makes scopes of them, so only letters, digits, `_`, `.` and `-` may occur."""
    made = re.sub(r"[^A-Za-z0-9_.\-]", "_", name)
    return (
        made
        if re.match(r"[A-Za-z0-9.]", made)
        else f"layer{made}"
        if made.startswith("_")
        else f"layer_{made}"
    )


class Names:
    """Unique names of the layers of one model."""

    def __init__(self) -> None:
        self.taken: set[str] = set()
        self.counts: dict[str, int] = {}
        """The last number given to each name."""

    def fresh(self, wanted: str) -> str:
        """The wanted name made legal, with a number behind it if it is taken, also in other letter case."""
        base = legal_name(wanted)
        name, key = base, base.lower()
        while name.lower() in self.taken:
            self.counts[key] = self.counts.get(key, 0) + 1
            name = f"{base}_{self.counts[key]}"
        self.taken.add(name.lower())
        return name


def shared(first: Unit, other: Unit) -> bool:
    """Whether two units are calls of one layer: alike but for the call, with the same parameters if there are any."""
    if first.native.type != other.native.type or not same(
        _config_without_call(first), _config_without_call(other)
    ):
        return False
    if not same(dict(first.node.native("keras")), dict(other.node.native("keras"))):
        return False
    if first.node.op.roles:
        return all(
            msgspec.structs.replace(first.node.param(role), role="")
            == msgspec.structs.replace(other.node.param(role), role="")
            for role in first.node.op.roles
        )
    return isinstance(first.node.op, Opaque) or first.node.origin == other.node.origin


def _config_without_call(unit: Unit) -> dict[str, Attr]:
    return {key: value for key, value in unit.native.config.items() if key not in SYNTHETIC}


def sharing_key(unit: Unit) -> object:
    """Units that may be calls of one layer have equal keys: the first parameter's array, or the layer's name."""
    roles = unit.node.op.roles
    return ("symbol", unit.node.param(roles[0]).symbol) if roles else ("name", layer_name(unit.name))


def layer_of(unit: Unit, name: str, calls: Sequence[Call]) -> KerasLayer:
    """A layer in Keras 3 spelling."""
    module, class_name = _class(unit)
    config, inner = _config(unit, class_name, name)
    return KerasLayer(
        class_name=class_name,
        name=name,
        config=config,
        calls=tuple(calls),
        inner=inner,
        module=module,
        registered_name=_registered(unit, class_name, module),
        original_class_name=unit.node.origin.type,
        span=unit.node.span,
        arrays=_arrays(unit),
    )


def _arrays(unit: Unit) -> tuple[ArrayUse, ...]:
    """What fills the layer's weights; nothing where a size is not known, and nobody can have numbers for it."""
    if unit.row is None or not unit.node.op.roles:
        return ()
    try:
        return array_uses(unit.node, unit.row.arrays(unit.node.op, unit.native.config))
    except (ShapeError, ValueError):
        return ()


def _class(unit: Unit) -> tuple[str | None, str]:
    """The module (None: Keras's layers) and the class."""
    op = unit.node.op
    if isinstance(op, Opaque) and op.type != "activation":
        module = op.attributes.get("module")
        return (module if isinstance(module, str) else None), op.type
    module, _, class_name = unit.native.type.rpartition(".")
    return (module or None), class_name


def _registered(unit: Unit, class_name: str, module: str | None) -> str | None:
    if isinstance(unit.node.op, Opaque):
        registered = unit.node.op.attributes.get("registered_name")
        return registered if isinstance(registered, str) else None
    return class_name if module is not None else None


def is_operation(unit: Unit) -> bool:
    """Whether a unit is written as a function of `keras.ops`."""
    module, _ = _class(unit)
    return module is not None and module.startswith(f"{OPERATIONS_PACKAGE}.")


def _config(unit: Unit, class_name: str, name: str) -> tuple[dict[str, Any], dict[str, KerasLayer]]:
    extras = dict(unit.node.native("keras"))
    extras.pop("implicit", None)
    insides: dict[str, Any] = {key: extras.pop(key) for key in INNER if key in extras}
    written: dict[str, Any] = {
        key: value for key, value in unit.native.config.items() if key not in SYNTHETIC
    }
    if isinstance(unit.node.op, Opaque):
        return written, _opaque_inner(unit.node.op)
    layers: dict[str, Any] = {
        key: written.pop(key) for key in INNER if key in written and isinstance(written[key], (Mapping, list))
    }
    own_class = unit.native.type.startswith(APPLICATIONS_PACKAGE)
    said = {key: value for key, value in extras.items() if own_class or _is_argument(class_name, key)}
    return {**written, **said}, _inner(layers, insides, name)


def _is_argument(class_name: str, key: str) -> bool:
    """Whether a kept field is an argument of the class that is now written."""
    if is_keras3_layer(class_name):
        return key in keras3_arguments(class_name)
    return is_keras2_layer(class_name) and key in keras2_arguments(class_name)


def _inner(layers: Mapping[str, Any], kept: Mapping[str, Any], outer: str) -> dict[str, KerasLayer]:
    found: dict[str, KerasLayer] = {}
    for key, value in layers.items():
        items = value if isinstance(value, list) else [value]
        extras = kept.get(key)
        extra_items = extras if isinstance(extras, list) else [extras]
        for i, item in enumerate(items):
            extra = extra_items[i] if i < len(extra_items) else None
            place = f"{key}.{i}" if isinstance(value, list) else key
            found[place] = _inner_layer(item, extra, f"{outer}_{snake_case(item['class_name'])}{i or ''}")
    return found


def _inner_layer(item: Mapping[str, Any], kept: Any, fallback: str) -> KerasLayer:
    class_name = str(item["class_name"])
    extras = dict(kept["config"]) if isinstance(kept, Mapping) else {}
    insides = {key: extras.pop(key) for key in INNER if key in extras}
    written: dict[str, Any] = {key: value for key, value in item["config"].items() if key not in SYNTHETIC}
    layers = {key: written.pop(key) for key in INNER if isinstance(written.get(key), (Mapping, list))}
    config = {**written, **{key: value for key, value in extras.items() if _is_argument(class_name, key)}}
    name = legal_name(str(kept["name"])) if isinstance(kept, Mapping) else fallback
    return KerasLayer(class_name, name, config, inner=_inner(layers, insides, name))


def _opaque_inner(op: Opaque) -> dict[str, KerasLayer]:
    """The inner layers of a wrapper that is not known, as they were."""
    inner: Any = op.attributes.get("inner", {})
    found: dict[str, KerasLayer] = {}
    for key, value in inner.items():
        for i, item in enumerate(value if isinstance(value, list) else [value]):
            place = f"{key}.{i}" if isinstance(value, list) else key
            found[place] = _as_was(item)
    return found


def _as_was(item: Mapping[str, Any]) -> KerasLayer:
    config = dict(item["config"])
    layers = {key: config.pop(key) for key in INNER if _holds_layers(config.get(key))}
    inner: dict[str, KerasLayer] = {}
    for key, value in layers.items():
        for i, part in enumerate(value if isinstance(value, list) else [value]):
            inner[f"{key}.{i}" if isinstance(value, list) else key] = _as_was(part)
    return KerasLayer(
        str(item["class_name"]),
        str(item["name"]),
        config,
        inner=inner,
        module=item.get("module"),
        registered_name=item.get("registered_name"),
    )


def _holds_layers(value: Any) -> bool:
    items = value if isinstance(value, list) else [value]
    return bool(items) and all(
        isinstance(item, Mapping) and {"class_name", "config", "name"} <= item.keys() for item in items
    )


def unit_call(unit: Unit, arguments: Sequence[Any]) -> Call:
    """The call of a unit on its operands as Keras knows them (tensors, or constants)."""
    pattern: Attr = unit.native.config.get(CALL)
    if isinstance(unit.node.op, Opaque):
        pattern = unit.node.op.attributes.get(CALL)
    return call_of(pattern, arguments, lambda argument: argument, is_operation=is_operation(unit))


def literal(op: Constant) -> Any:
    """Numbers as they stand in a call: a plain number, or an array."""
    values = [_number(value, op.dtype) for value in op.values]
    if op.shape == ():
        return values[0]
    count = 1
    for size in op.shape:
        count *= size
    flat: list[Any] = values * count if len(values) == 1 else values
    for size in reversed(op.shape[1:]):
        flat = [flat[i : i + size] for i in range(0, len(flat), size)] if size else []
    return ArrayConstant(flat, DTYPE_NAMES[op.dtype])


def _number(value: float, dtype: DType) -> float | int | bool:
    if dtype is DType.BOOL:
        return bool(value)
    return value if dtype in _REAL else int(value)
