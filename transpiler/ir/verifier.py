"""Checks that always hold between passes: order, single definition, arity, parameters, and inferred types."""

from __future__ import annotations

from transpiler.ir.graph import Graph, Node, Value
from transpiler.ir.op import ShapeError
from transpiler.ir.types import TensorType


class InvalidGraph(Exception):
    """A pass broke the graph: a fault of this program, not of the user's file."""


def verify(graph: Graph, *, shaped: bool = False) -> None:
    """Raise InvalidGraph naming the first broken rule. `shaped`: result types must equal what the ops infer."""
    defined: set[Value] = set()
    names: set[str] = set()
    for node in graph.nodes:
        if node.name in names:
            raise InvalidGraph(f"two nodes are named {node.name}")
        names.add(node.name)
        _check_node(node, defined, shaped)
        defined.update(node.results)
    for value in graph.outputs:
        if value not in defined:
            raise InvalidGraph(f"output {value.name} is never defined")


def _check_node(node: Node, defined: set[Value], shaped: bool) -> None:
    if not node.op.arity.accepts(len(node.operands)):
        raise InvalidGraph(
            f"{node.name}: {node.op.name} takes {node.op.arity} operands, not {len(node.operands)}"
        )
    for value in node.operands:
        if value not in defined:
            raise InvalidGraph(f"{node.name} reads {value.name} before it is defined")
    for value in node.results:
        if value in defined:
            raise InvalidGraph(f"{value.name} is defined twice")
    if len(node.results) != node.op.result_count:
        raise InvalidGraph(f"{node.name} has {len(node.results)} results, its op {node.op.result_count}")
    roles = set(node.op.roles)
    for use in node.params:
        if use.role not in roles:
            raise InvalidGraph(f"{node.name} fills role {use.role}, which {node.op.name} does not have")
    if shaped:
        _check_types(node)


def _check_types(node: Node) -> None:
    try:
        expected: tuple[TensorType, ...] = node.op.infer([value.type for value in node.operands])
    except ShapeError as error:
        raise InvalidGraph(f"{node.name}: {error}") from error
    found = tuple(value.type for value in node.results)
    if found != expected:
        raise InvalidGraph(
            f"{node.name} is typed {[str(t) for t in found]} but infers {[str(t) for t in expected]}"
        )
