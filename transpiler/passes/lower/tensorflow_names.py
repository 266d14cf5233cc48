"""Names for people: those of calls that were taken apart say nothing and are left out where the rest is unique."""

from __future__ import annotations

import re

import msgspec

from transpiler.ir import Graph, Node, Value
from transpiler.ir.rewriting import result_names

_CALLS = re.compile(r"(?:(?:Stateful)?PartitionedCall(?:_\d+)?/)+")


def without_calls(graph: Graph) -> Graph:
    """The graph with shorter names; the same object if none has a call in it."""
    short = {node.name: _CALLS.sub("", node.name) for node in graph.nodes}
    if all(old == new for old, new in short.items()):
        return graph
    taken = set(short) - {old for old, new in short.items() if old != new}
    now: dict[Value, Value] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        wanted = short[node.name]
        if wanted != node.name:
            wanted = node.name if wanted in taken else wanted
            taken.add(wanted)
        view = node if wanted == node.name else _renamed(node, wanted)
        now.update(zip(node.results, view.results, strict=True))
        nodes.append(msgspec.structs.replace(view, operands=tuple(now[value] for value in node.operands)))
    return msgspec.structs.replace(
        graph, nodes=tuple(nodes), outputs=tuple(now[value] for value in graph.outputs)
    )


def _renamed(node: Node, name: str) -> Node:
    """A node under another name; parameters that are named by it keep their symbols."""
    labels = result_names(name, len(node.results))
    results = tuple(
        msgspec.structs.replace(value, name=label) for value, label in zip(node.results, labels, strict=True)
    )
    layer = _CALLS.sub("", node.origin.layer)
    origin = msgspec.structs.replace(node.origin, layer=layer or node.origin.layer)
    params = tuple(node.param(role) for role in node.op.roles)
    return msgspec.structs.replace(node, name=name, results=results, origin=origin, params=params)
