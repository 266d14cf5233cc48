"""Building new graphs from old ones: fresh names, value replacement, inference as nodes are added."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any

import msgspec

from transpiler.ir.attributes import NO_EXTRAS, Extras
from transpiler.ir.graph import Graph, Node, Origin, Value
from transpiler.ir.inference import infer_types, types_of
from transpiler.ir.op import Op
from transpiler.ir.parameters import ParamUse
from transpiler.ir.types import UNKNOWN, TensorType


class GraphBuilder:
    """Collects nodes in order; names are made unique, result types inferred from the operands."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.nodes: list[Node] = []
        self._taken = taken
        self._producers: dict[Value, Node] = {}
        self._seen = 0

    @cached_property
    def _names(self) -> dict[str, int]:
        """Every name taken, and the last number given to one like it. Most rewritings never name a node."""
        return dict.fromkeys(self._taken, 0)

    def producer(self, value: Value) -> Node | None:
        """The node added so far that produces `value`."""
        for node in self.nodes[self._seen :]:
            self._producers.update(dict.fromkeys(node.results, node))
        self._seen = len(self.nodes)
        return self._producers.get(value)

    def fresh(self, name: str) -> str:
        """`name`, or `name_1`, `name_2` … if taken; the answer is taken from now on."""
        if name not in self._names:
            self._names[name] = 0
            return name
        while True:
            self._names[name] += 1
            candidate = f"{name}_{self._names[name]}"
            if candidate not in self._names:
                self._names[candidate] = 0
                return candidate

    def add(
        self,
        op: Op,
        operands: Sequence[Value] = (),
        *,
        name: str,
        origin: Origin,
        params: Sequence[ParamUse] = (),
        scope: str = "",
        extras: Extras = NO_EXTRAS,
        natives: Sequence[str | None] = (),
        infer: bool = True,
    ) -> Node:
        """Append a node. `natives` names its results as the source does. Raises ShapeError if inference fails."""
        name = self.fresh(name)
        count = op.result_count
        types = infer_types(op, types_of(operands)) if infer else (UNKNOWN,) * count
        labels = result_names(name, count)
        results = tuple(
            Value(label, type_, natives[i] if i < len(natives) else None)
            for i, (label, type_) in enumerate(zip(labels, types, strict=True))
        )
        node = Node(name, op, tuple(operands), results, origin, tuple(params), scope, extras)
        self.nodes.append(node)
        return node


def retyped(node: Node, operands: Sequence[Value]) -> tuple[Value, ...]:
    """The results of a node when it reads these operands: its own where their types stay. Raises ShapeError."""
    types = infer_types(node.op, types_of(operands))
    return tuple([value.typed(type_) for value, type_ in zip(node.results, types, strict=True)])


def result_names(node: str, count: int) -> tuple[str, ...]:
    """SSA names of a node's results: the node's own name, or `node.0`, `node.1` … for several."""
    return (node,) if count == 1 else tuple(f"{node}.{i}" for i in range(count))


class Rewriter(GraphBuilder):
    """Walks a graph in order and builds its successor.

    A rule gets each node with operands already replaced, and answers None (keep it), or the values that
    stand for its results, having added whatever nodes it wants.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__(node.name for node in graph.nodes)
        self.graph = graph
        self.changed = False
        self._now: dict[Value, Value] = {}
        self._again_used: set[Value] = set()

    def current(self, old: Value) -> Value:
        """The value that stands for an old one."""
        return self._now.get(old, old)

    def current_all(self, old: tuple[Value, ...]) -> tuple[Value, ...]:
        """The values that stand for old ones."""
        now = self._now
        return tuple([now.get(value, value) for value in old]) if now else old

    def release(self, name: str) -> None:
        """Make the name of a node that goes away free for its successor."""
        self._names.pop(name, None)

    def keep(self, node: Node, operands: tuple[Value, ...]) -> None:
        """Carry a node over, inferring its results again when an operand was replaced."""
        if operands == node.operands:
            self.nodes.append(node)
            return
        self.changed = True
        results = retyped(node, operands)
        self._now.update(zip(node.results, results, strict=True))
        self.nodes.append(node.evolve(operands=operands, results=results))

    def swap(
        self, node: Node, op: Op, operands: Sequence[Value] | None = None, **changes: Any
    ) -> tuple[Value, ...]:
        """Add `node` again with another op (and operands, and other node fields): its name, origin and extras stay."""
        sources = tuple(node.operands if operands is None else operands)
        types = infer_types(op, types_of(sources))
        if len(types) == len(node.results):
            rows = zip(node.results, types, strict=True)
            results = tuple([self._again(value, type_) for value, type_ in rows])
        else:
            rows_ = zip(result_names(node.name, len(types)), types, strict=True)
            results = tuple(Value(name, type_) for name, type_ in rows_)
        self.nodes.append(node.evolve(op=op, operands=sources, results=results, **changes))
        return results

    def _again(self, value: Value, type: TensorType) -> Value:
        """The value with that type: itself, if it has the type and is not produced yet, so that readers can stay."""
        made = value.typed(type)
        if made is value:
            if value in self._again_used:
                return Value(value.name, type, value.native)
            self._again_used.add(value)
        return made

    def replace(self, node: Node, values: Sequence[Value]) -> None:
        self.changed = True
        self._now.update(zip(node.results, values, strict=True))

    def finish(self) -> Graph:
        """The new graph, or the very same object when nothing changed."""
        if not self.changed:
            return self.graph
        outputs = tuple(self.current(value) for value in self.graph.outputs)
        return msgspec.structs.replace(self.graph, nodes=tuple(self.nodes), outputs=outputs)


Rule = Callable[[Node, Rewriter], Sequence[Value] | None]
"""Given a node whose operands are up to date: None to keep it, or replacements for its results."""


def rewrite(graph: Graph, rule: Rule) -> Graph:
    """Apply `rule` to every node once, in order. Returns `graph` itself when nothing changed."""
    rewriter = Rewriter(graph)
    for node in graph.nodes:
        operands = rewriter.current_all(node.operands)
        view = node if operands == node.operands else node.evolve(operands=operands)
        values = rule(view, rewriter)
        if values is None:
            rewriter.keep(node, operands)
        else:
            rewriter.replace(node, values)
    return rewriter.finish()


def without_dead_nodes(graph: Graph, keep: Callable[[Node], bool]) -> Graph:
    """Drop nodes none of whose results is read or put out, except those that `keep` holds on to."""
    live: set[Value] = set(graph.outputs)
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if keep(node) or any(value in live for value in node.results):
            live.update(node.operands)
            kept.append(node)
    if len(kept) == len(graph.nodes):
        return graph
    return msgspec.structs.replace(graph, nodes=tuple(reversed(kept)))
