"""Where each layer of a model goes in a weight file of Keras 3: the containers that Keras finds it in again."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from transpiler.weights.keras_tree import LayerTree
from transpiler.weights.keras_variables import ContainerNames


class Placed(msgspec.Struct, frozen=True, eq=False):
    """A layer, and the group that holds it."""

    layer: LayerTree
    group: str


def places(tree: LayerTree) -> dict[str, Placed]:
    """All layers and models of a model by path. Operations of `keras.ops` stand in no container."""
    return dict(_places(tree, "", ""))


def _places(tree: LayerTree, path: str, group: str) -> Iterator[tuple[str, Placed]]:
    names = ContainerNames()
    for layer in tree.layers or ():
        if not layer.class_name:
            continue
        here = f"{path}/{layer.name}" if path else layer.name
        container = f"{group}/layers" if group else "layers"
        inside = f"{container}/{names.next(layer.class_name)}"
        yield here, Placed(layer, inside)
        if layer.layers is not None:
            yield from _places(layer, here, f"{inside}/{layer.wraps}" if layer.wraps else inside)
