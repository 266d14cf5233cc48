"""What a model is given before Keras 3 writes it: names that Keras 3 accepts."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from transpiler.dialects.keras.model import Call, KerasLayer, KerasModel, TensorRef, map_structure
from transpiler.dialects.keras.naming import unique_name

_FORBIDDEN: Final = "/"


def keras3_names(model: KerasModel) -> dict[str, str]:
    """Return the names that Keras 3 gives the layers of a model: it allows no "/" in a name."""
    kept = {layer.name for layer in model.layers if _FORBIDDEN not in layer.name}
    names = {}
    for layer in model.layers:
        name = layer.name
        if _FORBIDDEN in name:
            name = unique_name(name.replace(_FORBIDDEN, "_"), kept)
            kept.add(name)
        names[layer.name] = name
    return names


def with_keras3_names(model: KerasModel) -> KerasModel:
    """Return the model, and the models in it, with names that Keras 3 accepts; the same object if they all were."""
    names = keras3_names(model)
    nested = {layer.name: with_keras3_names(layer.model) for layer in model.layers if layer.model is not None}
    is_same = all(old == new for old, new in names.items()) and _FORBIDDEN not in model.name
    is_same = is_same and not any(layer.inner for layer in model.layers)
    if is_same and all(
        nested[layer.name] is layer.model for layer in model.layers if layer.model is not None
    ):
        return model

    def renamed(value: Any) -> Any:
        return (
            msgspec.structs.replace(value, layer=names.get(value.layer, value.layer))
            if _is_tensor(value)
            else value
        )

    layers = tuple(
        msgspec.structs.replace(
            _mapped(layer, renamed), name=names[layer.name], model=nested.get(layer.name), inner=inner
        )
        for layer in model.layers
        for inner in ({key: _inner_renamed(inner) for key, inner in layer.inner.items()},)
    )
    return msgspec.structs.replace(
        model,
        name=model.name.replace(_FORBIDDEN, "_"),
        layers=layers,
        input_structure=map_structure(renamed, model.input_structure),
        output_structure=map_structure(renamed, model.output_structure),
    )


def _inner_renamed(layer: KerasLayer) -> KerasLayer:
    """Return a layer inside a wrapper with a name that Keras 3 accepts; nothing refers to it."""
    model = with_keras3_names(layer.model) if layer.model is not None else None
    inner = {key: _inner_renamed(inner) for key, inner in layer.inner.items()}
    return msgspec.structs.replace(layer, name=layer.name.replace(_FORBIDDEN, "_"), model=model, inner=inner)


def _is_tensor(value: Any) -> bool:
    return isinstance(value, TensorRef)


def _mapped(layer: KerasLayer, function: Any) -> KerasLayer:
    calls = tuple(
        Call(map_structure(function, call.args), map_structure(function, dict(call.kwargs)))
        for call in layer.calls
    )
    return msgspec.structs.replace(layer, calls=calls)
