"""Shape inference: every value gets the type that its op infers. One walk in order, so the time is linear.

A node whose operands make no sense is reported, and what depends on it goes on with unknown shapes, so that one run
tells of several faults.
"""

from __future__ import annotations

import attrs

from transpiler.ir import Graph, Node, ShapeError, TensorType, Value
from transpiler.ir.types import UNKNOWN
from transpiler.passes.manager import SHAPED, Context, Pass


def _inferred(node: Node, context: Context) -> tuple[TensorType, ...]:
    types = [value.type for value in node.operands]
    try:
        results = node.op.infer(types)
        node.op.params(types)
    except ShapeError as error:
        shown = ", ".join(str(type_) for type_ in types)
        context.sink.error(
            "T4001",
            f"{node.origin.type} `{node.name}`: {error}",
            node.span,
            notes=(f"Its inputs are {shown}.",) if types else (),
        )
        return (UNKNOWN,) * node.op.result_count
    return results


def infer_shapes(graph: Graph, context: Context) -> Graph:
    """The graph with every value typed; the same object when all types were right already."""
    now: dict[Value, Value] = {}
    nodes: list[Node] = []
    changed = False
    for node in graph.nodes:
        operands = tuple(now.get(value, value) for value in node.operands)
        view = node if operands == node.operands else attrs.evolve(node, operands=operands)
        types = _inferred(view, context)
        results = tuple(
            value if value.type == type_ else attrs.evolve(value, type=type_)
            for value, type_ in zip(node.results, types, strict=True)
        )
        if results != node.results:
            view = attrs.evolve(view, results=results)
            now.update(zip(node.results, results, strict=True))
        changed = changed or view is not node
        nodes.append(view)
    if not changed:
        return graph
    outputs = tuple(now.get(value, value) for value in graph.outputs)
    return attrs.evolve(graph, nodes=tuple(nodes), outputs=outputs)


INFER_SHAPES = Pass("infer_shapes", infer_shapes, provides=frozenset({SHAPED}))
