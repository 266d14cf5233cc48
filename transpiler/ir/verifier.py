"""Checks that always hold between passes: order, single definition, arity, parameters, and inferred types."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from transpiler.ir.graph import Graph, Node, Value
from transpiler.ir.inference import infer_types, types_of
from transpiler.ir.op import ShapeError

Check = Callable[[Node], None]
"""Raises InvalidGraph for a node that breaks a rule."""


class InvalidGraph(Exception):
    """A pass broke the graph: a fault of this program, not of the user's file."""


class Verifier:
    """Verifies one version of a graph after the other.

    Nodes never change, so that what holds of a node alone is checked once, in the first version that has it; what
    holds of nodes together (order, names, single definition) is checked in every version.
    """

    def __init__(self) -> None:
        self._passed: dict[str, frozenset[Node]] = {}
        """Rule -> the nodes of the last version, all of which kept it."""
        self._graph: Graph | None = None

    def verify(
        self, graph: Graph, *, shaped: bool = False, invariants: Mapping[str, Check] | None = None
    ) -> None:
        """Raise InvalidGraph naming the first broken rule.

        `shaped`: result types must equal what the ops infer. `invariants`: further checks of each node, by name.
        """
        rules: dict[str, Check] = {"sound": _check_node, **(invariants or {})}
        if shaped:
            rules["typed"] = _check_types
        if graph is self._graph and rules.keys() <= self._passed.keys():
            return
        _check_wiring(graph)
        nodes = frozenset(graph.nodes)
        for name, check in rules.items():
            passed = self._passed.get(name, frozenset())
            for node in graph.nodes:
                if node not in passed:
                    check(node)
        self._passed = dict.fromkeys(rules, nodes)
        self._graph = graph


def verify(graph: Graph, *, shaped: bool = False) -> None:
    """Verify a single graph, as `Verifier.verify` does."""
    Verifier().verify(graph, shaped=shaped)


def _check_wiring(graph: Graph) -> None:
    defined: set[Value] = set()
    names: set[str] = set()
    for node in graph.nodes:
        if node.name in names:
            raise InvalidGraph(f"two nodes are named {node.name}")
        names.add(node.name)
        for value in node.operands:
            if value not in defined:
                raise InvalidGraph(f"{node.name} reads {value.name} before it is defined")
        for value in node.results:
            if value in defined:
                raise InvalidGraph(f"{value.name} is defined twice")
        defined.update(node.results)
    for value in graph.outputs:
        if value not in defined:
            raise InvalidGraph(f"output {value.name} is never defined")


def _check_node(node: Node) -> None:
    op = node.op
    if not op.arity.accepts(len(node.operands)):
        raise InvalidGraph(f"{node.name}: {op.name} takes {op.arity} operands, not {len(node.operands)}")
    if len(node.results) != op.result_count:
        raise InvalidGraph(f"{node.name} has {len(node.results)} results, its op {op.result_count}")
    for use in node.params:
        if use.role not in op.roles:
            raise InvalidGraph(f"{node.name} fills role {use.role}, which {op.name} does not have")


def _check_types(node: Node) -> None:
    try:
        expected = infer_types(node.op, types_of(node.operands))
    except ShapeError as error:
        raise InvalidGraph(f"{node.name}: {error}") from error
    found = types_of(node.results)
    if found != expected:
        raise InvalidGraph(
            f"{node.name} is typed {[str(t) for t in found]} but infers {[str(t) for t in expected]}"
        )
