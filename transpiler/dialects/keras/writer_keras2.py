"""The structure of a model as the JSON of Keras 2: plain dicts, as `json.loads(model.to_json())` gives them."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from transpiler.dialects.keras.downgrade import downgrade_layer
from transpiler.dialects.keras.model import KerasLayer, KerasModel, ModelKind, TensorRef, map_structure
from transpiler.dialects.keras.operations_convert import function_from_operation
from transpiler.dialects.keras.operations_special import SLICING_FUNCTION, FunctionCall
from transpiler.dialects.keras.upgrade_operations import FUNCTION_LAYER_CLASSES, RAW_OP_CLASS
from transpiler.dialects.keras.writer import Loss, Written, as_lists, is_plain_chain, put_inner
from transpiler.dialects.keras.writer_calls import keras2_arguments_of, keras2_call

KERAS2_VERSION: Final = "2.15.0"


def to_keras2(model: KerasModel) -> Written:
    """Return a model as Keras 2.15 writes it; tf-keras 2.21 loads it, and so do `keras` and `tf.keras` from
    2.4 on.
    """
    writer = _Keras2Writer()
    document = writer.model(model)
    return Written(
        {**document, "keras_version": KERAS2_VERSION, "backend": "tensorflow"}, tuple(writer.losses), model
    )


class _Keras2Writer(msgspec.Struct):
    losses: list[Loss] = msgspec.field(default_factory=list)

    def model(self, model: KerasModel) -> dict[str, Any]:
        if is_plain_chain(model):
            layers = [self._layer(layer) for layer in model.layers]
            config: dict[str, Any] = {"name": model.name, "layers": layers}
            shape = model.config.get("build_input_shape")
            if shape is not None:
                config["build_input_shape"] = shape
            return {"class_name": "Sequential", "config": config}
        bases = {layer.name: _first_index(layer) for layer in model.layers}

        def coordinates(tensor: TensorRef) -> list[Any]:
            return [tensor.layer, tensor.node_index + bases.get(tensor.layer, 0), tensor.tensor_index]

        def ends(structure: Any) -> Any:
            if isinstance(structure, TensorRef):
                return [coordinates(structure)]
            return map_structure(coordinates, as_lists(structure))

        written = [{**self._called_layer(layer, coordinates), "name": layer.name} for layer in model.layers]
        config = {
            "name": model.name,
            "trainable": model.config.get("trainable", True),
            "layers": written,
            "input_layers": ends(model.input_structure),
            "output_layers": ends(model.output_structure),
        }
        return {"class_name": "Functional", "config": config}

    def _called_layer(self, layer: KerasLayer, place: Any) -> dict[str, Any]:
        """Return a layer with its calls; an operation becomes a layer that calls a TensorFlow function."""
        if not layer.is_operation:
            is_op_layer = layer.class_name in FUNCTION_LAYER_CLASSES
            calls = [keras2_arguments_of(layer, call) for call in layer.calls]
            nodes = [keras2_call(call, place, is_op_layer=is_op_layer) for call in calls]
            return {**self._layer(layer), "inbound_nodes": nodes}
        functions = [function_from_operation(layer.class_name, layer.config, call) for call in layer.calls]
        known = [function for function in functions if function is not None]
        if not known or len(known) != len(functions):
            self._lose(
                layer, f"Keras 2 has no counterpart of the operation {layer.class_name} as it is used here"
            )
            known = [FunctionCall("", list(call.args), call.kwargs) for call in layer.calls]
            body = {"class_name": layer.class_name, "config": {"name": layer.name, **layer.config}}
        else:
            class_name = "SlicingOpLambda" if known[0].function == SLICING_FUNCTION else "TFOpLambda"
            config = {
                "name": layer.name,
                "trainable": True,
                "dtype": "float32",
                "function": known[0].function,
            }
            body = {"class_name": class_name, "config": config}
        return {**body, "inbound_nodes": [keras2_call(call, place, is_op_layer=True) for call in known]}

    def _layer(self, layer: KerasLayer) -> dict[str, Any]:
        if layer.model is not None:
            return self.model(msgspec.structs.replace(layer.model, name=layer.name))
        downgraded = downgrade_layer(layer.class_name, layer.config)
        for what in downgraded.losses:
            self._lose(layer, what)
        config: dict[str, Any] = {"name": layer.name, **downgraded.config}
        put_inner(config, {key: self._layer(inner) for key, inner in layer.inner.items()})
        if layer.class_name == RAW_OP_CLASS:
            config["name"] = layer.name.removeprefix("tf_op_layer_")
        return {"class_name": downgraded.class_name, "config": config}

    def _lose(self, layer: KerasLayer, what: str) -> None:
        self.losses.append(Loss(layer.name, what, layer.span))


def _first_index(layer: KerasLayer) -> int:
    """Return how tf.keras numbers a layer's first call: 1 for models that know their input, 0 for everything
    else.
    """
    if layer.model is None:
        return 0
    return int(bool(layer.model.inputs) or layer.model.kind is ModelKind.FUNCTIONAL)
