"""The batch axis made free: a file that fixes it (Caffe's `dim: 10`) describes a network for any batch.

Tried as a whole: if every node still infers when the first size of every input is unknown, and every result keeps
that unknown as its first size and nowhere else, the graph is typed so; otherwise (time-major recurrence, reshapes
across the batch) the sizes stay as given.
"""

from __future__ import annotations

import msgspec

from transpiler.ir import Graph, Node, ShapeError, TensorType, Value
from transpiler.ir.inference import infer_types, types_of
from transpiler.ops.caffe_recurrent import ContinuationFlags, LSTMUnit, TimeMajorRecurrent
from transpiler.ops.core import Input
from transpiler.passes.manager import SHAPED, Context, Pass

TIME_MAJOR = (TimeMajorRecurrent, LSTMUnit, ContinuationFlags)
"""Ops whose first axis is not the batch."""


def free_batch(graph: Graph) -> Graph:
    """The graph with a free batch axis, or the same object when its sizes matter."""
    if any(isinstance(node.op, TIME_MAJOR) for node in graph.nodes):
        return graph
    inputs = [node for node in graph.nodes if isinstance(node.op, Input)]
    sizes = {node.op.shape[0] for node in inputs if isinstance(node.op, Input) and node.op.shape}
    if len(sizes) != 1 or sizes == {None}:
        return graph
    nodes: list[Node] = []
    now: dict[Value, Value] = {}
    for node in graph.nodes:
        made = _freed(node, now)
        if made is None:
            return graph
        nodes.append(made)
        now.update(zip(node.results, made.results, strict=True))
    return msgspec.structs.replace(
        graph, nodes=tuple(nodes), outputs=tuple(now[value] for value in graph.outputs)
    )


def _freed(node: Node, now: dict[Value, Value]) -> Node | None:
    operands = tuple([now[value] for value in node.operands])
    op = node.op
    if isinstance(op, Input):
        if not op.shape:
            return None
        op = op.evolve(shape=(None, *op.shape[1:]))
    try:
        types = infer_types(op, types_of(operands))
    except ShapeError:
        return None
    if operands and not all(map(_same_but_batch, types, (value.type for value in node.results))):
        return None
    results = tuple([value.typed(type_) for value, type_ in zip(node.results, types, strict=True)])
    return node.evolve(op=op, operands=operands, results=results)


def _same_but_batch(free: TensorType, fixed: TensorType) -> bool:
    if free.shape is None or fixed.shape is None:
        return free.shape == fixed.shape
    return len(free.shape) > 0 and free.shape[0] is None and free.shape[1:] == fixed.shape[1:]


def _run(graph: Graph, context: Context) -> Graph:
    return graph if context.batch is not None else free_batch(graph)


FREE_BATCH = Pass("free_batch", _run, requires=frozenset({SHAPED}))
