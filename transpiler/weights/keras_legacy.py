"""How Keras 1 and 2 list the arrays of a layer in `.h5` files: those that are trained first, then the others.

Models within models have one list for all of their layers.
"""

from __future__ import annotations

import msgspec

from transpiler.weights.keras_tree import LayerTree
from transpiler.weights.keras_variables import Variable, variables


class Slot(msgspec.Struct, frozen=True):
    """One place of such a list: an array of a layer. `path`: that of the layer below the one whose list it is."""

    path: str
    variable: Variable
    number: int
    """Which of its layer's arrays it is in today's order."""


def slots(layer: LayerTree) -> list[Slot] | None:
    """The list of a layer or model. None if it has layers of which nobody knows what arrays they have."""
    found = _sorted(layer, "")
    return None if found is None else found[0] + found[1]


def _sorted(layer: LayerTree, path: str) -> tuple[list[Slot], list[Slot]] | None:
    if layer.layers is None:
        return _of_leaf(layer, path)
    trained: list[Slot] = []
    frozen: list[Slot] = []
    for inner in layer.layers:
        found = _sorted(inner, f"{path}/{inner.name}" if path else inner.name)
        if found is None:
            return None
        trained += found[0]
        frozen += found[1]
    return (trained, frozen) if layer.is_trained else ([], trained + frozen)


def _of_leaf(layer: LayerTree, path: str) -> tuple[list[Slot], list[Slot]] | None:
    if not layer.class_name or layer.class_name == "InputLayer":
        return [], []
    known = variables(layer.class_name, layer.config)
    if known is None:
        return None
    found = [Slot(path, variable, number) for number, variable in enumerate(known)]
    trained = [slot for slot in found if slot.variable.is_trained]
    frozen = [slot for slot in found if not slot.variable.is_trained]
    return (trained, frozen) if layer.is_trained else ([], trained + frozen)
