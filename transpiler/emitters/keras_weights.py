"""Which numbers go into which weights of a written Keras model."""

from __future__ import annotations

from collections.abc import Iterator

from transpiler.dialects.keras.model import KerasModel
from transpiler.weights.plan import LayerPlan


def weight_plan(model: KerasModel, path: str = "") -> Iterator[LayerPlan]:
    """The layers that have weights, in the order of the document; those of nested models at their place."""
    for layer in model.layers:
        name = f"{path}{layer.name}"
        if layer.arrays:
            yield LayerPlan(name, layer.class_name, layer.arrays)
        nested = layer.model or next((inner.model for inner in layer.inner.values() if inner.model), None)
        if nested is not None:
            yield from weight_plan(nested, f"{name}/")
