"""A Keras model as its weights see it: layers within models, in the order in which Keras has them once it has loaded.

That order decides where weights go: Keras 3 counts the classes of layers in it, and Keras 2 takes the arrays of `.h5`
files in it. It is not the order of the file: Keras sorts layers by their distance from the outputs, and those of one
distance as it meets them on the way back from the outputs (keras/src/ops/function.py and tf_keras/src/engine/
functional.py, `map_graph`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from transpiler.dialects.keras.inner import plain_layer
from transpiler.dialects.keras.model import KerasLayer, KerasModel
from transpiler.weights.unreadable import unmatched

_MAX_NESTING: Final = 40
_TENSOR: Final = "__keras_tensor__"


class LayerTree(msgspec.Struct, frozen=True, eq=False):
    """A layer, or a model with its layers. A wrapper around a model (TimeDistributed) has that model's layers.

    `wraps` tells the attribute of the wrapper that holds the model.
    """

    name: str
    class_name: str
    config: Mapping[str, Any]
    layers: tuple[LayerTree, ...] | None = None
    wraps: str | None = None
    shared: int | None = None
    """Keras 3's number of an object that the file describes several times."""

    @property
    def is_trained(self) -> bool:
        return bool(self.config.get("trainable", True))

    def below(self, path: str) -> LayerTree:
        """The layer of a path that `leaves` gave; this one itself for "". Raises KeyError."""
        return self if not path else dict(self.leaves())[path]

    def leaves(self, path: str = "") -> Iterator[tuple[str, LayerTree]]:
        """All layers that are no models, by path."""
        for layer in self.layers or ():
            here = f"{path}/{layer.name}" if path else layer.name
            if layer.layers is None:
                yield here, layer
            else:
                yield from layer.leaves(here)


def tree_of_document(document: Any) -> LayerTree:
    """The tree of a model's JSON as Keras 2 or Keras 3 writes it. Raises Unreadable for what is no such model."""
    found = _tree(document, 0)
    if found is None or found.layers is None:
        raise unmatched("the description of the model is not one that Keras 2 or Keras 3 writes")
    return found


def _tree(layer: Any, depth: int) -> LayerTree | None:
    if not isinstance(layer, Mapping) or not isinstance(layer.get("config"), Mapping):
        return None
    if depth > _MAX_NESTING:
        raise unmatched(f"models are nested more than {_MAX_NESTING} deep")
    config, class_name = layer["config"], str(layer.get("class_name"))
    name = str(layer.get("name") or config.get("name") or "")
    shared = layer.get("shared_object_id")
    shared = shared if isinstance(shared, int) else None
    if is_operation(layer):
        return LayerTree(name, "", {})
    if isinstance(config.get("layers"), list) and (
        class_name in _MODELS or "input_layers" in config or all(map(_is_layer, config["layers"]))
    ):
        inside = [inner for item in in_loaded_order(config) if (inner := _tree(item, depth + 1)) is not None]
        return LayerTree(name, class_name, config, tuple(inside), shared=shared)
    wrapped = _tree(config.get("layer"), depth + 1)
    if wrapped is not None and wrapped.layers is not None:
        return LayerTree(name, class_name, config, wrapped.layers, "layer", shared)
    return LayerTree(name, class_name, config, shared=shared)


_MODELS: Final = ("Functional", "Model", "Sequential")


def _is_layer(item: Any) -> bool:
    return isinstance(item, Mapping) and "class_name" in item and isinstance(item.get("config"), Mapping)


def is_operation(layer: Mapping[str, Any]) -> bool:
    """Whether this entry is a function of `keras.ops`, which stands in no list of layers."""
    return str(layer.get("module") or "").startswith("keras.src.ops.")


def in_loaded_order(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The layers of a model's config in the order in which Keras has them once it has loaded the model."""
    layers = [layer for layer in config["layers"] if _is_layer(layer)]
    outputs = config.get("output_layers")
    if "input_layers" not in config or outputs is None:
        return layers
    return _Network(layers).ordered(outputs)


Call = tuple[str, int]
"""A layer and the number of one of its calls."""


class _Network:
    """The calls of a functional model, and what each reads."""

    def __init__(self, layers: Sequence[Mapping[str, Any]]) -> None:
        self.layers = {str(layer.get("name")): layer for layer in layers}
        self.is_new = any(_is_new_call(node) for layer in layers for node in _nodes(layer))
        self.counts = {name: max(len(_nodes(layer)), 1) for name, layer in self.layers.items()}

    def ordered(self, outputs: Any) -> list[Mapping[str, Any]]:
        """All layers, by falling distance from the outputs; what no output needs comes last."""
        finished, met = self._walk(self._ends(outputs))
        depth_of_call: dict[Call, int] = {}
        depth_of_layer: dict[str, int] = {}
        for call in reversed(finished):
            depth = max(depth_of_call.get(call, 0), depth_of_layer.get(call[0], 0))
            depth_of_layer[call[0]] = depth_of_call[call] = depth
            for before in self._read_by(call):
                depth_of_call[before] = max(depth + 1, depth_of_call.get(before, 0))
        names = sorted(depth_of_layer, key=lambda name: (-depth_of_layer[name], met[name]))
        rest = [name for name in self.layers if name not in depth_of_layer]
        return [self.layers[name] for name in [*names, *rest]]

    def _walk(self, ends: Sequence[Call]) -> tuple[list[Call], dict[str, int]]:
        """Calls from inputs to outputs, and when each layer was first met on the way back."""
        finished: dict[Call, None] = {}
        met: dict[str, int] = {}
        for end in ends:
            pending = [(end, iter(self._read_by(end)))] if end not in finished else []
            met.setdefault(end[0], len(met))
            open_calls = {end}
            while pending:
                call, before = pending[-1]
                following = next(before, None)
                if following is None:
                    finished[call] = None
                    pending.pop()
                elif following not in finished and following not in open_calls:
                    met.setdefault(following[0], len(met))
                    open_calls.add(following)
                    pending.append((following, iter(self._read_by(following))))
        return list(finished), met

    def _read_by(self, call: Call) -> list[Call]:
        """The calls whose tensors a call reads, in the order of its arguments."""
        nodes = _nodes(self.layers[call[0]])
        if not call[1] < len(nodes):
            return []
        node = nodes[call[1]]
        found = _new_references(node) if _is_new_call(node) else _old_references(node, self.layers)
        return [known for name, number in found if (known := self._call(name, number)) is not None]

    def _call(self, name: str, number: int, *, is_end: bool = False) -> Call | None:
        """A call as the file numbers it: models count theirs from 1 in Keras 2, and at the ends of Keras 3's models."""
        layer = self.layers.get(name)
        if layer is None:
            return None
        first = int(self._begins_with_one(layer) and (is_end or not self.is_new))
        for call in (number - first, number):
            if 0 <= call < self.counts[name]:
                return name, call
        return name, 0

    def _begins_with_one(self, layer: Mapping[str, Any]) -> bool:
        inside = layer["config"].get("layers")
        if not isinstance(inside, list) or not inside:
            return False
        if "input_layers" in layer["config"]:
            return True
        return not self.is_new and _is_layer(inside[0]) and inside[0]["class_name"] == "InputLayer"

    def _ends(self, structure: Any) -> list[Call]:
        found = [self._call(name, number, is_end=True) for name, number in _coordinates(structure)]
        return [call for call in found if call is not None]


def _nodes(layer: Mapping[str, Any]) -> Sequence[Any]:
    """The calls of a layer as written."""
    nodes = layer.get("inbound_nodes")
    return nodes if isinstance(nodes, list) else ()


def _is_new_call(node: Any) -> bool:
    """Whether a call is written as Keras 3 does."""
    return isinstance(node, Mapping) and {"args", "kwargs"} <= node.keys()


def _coordinates(structure: Any) -> Iterator[tuple[str, int]]:
    """The tensors [layer, call, tensor] of a structure, dicts in the order of their sorted keys."""
    if isinstance(structure, Mapping):
        for key in sorted(structure, key=str):
            yield from _coordinates(structure[key])
    elif isinstance(structure, list):
        if len(structure) >= 3 and isinstance(structure[0], str) and isinstance(structure[1], int):
            yield structure[0], structure[1]
        else:
            for item in structure:
                yield from _coordinates(item)


def _new_references(value: Any) -> Iterator[tuple[str, int]]:
    """The tensors in a call as Keras 3 writes it: positional arguments first, the others by sorted names."""
    if isinstance(value, Mapping):
        inside = value.get("config")
        if value.get("class_name") == _TENSOR and isinstance(inside, Mapping):
            yield from _coordinates(inside.get("keras_history"))
            return
        for key in sorted(value, key=str):
            yield from _new_references(value[key])
    elif isinstance(value, list):
        for item in value:
            yield from _new_references(item)


def _old_references(node: Any, layers: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """The tensors in a call as Keras 2 writes it: [layer, call, tensor, further arguments], or a structure of such.

    Those of the further arguments come after all others, as in the Python call.
    """
    further: list[Any] = []
    yield from _positional(node, layers, further)
    for arguments in further:
        yield from _old_references(arguments, layers)


def _positional(node: Any, layers: Mapping[str, Any], further: list[Any]) -> Iterator[tuple[str, int]]:
    if isinstance(node, Mapping):
        for key in sorted(node, key=str):
            yield from _positional(node[key], layers, further)
    elif isinstance(node, list):
        if len(node) >= 3 and isinstance(node[0], str) and node[0] in layers and type(node[1]) is int:
            yield node[0], node[1]
            further += node[3:]
            return
        for item in node:
            yield from _positional(item, layers, further)


def tree_of_model(model: KerasModel) -> LayerTree:
    """The tree of a model of any generation, in the words of Keras 3 and in the order of the file."""
    return _tree_of_model(model.name, "Functional", model, {})


def _tree_of_model(name: str, class_name: str, model: KerasModel, config: Mapping[str, Any]) -> LayerTree:
    layers = tuple(_tree_of_layer(layer) for layer in model.layers if not layer.is_operation)
    return LayerTree(name, class_name, {**model.config, **config}, layers)


def _tree_of_layer(layer: KerasLayer) -> LayerTree:
    if layer.model is not None:
        return _tree_of_model(layer.name, layer.class_name, layer.model, layer.config)
    inner = layer.inner.get("layer")
    if inner is not None and inner.model is not None:
        inside = _tree_of_model(inner.name, inner.class_name, inner.model, inner.config)
        return msgspec.structs.replace(inside, name=layer.name, class_name=layer.class_name, wraps="layer")
    return LayerTree(layer.name, layer.class_name, {**layer.config, **plain_layer(layer)})
