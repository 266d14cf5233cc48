"""Keras shares weights by calling a layer again: nodes that share an array must be calls of one layer."""

from __future__ import annotations

from transpiler.ir import Graph, Node, ParamUse, Take
from transpiler.passes.manager import Context, Pass


def _check(graph: Graph, context: Context) -> Graph:
    first: dict[object, Node] = {}
    for node in graph.nodes:
        uses = _uses(node)
        for use in uses:
            if use.constant is not None:
                continue
            other = first.setdefault(_part(use), node)
            if other is not node and (other.op != node.op or _uses(other) != uses):
                _report(other, node, use, context)
                break
    return graph


def _report(other: Node, node: Node, use: ParamUse, context: Context) -> None:
    context.sink.error(
        "T5003",
        f"layers {other.origin.layer} and {node.origin.layer} share {use.symbol} but are not the "
        "same layer otherwise: Keras shares whole layers only",
        node.span,
        related=() if other.span is None else ((other.span, "the first layer that uses it"),),
    )


def _part(use: ParamUse) -> object:
    """Which part of an array is used: groups of one kernel are different parts."""
    return use.symbol, tuple([step for step in use.relayouts if isinstance(step, Take)])


def _uses(node: Node) -> tuple[ParamUse, ...]:
    return tuple([node.param(role) for role in node.op.roles])


TIED_WEIGHTS = Pass("tied_weights", _check)
