"""Nested models: where in them a node stands, and what values are called from inside and outside of them.

A graph is flat. Its `extras["keras"]` say which calls of nested models there were: `nested` holds for the scope of each
call (`outer`, `outer@1`) the path of the model (`outer`) and the values that went in and came out; `models`
describes each model. All paths are "" at the top.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import msgspec

from transpiler.ir import Graph, Node, Value


class Nesting(msgspec.Struct, frozen=True, eq=False, dict=True):
    """The nested models of one graph."""

    graph: Graph
    is_caffe: bool = False

    @cached_property
    def _calls(self) -> Mapping[str, Mapping[str, Any]]:
        return self._kept("nested")

    @cached_property
    def _models(self) -> Mapping[str, Mapping[str, Any]]:
        return self._kept("models")

    def _kept(self, key: str) -> Mapping[str, Mapping[str, Any]]:
        kept: Any = self.graph.extras.get("keras", {}).get(key, {})
        return kept if isinstance(kept, Mapping) else {}

    @cached_property
    def _values(self) -> dict[str, Value]:
        return {value.name: value for value in self.graph.values()}

    def path(self, node: Node) -> str:
        """The path of the innermost model that the node belongs to."""
        return str(self._calls[node.scope]["model"]) if node.scope in self._calls else ""

    def parent(self, path: str) -> str:
        """The path of the model around a nested one."""
        around = [other for other in self._models if path.startswith(f"{other}/")]
        return max(around, key=len, default="")

    def child(self, path: str, inside: str) -> str | None:
        """The path of the model directly in `path` that is `inside` or around it; None if there is none."""
        while inside and self.parent(inside) != path:
            inside = self.parent(inside)
        return inside or None

    def name(self, path: str) -> str:
        """The name of a nested model without the models around it."""
        return _within(self.parent(path), path)

    def kind(self, path: str) -> str:
        """The class of a nested model."""
        return str(self._models[path].get("kind", "Functional"))

    def own_name(self, node: Node) -> str:
        """The name of a node's layer without the models around it."""
        return _within(self.path(node), node.origin.layer)

    def is_frozen(self, node: Node) -> bool:
        """Whether the layer, or a model around it, says that training leaves it alone."""
        if any(
            kept.get("trainable") is False
            for kept in (node.native("keras"), self.graph.extras.get("keras", {}))
        ):
            return True
        path = self.path(node)
        while path:
            config: Any = self._models[path].get("config", {})
            if config.get("trainable") is False:
                return True
            path = self.parent(path)
        return False

    def operands(self, path: str) -> tuple[Value, ...]:
        """What all calls of a model take, call by call."""
        return tuple(self._listed(path, "operands"))

    def results(self, path: str) -> tuple[Value, ...]:
        """What all calls of a model give, call by call."""
        return tuple(self._listed(path, "results"))

    def _listed(self, path: str, key: str) -> Iterator[Value]:
        for call in self._calls.values():
            if call["model"] == path:
                yield from (self._values[name] for name in call[key] if name in self._values)

    def value_name(self, value: Value, path: str) -> str:
        """What a layer in the model at `path` calls a value: its blob, or the layer there that gives it."""
        if value.native is not None:
            return value.native
        producer = self.graph.producers[value]
        home = self.path(producer)
        while True:
            if home == path:
                return self.own_name(producer)
            nested = self.child(path, home)
            if nested is not None:
                return self.name(nested)
            if not path:
                return self.own_name(producer)
            entrance = self._entrance(value, path)
            if entrance is not None:
                return entrance
            path = self.parent(path)

    def _entrance(self, value: Value, path: str) -> str | None:
        """The input layer of a nested model through which a value comes in."""
        names = tuple(_leaves(self._models[path].get("inputs", ())))
        for call in self._calls.values():
            if call["model"] == path:
                for name, operand in zip(names, call["operands"], strict=False):
                    if operand == value.name:
                        return name
        return None


def _within(path: str, whole: str) -> str:
    return whole.removeprefix(f"{path}/") if path else whole


def _leaves(structure: Any) -> Iterator[str]:
    """The names in a structure of lists and dicts, those of a dict in the order of its sorted keys, as Keras has it."""
    if isinstance(structure, str):
        yield structure
    elif isinstance(structure, Mapping):
        for key in sorted(structure):
            yield from _leaves(structure[key])
    elif isinstance(structure, (list, tuple)):
        for item in structure:
            yield from _leaves(item)
