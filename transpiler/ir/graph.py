"""Values, nodes, graphs, modules: frozen, single assignment, compared by identity.

Structural equality (the law of round trips) is `transpiler.ir.equality`, not `==`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import msgspec

from transpiler.diagnostics import Span
from transpiler.diagnostics.compared import Compared
from transpiler.ir.arrays import LazyArray
from transpiler.ir.attributes import NO_EXTRAS, Attr, Extras
from transpiler.ir.op import Op
from transpiler.ir.parameters import ParamUse
from transpiler.ir.types import UNKNOWN, TensorType


class Value(msgspec.Struct, frozen=True, eq=False):
    """One tensor, produced once. `native` is the name that the source file gives it (a Caffe blob, say)."""

    name: str
    type: TensorType = UNKNOWN
    native: str | None = None

    def typed(self, type: TensorType) -> Value:
        """A value of that type with the same names; the value itself if it has the type already."""
        return self if self.type is type or self.type == type else Value(self.name, type, self.native)


class Origin(Compared, frozen=True, eq=False):
    """The source layer a node comes from; several nodes may share one (a layer with a fused activation)."""

    beside = frozenset({"span"})

    layer: str
    type: str
    span: Span | None = None


class Node(msgspec.Struct, frozen=True, eq=False, weakref=True):
    """One application of an op. `scope` is the path of enclosing nested models, "" at the top."""

    name: str
    op: Op
    operands: tuple[Value, ...]
    results: tuple[Value, ...]
    origin: Origin
    params: tuple[ParamUse, ...] = ()
    scope: str = ""
    extras: Extras = NO_EXTRAS

    @property
    def span(self) -> Span | None:
        return self.origin.span

    @property
    def result(self) -> Value:
        """The only result. Raises ValueError for a node with several."""
        (value,) = self.results
        return value

    def evolve(self, **changes: Any) -> Node:
        """The same node with some fields changed."""
        return msgspec.structs.replace(self, **changes)

    def param(self, role: str) -> ParamUse:
        """The use that fills `role`: as recorded, or the node's own array."""
        for use in self.params:
            if use.role == role:
                return use
        return ParamUse(role, f"{self.name}/{role}")

    def native(self, framework: str) -> Mapping[str, Attr]:
        """The extras kept for one framework (empty if none)."""
        return self.extras.get(framework, {})


class Graph(msgspec.Struct, frozen=True, eq=False, dict=True):
    """Nodes in an order in which every value is defined before it is used. Inputs are nodes of input ops."""

    name: str
    nodes: tuple[Node, ...]
    outputs: tuple[Value, ...]
    extras: Extras = NO_EXTRAS

    @cached_property
    def producers(self) -> dict[Value, Node]:
        """The node that produces each value."""
        return {value: node for node in self.nodes for value in node.results}

    @cached_property
    def uses(self) -> dict[Value, tuple[Node, ...]]:
        """The nodes that read each value, once per operand position, in graph order."""
        found: dict[Value, list[Node]] = {}
        for node in self.nodes:
            for value in node.operands:
                found.setdefault(value, []).append(node)
        return {value: tuple(nodes) for value, nodes in found.items()}

    @cached_property
    def output_set(self) -> frozenset[Value]:
        """The outputs, to be looked up."""
        return frozenset(self.outputs)

    @cached_property
    def inputs(self) -> tuple[Value, ...]:
        """The values that come from outside: results of operand-free nodes that own no parameters."""
        return tuple(
            value for node in self.nodes if not node.operands and not node.op.roles for value in node.results
        )

    def values(self) -> Iterator[Value]:
        for node in self.nodes:
            yield from node.results


class Module(msgspec.Struct, frozen=True, eq=False):
    """What one file holds: a graph, or one graph per phase over shared parameters, and where it came from."""

    name: str
    framework: str
    graphs: Mapping[str, Graph]
    extras: Extras = NO_EXTRAS
    constants: Mapping[str, LazyArray] = msgspec.field(default_factory=dict)
    """Arrays that the file itself holds, by parameter symbol; decoded when asked for, and no part of the text form."""
    variables: Mapping[str, LazyArray] = msgspec.field(default_factory=dict)
    """The same for arrays that lie in another file beside it, as a SavedModel's variables do."""

    def graph(self, phase: str) -> Graph:
        """The graph of `phase`; a file without phases has one graph for all of them (key "")."""
        return self.graphs.get(phase) or self.graphs[""]

    def map(self, change: Mapping[str, Graph]) -> Module:
        """The same module with these graphs; the same object if none differs."""
        if all(change.get(phase, graph) is graph for phase, graph in self.graphs.items()):
            return self
        return msgspec.structs.replace(
            self, graphs={phase: change.get(phase, graph) for phase, graph in self.graphs.items()}
        )
