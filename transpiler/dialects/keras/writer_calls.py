"""Calls as `inbound_nodes`: Keras 3's `{"args", "kwargs"}`, and tf.keras's lists of tensors with the other
arguments in them.

`reader_calls` describes both forms.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from transpiler.dialects.keras.defaults import RECURRENT_CLASSES, call_parameters
from transpiler.dialects.keras.model import ArrayConstant, Call, KerasLayer, TensorRef

if TYPE_CHECKING:
    from transpiler.dialects.keras.operations_special import FunctionCall

_CONSTANT: Final = "_CONSTANT_VALUE"


def keras3_call(call: Call) -> dict[str, Any]:
    """Return a call in Keras 3's form. Keras ignores the shapes written with tensors, but insists on one: []
    if unknown.
    """
    return {
        "args": [_keras3_value(value) for value in call.args],
        "kwargs": {key: _keras3_value(value) for key, value in call.kwargs.items()},
    }


def _keras3_value(value: Any) -> Any:
    if isinstance(value, TensorRef):
        shape, dtype = value.shape or (), value.dtype or "float32"
        history = [value.layer, value.node_index, value.tensor_index]
        return {
            "class_name": "__keras_tensor__",
            "config": {"shape": list(shape), "dtype": dtype, "keras_history": history},
        }
    if isinstance(value, ArrayConstant):
        return {"class_name": "__numpy__", "config": {"value": value.value, "dtype": value.dtype}}
    if isinstance(value, slice):
        parts = {"start": value.start, "stop": value.stop, "step": value.step}
        return {
            "class_name": "__slice__",
            "config": {key: _keras3_value(part) for key, part in parts.items()},
        }
    if value is ...:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(value, list | tuple):
        return [_keras3_value(item) for item in value]
    if isinstance(value, dict):
        return {key: _keras3_value(item) for key, item in value.items()}
    return value


def keras2_arguments_of(layer: KerasLayer, call: Call) -> FunctionCall:
    """Return the first argument of a layer's call and all others by name, as tf.keras writes them.

    Arguments that are None are left out: that is what leaving them out means.
    """
    parameters = call_parameters(layer.class_name)
    named = dict(zip(parameters, call.args, strict=False))
    named.update({key: value for key, value in call.kwargs.items() if value is not None})
    first = named.pop(parameters[0], None)
    if layer.class_name in RECURRENT_CLASSES and "initial_state" in named:
        states = named.pop("initial_state")
        first = [first, *(states if isinstance(states, list | tuple) else [states])]
    from transpiler.dialects.keras.operations_special import FunctionCall

    return FunctionCall("", first, {key: value for key, value in named.items() if value is not None})


def keras2_call(call: FunctionCall, place: Callable[[TensorRef], list[Any]], *, is_op_layer: bool) -> Any:
    """Return a call in tf.keras's form; `place` gives a tensor's coordinates.

    Every tensor of the first argument carries all other arguments. A single tensor stands in a list of one,
    except in op layers.
    """
    kwargs = {key: _keras2_value(value, place) for key, value in call.kwargs.items()}

    def tensor(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [tensor(item) for item in value]
        if isinstance(value, dict):
            return {key: tensor(item) for key, item in value.items()}
        if isinstance(value, TensorRef):
            return [*place(value), dict(kwargs)]
        return [_CONSTANT, -1, _keras2_value(value, place), dict(kwargs)]

    first = tensor(call.first)
    return first if is_op_layer or isinstance(call.first, list | tuple | dict) else [first]


def _keras2_value(value: Any, place: Callable[[TensorRef], list[Any]]) -> Any:
    if isinstance(value, TensorRef):
        return place(value)
    if isinstance(value, ArrayConstant):
        return value.value
    if isinstance(value, slice):
        parts = {"start": value.start, "stop": value.stop, "step": value.step}
        return {key: _keras2_value(part, place) for key, part in parts.items()}
    if value is ...:
        return {"class_name": "__ellipsis__"}
    if isinstance(value, list | tuple):
        return [_keras2_value(item, place) for item in value]
    if isinstance(value, dict):
        return {key: _keras2_value(item, place) for key, item in value.items()}
    return value
