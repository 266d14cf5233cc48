"""The entries of a model's list of layers: what every generation has in common, before any of it is
interpreted.
"""

from __future__ import annotations

from typing import Any

import msgspec

from transpiler.diagnostics import Sink, Span
from transpiler.dialects.keras.model import Generation
from transpiler.dialects.keras.upgrade_layer import UpgradeContext
from transpiler.syntax.json import JsonArray, JsonObject, JsonScalar, JsonValue, to_python

MAX_NESTING = 40
"""Models nested in models deeper than this are refused: nobody builds them, and Python's stack is finite."""


class ReadContext(msgspec.Struct):
    """What is the same for the whole file, and how deep in it the reader is."""

    upgrade: UpgradeContext
    depth: int = 0

    @property
    def sink(self) -> Sink:
        """Where complaints go."""
        return self.upgrade.sink

    @property
    def generation(self) -> Generation:
        """Which Keras wrote the file."""
        return self.upgrade.generation


class Entry(msgspec.Struct, frozen=True):
    """One layer as written: a class, a config (an object, or the bare list of an old Sequential model), a
    name.
    """

    class_name: str
    config: JsonObject | JsonArray
    node: JsonObject
    name: str | None = None
    inbound: JsonArray | None = None
    module: str | None = None
    registered_name: str | None = None

    @property
    def span(self) -> Span | None:
        """Where the layer is written."""
        return self.node.span

    @property
    def arguments(self) -> dict[str, Any]:
        """The config as plain Python, without the name; empty for the bare list of a Sequential model."""
        if not isinstance(self.config, JsonObject):
            return {}
        arguments: dict[str, Any] = to_python(self.config)
        if self.config is self.node:  # Keras 0: the entry is its own config, and `name` is its class.
            arguments.pop("custom_name", None)
        arguments.pop("name", None)
        return arguments


def member(node: JsonValue | None, key: str) -> JsonValue | None:
    """Return the value of a key, or None if there is none or the node is no object."""
    if not isinstance(node, JsonObject):
        return None
    found = node.last(key)
    return found.value if found is not None else None


def text_of(node: JsonValue | None) -> str | None:
    """Return a string's value, or None for anything else."""
    return node.value if isinstance(node, JsonScalar) and isinstance(node.value, str) else None


def kind_of(node: JsonValue) -> str:
    """Return what a value is, for a message."""
    if isinstance(node, JsonObject):
        return "an object"
    if isinstance(node, JsonArray):
        return "an array"
    if node.value is None:
        return "null"
    return (
        "a string"
        if isinstance(node.value, str)
        else "a boolean"
        if isinstance(node.value, bool)
        else "a number"
    )


def read_entry(node: JsonValue, sink: Sink) -> Entry | None:
    """Return a layer's entry, or None after reporting what is wrong with it."""
    if not isinstance(node, JsonObject):
        sink.error("T2003", f"a layer must be an object, but this is {kind_of(node)}", node.span)
        return None
    class_node = member(node, "class_name")
    if class_node is None:
        return _keras0_entry(node, sink)
    class_name = text_of(class_node)
    if class_name is None:
        sink.error(
            "T2003", f"class_name must be a string, but this is {kind_of(class_node)}", class_node.span
        )
        return None
    config = member(node, "config")
    if config is None:
        sink.error(
            "T2002", f"layer of class '{class_name}' has no config", node.span,
            help="every layer needs a \"config\" object with its arguments",
        )  # fmt: skip
        return None
    if not isinstance(config, JsonObject | JsonArray):
        sink.error("T2003", f"config must be an object, but this is {kind_of(config)}", config.span)
        return None
    return Entry(
        class_name=class_name,
        config=config,
        node=node,
        name=_name_of(node, config, sink),
        inbound=_inbound_of(node, sink),
        module=text_of(member(node, "module")),
        registered_name=text_of(member(node, "registered_name")),
    )


def _keras0_entry(node: JsonObject, sink: Sink) -> Entry | None:
    """Read `{"name": "Dense", "output_dim": 3, "custom_name": "fc"}`: Keras 0 wrote the class as the name."""
    class_name = text_of(member(node, "name"))
    if class_name is None:
        sink.error("T2002", "a layer has no class_name", node.span, help='every layer needs a "class_name"')
        return None
    return Entry(class_name=class_name, config=node, node=node, name=text_of(member(node, "custom_name")))


def _name_of(node: JsonObject, config: JsonValue, sink: Sink) -> str | None:
    name = member(node, "name")
    if name is None:
        name = member(config, "name")
    if name is None or (isinstance(name, JsonScalar) and name.value is None):
        return None
    if text_of(name) is None:
        sink.error("T2003", f"a layer's name must be a string, but this is {kind_of(name)}", name.span)
    return text_of(name)


def _inbound_of(node: JsonObject, sink: Sink) -> JsonArray | None:
    inbound = member(node, "inbound_nodes")
    if inbound is None or isinstance(inbound, JsonArray):
        return inbound
    sink.error("T2003", f"inbound_nodes must be an array, but this is {kind_of(inbound)}", inbound.span)
    return None
