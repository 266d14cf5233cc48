"""Which output of which call of which layer the values of a graph are that was read from a Keras file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from transpiler.driver.nesting import Nesting
from transpiler.ir import Graph, Node, Value
from transpiler.ops.core import Input
from transpiler.verify.keras_runtime import LayerCall

Path = tuple[tuple[str, int], ...]
"""Calls of nested models, outermost first."""


def source_places(graph: Graph) -> dict[LayerCall, Value]:
    """Absent are values that no layer puts out: what a layer computes before its activation, what a wrapper hides."""
    scopes = _Scopes.of(graph)
    calls: dict[Path, list[Node]] = {}
    for node in graph.nodes:
        path = scopes.path(node.scope)
        if path is None or isinstance(node.op, Input):
            continue
        own = scopes.nesting.own_name(node)
        calls.setdefault((*path, (own, _call_number(_within(node.scope, node.name), own))), []).append(node)
    found: dict[LayerCall, Value] = {}
    for place, nodes in calls.items():
        found.update({LayerCall(place, i): value for i, value in enumerate(_outputs(nodes))})
    return {**found, **dict(scopes.wrapped())}


def _outputs(nodes: Sequence[Node]) -> tuple[Value, ...]:
    """What a call of a layer gives: the results of its own node, the first after the activation if there is one."""
    last = nodes[-1]
    if len(nodes) > 1 and last.name.endswith("/activation"):
        return (last.result, *nodes[-2].results[1:])
    return last.results


def _within(scope: str, name: str) -> str:
    return name.removeprefix(f"{scope}/") if scope else name


def _call_number(name: str, layer: str) -> int:
    """The number of a call from the name of a node: `LAYER@2`, `LAYER@2/activation`."""
    rest = name.removeprefix(layer).partition("/")[0]
    return int(rest[1:]) if rest.startswith("@") and rest[1:].isdigit() else 0


class _Scopes(msgspec.Struct, frozen=True, eq=False):
    """The calls of nested models in a graph, as lowering recorded them."""

    graph: Graph
    nesting: Nesting
    nested: Mapping[str, Mapping[str, Any]]
    models: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, graph: Graph) -> _Scopes:
        recorded: Mapping[str, Any] = graph.extras.get("keras", {})
        return cls(graph, Nesting(graph), recorded.get("nested", {}), recorded.get("models", {}))

    def path(self, scope: str) -> Path | None:
        """The calls that lead into a scope; None where a wrapper is among them, whose inside nobody sees."""
        if not scope:
            return ()
        if scope not in self.nested or self._is_wrapper(scope):
            return None
        return self.call(scope)

    def call(self, scope: str) -> Path | None:
        """The calls up to that which a scope is of."""
        around = max((other for other in self.nested if scope.startswith(f"{other}/")), key=len, default="")
        outer = self.path(around)
        name = self.nesting.name(self.nested[scope]["model"])
        return None if outer is None else (*outer, (name, _call_number(_within(around, scope), name)))

    def _is_wrapper(self, scope: str) -> bool:
        return "wrapper" in self.models.get(self.nested[scope]["model"], {})

    def wrapped(self) -> Iterator[tuple[LayerCall, Value]]:
        """What models inside wrappers give, which is what the wrappers give."""
        values = {value.name: value for value in self.graph.values()}
        for scope, record in self.nested.items():
            place = self.call(scope) if self._is_wrapper(scope) else None
            if place is not None:
                for i, name in enumerate(record["results"]):
                    yield LayerCall(place, i), values[name]
