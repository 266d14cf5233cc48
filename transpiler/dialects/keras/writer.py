"""The structure of a model as the JSON of Keras 3: plain dicts, as `json.loads(model.to_json())` gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from transpiler.diagnostics import Span
from transpiler.diagnostics.compared import Compared
from transpiler.dialects.keras.defaults import MARKER_ARGUMENTS, is_keras3_layer
from transpiler.dialects.keras.model import Call, KerasLayer, KerasModel, ModelKind, TensorRef, map_structure
from transpiler.dialects.keras.upgrade_objects import HARD_SIGMOID_02, dtype_policy, hard_sigmoid_02_object
from transpiler.dialects.keras.writer_calls import keras3_call
from transpiler.dialects.keras.writer_names import with_keras3_names


class Loss(Compared, frozen=True, eq=False):
    """Something of a layer that the format written has no word for."""

    beside = frozenset({"span"})

    layer: str
    what: str
    span: Span | None = None


class Written(msgspec.Struct, frozen=True):
    """A document, and what of the model it does not say."""

    document: dict[str, Any]
    losses: tuple[Loss, ...] = ()
    model: KerasModel | None = None
    """The model with the names that the document gives its layers."""


def to_keras3(model: KerasModel) -> Written:
    """Return a model as Keras 3.15 writes it.

    Names are changed where Keras 3 does not accept them (`writer_names.keras3_names`).
    """
    writer = _Keras3Writer()
    model = with_keras3_names(model)
    document = writer.model(model)
    if model.compile_config:
        document["compile_config"] = dict(model.compile_config)
    return Written(document, tuple(writer.losses), model)


def is_plain_chain(model: KerasModel) -> bool:
    """Whether a model can be written as Sequential: layers, no operations, each called once on the one
    before.
    """
    if model.kind is not ModelKind.SEQUENTIAL:
        return False
    previous: list[TensorRef] = []
    for layer in model.layers:
        is_first_input = layer.class_name == "InputLayer" and not previous
        expected = () if is_first_input else (Call(tuple(previous)),)
        if layer.is_operation or layer.calls not in ((), expected):
            return False
        previous = [TensorRef(layer.name)]
    return True


class _Keras3Writer(msgspec.Struct):
    losses: list[Loss] = msgspec.field(default_factory=list)

    def model(self, model: KerasModel) -> dict[str, Any]:
        is_chain = is_plain_chain(model)
        config: dict[str, Any] = {"name": model.name, "trainable": True}
        config.update(
            {key: dtype_policy(value) if key == "dtype" else value for key, value in model.config.items()}
        )
        config["layers"] = [self._layer(layer, with_calls=not is_chain) for layer in model.layers]
        if is_chain:
            return _object("keras", "Sequential", None, config)
        functional = {layer.name for layer in model.layers if _is_functional(layer)}

        def coordinates(value: Any) -> Any:
            if not isinstance(value, TensorRef):
                return value
            # Keras 3 counts the calls of nested functional models from 1 here, and only here.
            return [value.layer, value.node_index + (value.layer in functional), value.tensor_index]

        config["input_layers"] = map_structure(coordinates, as_lists(model.input_structure))
        config["output_layers"] = map_structure(coordinates, as_lists(model.output_structure))
        config.pop("build_input_shape", None)
        return _object("keras.src.models.functional", "Functional", "Functional", config)

    def _layer(self, layer: KerasLayer, *, with_calls: bool) -> dict[str, Any]:
        if layer.model is not None:
            written = self.model(msgspec.structs.replace(layer.model, name=layer.name))
        else:
            module = layer.module or ("keras.layers" if is_keras3_layer(layer.class_name) else None)
            if module is None:
                self._lose(
                    layer,
                    f"Keras 3 has no layer {layer.class_name}; it must be registered by whoever loads this",
                )
            written = _object(module, layer.class_name, layer.registered_name, self._config(layer))
        if with_calls:
            written["name"] = layer.name
            written["inbound_nodes"] = [keras3_call(call) for call in layer.calls]
        return written

    def _config(self, layer: KerasLayer) -> dict[str, Any]:
        config: dict[str, Any] = {"name": layer.name}
        markers = MARKER_ARGUMENTS.get(layer.class_name, frozenset())
        for argument, value in layer.config.items():
            if argument in markers:
                self._lose(layer, f"Keras 3 cannot say {argument} = {value!r}")
            elif argument == "padding" and value in ("full", "half"):
                self._lose(layer, f"Keras 3 has no padding {value!r}")
                config[argument] = value
            else:
                config[argument] = _keras3_argument(layer, argument, value)
        put_inner(config, {key: self._layer(inner, with_calls=False) for key, inner in layer.inner.items()})
        if layer.class_name == "Lambda":
            self._lose(layer, "Keras 3 runs the code of a Lambda layer only if told that it is safe")
        return config

    def _lose(self, layer: KerasLayer, what: str) -> None:
        self.losses.append(Loss(layer.name, what, layer.span))


def _object(
    module: str | None, class_name: str, registered_name: str | None, config: dict[str, Any]
) -> dict[str, Any]:
    return {"module": module, "class_name": class_name, "config": config, "registered_name": registered_name}


def _keras3_argument(layer: KerasLayer, argument: str, value: Any) -> Any:
    if argument == "dtype" and layer.class_name != "InputLayer" and not layer.is_operation:
        return dtype_policy(value)
    if argument in ("activation", "recurrent_activation") and value == HARD_SIGMOID_02:
        return hard_sigmoid_02_object()
    return list(value) if isinstance(value, tuple) else value


def put_inner(config: dict[str, Any], inner: Mapping[str, dict[str, Any]]) -> None:
    """Put the layers inside a wrapper back into its config: "cells.0", "cells.1" become one list."""
    for key, written in inner.items():
        name, _, index = key.partition(".")
        if index:
            config.setdefault(name, []).append(written)
        else:
            config[name] = written


def _is_functional(layer: KerasLayer) -> bool:
    return layer.model is not None and not is_plain_chain(layer.model)


def as_lists(structure: Any) -> Any:
    """Return a structure with lists for tuples: JSON knows no others."""
    if isinstance(structure, list | tuple):
        return [as_lists(item) for item in structure]
    if isinstance(structure, dict):
        return {key: as_lists(item) for key, item in structure.items()}
    return structure
