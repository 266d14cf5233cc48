"""Structural equality of graphs: the law that round trips are held to.

Two graphs are equal when their nodes agree one to one in order: op, operands, result types and native names,
parameters, extras. Source spans never count; names count unless told otherwise.
"""

from __future__ import annotations

from transpiler.ir.attributes import Attr, same
from transpiler.ir.graph import Graph, Module, Node, Value


def difference(left: Module, right: Module) -> str | None:
    """One sentence on the first difference of two modules, or None when they are equal."""
    if list(left.graphs) != list(right.graphs):
        return f"phases {list(left.graphs)} against {list(right.graphs)}"
    for phase, graph in left.graphs.items():
        found = graph_difference(graph, right.graphs[phase])
        if found:
            return f"phase {phase or 'any'}: {found}"
    if not same(_plain(left.extras), _plain(right.extras)):
        return f"module extras {left.extras} against {right.extras}"
    return None


def graph_difference(left: Graph, right: Graph, *, names: bool = True) -> str | None:
    """One sentence on the first difference of two graphs, or None. `names=False` ignores names and extras."""
    paired: dict[Value, Value] = {}
    for mine, theirs in zip(left.nodes, right.nodes, strict=False):
        found = _node_difference(mine, theirs, paired, names)
        if found:
            return f"node {mine.name}: {found}"
        paired.update(zip(mine.results, theirs.results, strict=True))
    if len(left.nodes) != len(right.nodes):
        extra = (left if len(left.nodes) > len(right.nodes) else right).nodes[
            min(len(left.nodes), len(right.nodes))
        ]
        return (
            f"{len(left.nodes)} nodes against {len(right.nodes)}; the first without a partner is {extra.name}"
        )
    if [paired.get(value) for value in left.outputs] != list(right.outputs):
        return f"outputs {[v.name for v in left.outputs]} against {[v.name for v in right.outputs]}"
    if names and not same(_plain(left.extras), _plain(right.extras)):
        return f"graph extras {left.extras} against {right.extras}"
    return None


def _node_difference(mine: Node, theirs: Node, paired: dict[Value, Value], names: bool) -> str | None:
    if mine.op != theirs.op:
        return f"{mine.op} against {theirs.op}"
    if [paired.get(value) for value in mine.operands] != list(theirs.operands):
        return f"operands {[v.name for v in mine.operands]} against {[v.name for v in theirs.operands]}"
    if [value.type for value in mine.results] != [value.type for value in theirs.results]:
        return f"types {[str(v.type) for v in mine.results]} against {[str(v.type) for v in theirs.results]}"
    if not names:
        return None
    if [(v.name, v.native) for v in mine.results] != [(v.name, v.native) for v in theirs.results]:
        return "result names differ"
    for what in ("name", "scope", "origin", "params"):
        if getattr(mine, what) != getattr(theirs, what):
            return f"{what} {getattr(mine, what)} against {getattr(theirs, what)}"
    if not same(_plain(mine.extras), _plain(theirs.extras)):
        return f"extras {mine.extras} against {theirs.extras}"
    return None


def _plain(extras: object) -> Attr:
    return extras  # type: ignore[return-value]  # extras are Attr by construction
