"""Shape inference: every value gets the type that its op infers. One walk in order, so the time is linear.

A node whose operands make no sense is reported, and what depends on it goes on with unknown shapes, so that one run
tells of several faults.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import attrs

from transpiler.ir import Graph, Node, Shape, ShapeError, TensorType, Value
from transpiler.ir.types import UNKNOWN
from transpiler.passes.manager import SHAPED, Context, Pass

MAX_DIM: Final = 2**31 - 1
MAX_ELEMENTS: Final = 2**63 - 1


def _inferred(node: Node, context: Context) -> tuple[TensorType, ...]:
    types = [value.type for value in node.operands]
    try:
        results = node.op.infer(types)
        specs = node.op.params(types)
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


def _check_sizes(node: Node, shapes: Sequence[Shape | None], context: Context) -> None:
    """Report a result or a parameter of a size that no memory holds: a slip of the keyboard, not a network."""
    for shape in shapes:
        if shape is None:
            continue
        known = [size for size in shape if size is not None]
        if max(known, default=0) > MAX_DIM or math.prod(known) > MAX_ELEMENTS:
            size = TensorType(shape)
            text = f"{node.origin.type} `{node.name}`: {size} is larger than anything can hold"
            context.sink.error("T4004", text, node.span)
            return


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
