"""Shape inference: every value gets the type that its op infers. One walk in order, so the time is linear.

A node whose operands make no sense is reported, and what depends on it goes on with unknown shapes, so that one run
tells of several faults.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from transpiler.ir import Graph, Node, Shape, ShapeError, TensorType, Value
from transpiler.ir.inference import Types, infer_params, infer_types, types_of
from transpiler.ir.types import UNKNOWN
from transpiler.passes.manager import SHAPED, Context, Pass

MAX_DIM: Final = 2**31 - 1
MAX_ELEMENTS: Final = 2**63 - 1


def _inferred(node: Node, operands: tuple[Value, ...], context: Context) -> Types:
    types = types_of(operands)
    try:
        results = infer_types(node.op, types)
        specs = infer_params(node.op, types)
    except ShapeError as error:
        shown = ", ".join(str(type_) for type_ in types)
        context.sink.error(
            "T4001",
            f"{node.origin.type} `{node.name}`: {error}",
            node.span,
            notes=(f"Its inputs are {shown}.",) if types else (),
        )
        return (UNKNOWN,) * node.op.result_count
    _check_sizes(node, [type_.shape for type_ in results] + [spec.shape for spec in specs.values()], context)
    return results


def _check_sizes(node: Node, shapes: Iterable[Shape | None], context: Context) -> None:
    """Report a result or a parameter of a size that no memory holds: a slip of the keyboard, not a network."""
    for shape in shapes:
        if shape is not None and _is_absurd(shape):
            text = f"{node.origin.type} `{node.name}`: {TensorType(shape)} is larger than anything can hold"
            context.sink.error("T4004", text, node.span)
            return


def _is_absurd(shape: Shape) -> bool:
    total = 1
    for size in shape:
        if size is not None:
            if size > MAX_DIM:
                return True
            total *= size
    return total > MAX_ELEMENTS


def infer_shapes(graph: Graph, context: Context) -> Graph:
    """The graph with every value typed; the same object when all types were right already."""
    now: dict[Value, Value] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        operands = tuple([now.get(value, value) for value in node.operands]) if now else node.operands
        types = _inferred(node, operands, context)
        results = tuple([value.typed(type_) for value, type_ in zip(node.results, types, strict=True)])
        if results != node.results:
            now.update(zip(node.results, results, strict=True))
        if operands != node.operands or results != node.results:
            nodes.append(node.evolve(operands=operands, results=results))
        else:
            nodes.append(node)
    if all(new is old for new, old in zip(nodes, graph.nodes, strict=True)):
        return graph
    outputs = tuple(now.get(value, value) for value in graph.outputs)
    return msgspec.structs.replace(graph, nodes=tuple(nodes), outputs=outputs)


INFER_SHAPES = Pass("infer_shapes", infer_shapes, provides=frozenset({SHAPED}))
