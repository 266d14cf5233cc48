"""The op layers of tf.keras (TFOpLambda, SlicingOpLambda, TensorFlowOpLayer) into the operation nodes of
Keras 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from transpiler.dialects.keras.model import Call, KerasLayer, TensorRef
from transpiler.dialects.keras.naming import OPERATIONS_PACKAGE
from transpiler.dialects.keras.operations_convert import operation_from_function
from transpiler.dialects.keras.operations_special import FunctionCall, Operation
from transpiler.dialects.keras.upgrade_raw_ops import function_of_raw_op

FUNCTION_LAYER_CLASSES: Final = frozenset({"TFOpLambda", "SlicingOpLambda"})
RAW_OP_CLASS: Final = "TensorFlowOpLayer"

_SQUARED_DIFFERENCE: Final = "math.squared_difference"
"""Keras has no operation for it, and takes the difference and the square one after the other."""


def upgrade_operation(layer: KerasLayer) -> tuple[KerasLayer, ...]:
    """Return the operation nodes that an op layer stands for; the layer itself if Keras 3 has none for it."""
    if _is_squared_difference(layer):
        return _squared_difference(layer)
    operation = _operation_node(layer)
    return (operation,) if operation is not None else (layer,)


def _operation_node(layer: KerasLayer) -> KerasLayer | None:
    """Return the one node of a layer. All its calls must come to the same operation with the same config:
    a node has one config.
    """
    operations = [_operation(layer.class_name, layer.config, call) for call in layer.calls]
    first = operations[0] if operations else None
    if first is None:
        return None
    calls = []
    for operation in operations:
        if operation is None or (operation.class_name, operation.config) != (first.class_name, first.config):
            return None
        calls.append(operation.call)
    return msgspec.structs.replace(
        layer,
        class_name=first.class_name,
        module=f"{OPERATIONS_PACKAGE}.{first.module}",
        registered_name=first.class_name,
        config=first.config,
        calls=tuple(calls),
    )


def _is_squared_difference(layer: KerasLayer) -> bool:
    functions = [_function(layer.class_name, layer.config, call) for call in layer.calls]
    return bool(functions) and all(f is not None and f.function == _SQUARED_DIFFERENCE for f in functions)


def _squared_difference(layer: KerasLayer) -> tuple[KerasLayer, ...]:
    """Return a difference and its square; the square has the layer's name, so that its users find it."""
    node = layer.config.get("node_def")
    raw = {"node_def": {**node, "op": "Sub"}} if isinstance(node, dict) else {"function": "math.subtract"}
    difference = msgspec.structs.replace(
        layer, name=f"{layer.name}/difference", config={**layer.config, **raw}
    )
    first = _operation_node(difference)
    if first is None:
        return (layer,)
    square = msgspec.structs.replace(
        layer,
        class_name="Square",
        module=f"{OPERATIONS_PACKAGE}.numpy",
        registered_name="Square",
        config={},
        calls=tuple(Call((TensorRef(first.name, index),)) for index in range(len(layer.calls))),
    )
    return (first, square)


def _operation(class_name: str, config: Mapping[str, Any], call: Call) -> Operation | None:
    function = _function(class_name, config, call)
    return operation_from_function(function) if function is not None else None


def _function(class_name: str, config: Mapping[str, Any], call: Call) -> FunctionCall | None:
    if class_name == RAW_OP_CLASS:
        return function_of_raw_op(config, call.tensors)
    function = config.get("function")
    if not isinstance(function, str) or len(call.args) != 1:
        return None
    return FunctionCall(function, call.args[0], call.kwargs)


def without_unused_operations(layers: Sequence[KerasLayer], used: Sequence[str]) -> tuple[KerasLayer, ...]:
    """Drop op layers that nothing uses: what once computed a shape that is a constant now.

    `used` are the names of the layers that are outputs.
    """
    op_classes = FUNCTION_LAYER_CLASSES | {RAW_OP_CLASS}
    kept = list(layers)
    while True:
        needed = set(used) | {
            tensor.layer for layer in kept for call in layer.calls for tensor in call.tensors
        }
        remaining = [
            layer for layer in kept
            if layer.name in needed or not (layer.is_operation or layer.class_name in op_classes)
        ]  # fmt: skip
        if len(remaining) == len(kept):
            return tuple(kept)
        kept = remaining
