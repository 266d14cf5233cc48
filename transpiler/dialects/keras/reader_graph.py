"""The Graph model of Keras 0: named nodes, each with the names of what it takes, merged if they are
several.
"""

from __future__ import annotations

from typing import Any, Final

from transpiler.dialects.keras.model import Call, KerasLayer, KerasModel, TensorRef
from transpiler.dialects.keras.reader_entry import Entry, ReadContext, member, read_entry
from transpiler.dialects.keras.reader_functional import assemble
from transpiler.dialects.keras.reader_layers import ReadLayer, SubmodelReader, read_layer
from transpiler.dialects.keras.upgrade_layer import LayerUpgrade
from transpiler.dialects.keras.upgrade_merge import upgrade_merge
from transpiler.syntax.json import JsonObject, to_python

_MERGE_ARGUMENTS: Final = ("concat_axis", "dot_axes")


def is_graph(config: JsonObject) -> bool:
    """Whether a config is that of a Keras 0 Graph."""
    return member(config, "node_config") is not None and member(config, "nodes") is not None


class _GraphReader:
    """Collects the layers of a graph; `tensors` are the values known by name so far."""

    def __init__(self, entry: Entry, context: ReadContext, read_submodel: SubmodelReader) -> None:
        self.entry = entry
        self.context = context
        self.read_submodel = read_submodel
        self.layers: list[KerasLayer] = []
        self.names: set[str] = set()
        self.tensors: dict[str, TensorRef] = {}

    def settings(self, key: str) -> list[dict[str, Any]]:
        """Return one of the graph's three lists of settings."""
        node = member(self.entry.config, key)
        value = to_python(node) if node is not None else []
        is_list = isinstance(value, list) and all(isinstance(item, dict) and "name" in item for item in value)
        if not is_list:
            self.context.sink.error(
                "T2003", f"{key} must be an array of named objects", node.span if node else None
            )
        return value if is_list else []

    def add_input(self, settings: dict[str, Any]) -> None:
        """Add an InputLayer."""
        shape = settings.get("batch_input_shape")
        if shape is None and isinstance(settings.get("input_shape"), list):
            shape = [None, *settings["input_shape"]]
        if shape is None:
            self.context.sink.error("T2008", f"the input '{settings['name']}' has no shape", self.entry.span)
        dtype = "int32" if str(settings.get("dtype", "float")).startswith("int") else "float32"
        config = {"batch_shape": shape, "dtype": dtype, "sparse": False}
        self._append(KerasLayer("InputLayer", settings["name"], config, span=self.entry.span))

    def add_node(self, settings: dict[str, Any]) -> None:
        """Add a layer, and a merge before it if it takes several values."""
        name = settings["name"]
        shared = settings.get("outputs") or (settings.get("layer") is not None and settings.get("merge_mode"))
        node = member(member(self.entry.config, "nodes"), name)
        layer_entry = read_entry(node, self.context.sink) if node is not None else None
        if layer_entry is None:
            self.context.sink.error("T2005", f"the graph has no node '{name}'", self.entry.span)
            return
        if shared:
            self._add_shared(settings, layer_entry)
            return
        read = read_layer(layer_entry, name, self.context, self.read_submodel)
        self._call(read, [self._source(settings, f"merge_inputs_for_{name}")])

    def _add_shared(self, settings: dict[str, Any], entry: Entry) -> None:
        """Add a layer that is called once on each input, and the merge or the names of the results."""
        name, outputs = settings["name"], settings.get("outputs") or []
        own_name = f"input_for_{name}" if settings.get("merge_mode") else name
        sources = [self._named(source) for source in settings.get("inputs", [])]
        self._call(read_layer(entry, own_name, self.context, self.read_submodel), sources)
        results = [TensorRef(own_name, index) for index in range(len(sources))]
        if settings.get("merge_mode"):
            self.tensors[name] = self._merge(name, results, settings)
        self.tensors.update(zip(outputs, results, strict=False))

    def output(self, settings: dict[str, Any]) -> TensorRef:
        """Return the tensor of an output; an output may merge several values itself."""
        return self._source(settings, settings["name"])

    def _source(self, settings: dict[str, Any], merge_name: str) -> TensorRef:
        inputs = settings.get("inputs")
        if isinstance(inputs, list) and inputs:
            return self._merge(merge_name, [self._named(source) for source in inputs], settings)
        return self._named(settings.get("input"))

    def _named(self, name: Any) -> TensorRef:
        if isinstance(name, str) and name in self.tensors:
            return self.tensors[name]
        return TensorRef(str(name))  # Reported as unknown when the model is assembled.

    def _merge(self, name: str, tensors: list[TensorRef], settings: dict[str, Any]) -> TensorRef:
        config = {"mode": settings.get("merge_mode") or "concat"}
        config.update({key: settings[key] for key in _MERGE_ARGUMENTS if key in settings})
        upgrade = LayerUpgrade("Merge", name, config, self.context.upgrade, span=self.entry.span)
        needs_axis = upgrade_merge(upgrade)
        layer = KerasLayer(
            upgrade.class_name, name, upgrade.config, span=self.entry.span, original_class_name="Merge"
        )
        for added in ReadLayer(layer, {}, needs_axis).with_calls([Call((tensors,))]):
            self._append(added)
        return TensorRef(name)

    def _call(self, read: ReadLayer, sources: list[TensorRef]) -> None:
        for layer in read.with_calls([Call((source,)) for source in sources]):
            self._append(layer)

    def _append(self, layer: KerasLayer) -> None:
        if layer.name in self.names:
            self.context.sink.error("T2004", f"two layers are named '{layer.name}'", layer.span)
        self.layers.append(layer)
        self.names.add(layer.name)
        self.tensors[layer.name] = TensorRef(layer.name)


def read_graph(entry: Entry, name: str, context: ReadContext, read_submodel: SubmodelReader) -> KerasModel:
    """Return the functional model that a Keras 0 Graph is; what is wrong with it is reported."""
    reader = _GraphReader(entry, context, read_submodel)
    for settings in reader.settings("input_config"):
        reader.add_input(settings)
    inputs = [TensorRef(layer.name) for layer in reader.layers]
    for settings in reader.settings("node_config"):
        reader.add_node(settings)
    outputs = [reader.output(settings) for settings in reader.settings("output_config")]
    return assemble(name, reader.layers, inputs, outputs, context, span=entry.span)
