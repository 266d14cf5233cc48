"""What a pass may break, and that it is found in every version of a graph, however often the rest was checked."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from transpiler.ir import Graph, Node, Origin, TensorType, Value
from transpiler.ir.rewriting import GraphBuilder, Rewriter, rewrite
from transpiler.ir.verifier import InvalidGraph, Verifier, verify
from transpiler.ops.activation import Relu, Tanh
from transpiler.ops.core import Input

ORIGIN = Origin("layer", "Layer")


def chain(count: int = 3) -> Graph:
    builder = GraphBuilder()
    value = builder.add(Input(shape=(1, 4)), name="x", origin=ORIGIN).result
    for i in range(count):
        value = builder.add(Relu(), (value,), name=f"r{i}", origin=ORIGIN).result
    return Graph("g", tuple(builder.nodes), (value,))


def with_last(graph: Graph, change: Callable[[Node], Node]) -> Graph:
    return msgspec.structs.replace(graph, nodes=(*graph.nodes[:-1], change(graph.nodes[-1])))


BREAKS = {
    "arity": lambda node: node.evolve(operands=()),
    "type": lambda node: node.evolve(results=(Value("r2", TensorType((1, 5))),)),
    "undefined": lambda node: node.evolve(operands=(Value("stranger", TensorType((1, 4))),)),
    "results": lambda node: node.evolve(results=(*node.results, Value("more"))),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_later_version_is_checked_too(name: str) -> None:
    verifier, graph = Verifier(), chain()
    verifier.verify(graph, shaped=True)
    with pytest.raises(InvalidGraph):
        verifier.verify(with_last(graph, BREAKS[name]), shaped=True)
    verifier.verify(graph, shaped=True)


def test_order_names_and_single_definition_are_of_the_whole_graph() -> None:
    verifier, graph = Verifier(), chain()
    verifier.verify(graph)
    first, second, third, fourth = graph.nodes
    for nodes in ((first, third, second, fourth), (first, second, second, third, fourth)):
        with pytest.raises(InvalidGraph):
            verifier.verify(msgspec.structs.replace(graph, nodes=nodes))


def test_types_are_checked_once_they_are_promised() -> None:
    verifier, graph = Verifier(), with_last(chain(), BREAKS["type"])
    untyped = msgspec.structs.replace(graph, outputs=())
    verifier.verify(untyped)
    with pytest.raises(InvalidGraph, match="infers"):
        verifier.verify(untyped, shaped=True)


def test_an_invariant_is_checked_from_when_it_holds() -> None:
    verifier, graph = Verifier(), chain()

    def no_relu(node: Node) -> None:
        if isinstance(node.op, Relu):
            raise InvalidGraph(f"{node.name} breaks it")

    verifier.verify(graph)
    with pytest.raises(InvalidGraph, match="r0 breaks it"):
        verifier.verify(graph, invariants={"no relu": no_relu})


def test_a_rewriting_that_keeps_a_type_leaves_the_readers_alone() -> None:
    graph = chain()
    changed = rewrite(
        graph, lambda node, rewriter: rewriter.swap(node, Tanh()) if node.name == "r0" else None
    )
    assert [new is old for new, old in zip(changed.nodes, graph.nodes, strict=True)] == [
        True,
        False,
        True,
        True,
    ]
    verify(changed, shaped=True)


def test_a_node_that_is_added_again_twice_gives_two_values() -> None:
    graph = chain()
    rewriter = Rewriter(graph)
    node = graph.nodes[-1]
    first, second = rewriter.swap(node, Tanh()), rewriter.swap(node, Relu())
    assert first != second
