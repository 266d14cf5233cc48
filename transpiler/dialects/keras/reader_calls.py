"""What a layer was called on, from the `inbound_nodes` of every generation.

Keras 1 and 2: one list a call, of tensors `[layer, node_index, tensor_index]`, from Keras 2 on with the
call's other arguments as a fourth item, the same in every tensor. tf.keras: the same, but the list may be any
structure of tensors, a single tensor may stand alone (op layers), tensors also stand in the other arguments,
and `["_CONSTANT_VALUE", -1, value, kwargs]` stands for a constant. Keras 3: `{"args": [...], "kwargs":
{...}}` with tensors as `{"class_name": "__keras_tensor__", "config": {"shape", "dtype", "keras_history":
[layer, node_index, tensor_index]}}` and constants as they are, or wrapped: `__numpy__`, `__tensor__`,
`__slice__`, `__ellipsis__`.

The node indices found here are those of the file; `reader_indices` makes them count calls.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, TypeGuard

from transpiler.diagnostics import Sink, Span
from transpiler.dialects.keras.defaults import RECURRENT_CLASSES
from transpiler.dialects.keras.model import ArrayConstant, Call, TensorRef
from transpiler.dialects.keras.upgrade_operations import FUNCTION_LAYER_CLASSES
from transpiler.syntax.json import JsonValue, to_python

_CONSTANT: Final = "_CONSTANT_VALUE"
_TENSOR: Final = "__keras_tensor__"
_ARRAYS: Final = ("__numpy__", "__tensor__")
_SLICE_KEYS: Final = {"start", "stop", "step"}
_IMPLIED_WHEN_NULL: Final = ("mask", "training", "name")


class MalformedCall(Exception):
    """The text of a call cannot be understood; the message says why."""


def read_call(node: JsonValue, class_name: str, layers: Collection[str], sink: Sink) -> Call | None:
    """Return one call, or None after reporting what is wrong with it. `layers` are the names of the model's
    layers.
    """
    try:
        value = to_python(node)
        if isinstance(value, dict) and "args" in value:
            return _with_states_named(class_name, _keras3_call(value))
        return _with_states_named(class_name, _legacy_call(value, class_name, layers))
    except MalformedCall as complaint:
        sink.error("T2010", f"this call cannot be understood: {complaint}", node.span)
        return None


def read_coordinates(value: Any, span: Span | None, sink: Sink) -> Any:
    """Return `input_layers` or `output_layers` as a structure of TensorRefs; what is malformed is reported
    and left out.

    `[[layer, 0, 0], …]`, a lone `[layer, 0, 0]`, and any nesting of lists and dicts are understood.
    """
    if _is_coordinates(value):
        return TensorRef(value[0], value[1], value[2])
    if isinstance(value, dict):
        return {key: read_coordinates(item, span, sink) for key, item in value.items()}
    if isinstance(value, list):
        return [read_coordinates(item, span, sink) for item in value]
    sink.error("T2010", f"{value!r} does not name a tensor as [layer, node index, tensor index]", span)
    return []


def _is_coordinates(value: Any) -> TypeGuard[list[Any]]:
    return (
        isinstance(value, list)
        and len(value) == 3
        and isinstance(value[0], str)
        and all(isinstance(index, int) and not isinstance(index, bool) for index in value[1:])
    )


def _keras3_call(value: dict[str, Any]) -> Call:
    args, kwargs = value["args"], value.get("kwargs", {})
    if not isinstance(args, list) or not isinstance(kwargs, dict):
        raise MalformedCall('"args" must be an array and "kwargs" an object')
    kept = {key: _keras3_value(item) for key, item in _said(kwargs).items()}
    return Call(tuple(map(_keras3_value, args)), kept)


def _keras3_value(value: Any) -> Any:
    if isinstance(value, list):
        return [_keras3_value(item) for item in value]
    if not isinstance(value, dict):
        return value
    kind, config = value.get("class_name"), value.get("config")
    if kind == _TENSOR:
        return _keras3_tensor(config)
    if kind in _ARRAYS and isinstance(config, dict):
        return ArrayConstant(config.get("value"), str(config.get("dtype", "float32")))
    if kind == "__slice__" and isinstance(config, dict):
        return slice(*(_keras3_value(config.get(part)) for part in ("start", "stop", "step")))
    if kind == "__ellipsis__":
        return ...
    if isinstance(kind, str) and kind.startswith("__"):
        return value
    return {key: _keras3_value(item) for key, item in value.items()}


def _keras3_tensor(config: Any) -> TensorRef:
    history = config.get("keras_history") if isinstance(config, dict) else None
    if not _is_coordinates(history):
        raise MalformedCall("a tensor does not say which layer it comes from (keras_history)")
    shape, dtype = config.get("shape"), config.get("dtype")
    is_shape = isinstance(shape, list) and all(size is None or isinstance(size, int) for size in shape)
    layer, node_index, tensor_index = history
    return TensorRef(
        layer,
        node_index,
        tensor_index,
        shape=tuple(shape) if is_shape else None,
        dtype=dtype if isinstance(dtype, str) else None,
    )


def _legacy_call(value: Any, class_name: str, layers: Collection[str]) -> Call:
    if not isinstance(value, list | dict) or not value:
        raise MalformedCall("it must be an array of tensors [layer, node index, tensor index]")
    found: list[dict[str, Any]] = []
    inputs = _legacy_inputs(value, found)
    # A list of one tensor means that tensor, except for op layers: those keep the structure they were given.
    if isinstance(inputs, list) and len(inputs) == 1 and class_name not in FUNCTION_LAYER_CLASSES:
        inputs = inputs[0]
    kwargs = _said(found[0]) if found else {}
    return Call((inputs,), {key: _legacy_value(item, layers) for key, item in kwargs.items()})


def _said(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments without those whose null means what leaving them out means."""
    return {key: item for key, item in kwargs.items() if key not in _IMPLIED_WHEN_NULL or not _is_null(item)}


def _is_null(value: Any) -> bool:
    """Whether a value is null, or a list of nothing else (the masks that a Merge was called with)."""
    return all(map(_is_null, value)) if isinstance(value, list) else value is None


def _legacy_inputs(value: Any, found: list[dict[str, Any]]) -> Any:
    """Return the first argument of a call; the other arguments, written into each tensor, are put into
    `found`.
    """
    if isinstance(value, list) and value and isinstance(value[0], str):
        return _legacy_tensor(value, found)
    if isinstance(value, list):
        return [_legacy_inputs(item, found) for item in value]
    if isinstance(value, dict):
        return {key: _legacy_inputs(item, found) for key, item in value.items()}
    raise MalformedCall(f"{value!r} is not a tensor [layer, node index, tensor index]")


def _legacy_tensor(value: list[Any], found: list[dict[str, Any]]) -> Any:
    if len(value) not in (3, 4):
        raise MalformedCall(f"{value!r} is not a tensor [layer, node index, tensor index]")
    if len(value) == 4:
        if not isinstance(value[3], dict):
            raise MalformedCall("the fourth item of a tensor must be an object of arguments")
        found.append(value[3])
    if value[0] == _CONSTANT:
        return value[2]
    if not _is_coordinates(value[:3]):
        raise MalformedCall(f"the indices of {value[0]!r} must be whole numbers")
    return TensorRef(*value[:3])


def _legacy_value(value: Any, layers: Collection[str]) -> Any:
    """Return an argument of a call: `[name of a layer, 0, 0]` in it is a tensor."""
    if _is_coordinates(value) and value[0] in layers:
        return TensorRef(*value)
    if isinstance(value, list):
        return [_legacy_value(item, layers) for item in value]
    if isinstance(value, dict):
        if value.get("class_name") == "__ellipsis__":
            return ...
        if value.get("class_name") == "TensorShape" and isinstance(value.get("items"), list):
            return value["items"]
        if set(value) == _SLICE_KEYS:
            return slice(*(_legacy_value(value[part], layers) for part in ("start", "stop", "step")))
        return {key: _legacy_value(item, layers) for key, item in value.items()}
    return value


def _with_states_named(class_name: str, call: Call) -> Call:
    """Give a recurrent layer that was called on [x, state, …] its states by name, as Keras 3 wants them."""
    is_list = bool(call.args) and isinstance(call.args[0], list) and len(call.args[0]) > 0
    if class_name not in RECURRENT_CLASSES or not is_list:
        return call
    sequences, *states = call.args[0]
    kwargs = {**call.kwargs, "initial_state": states} if states else call.kwargs
    return Call((sequences, *call.args[1:]), kwargs)
