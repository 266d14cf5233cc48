"""Weights need known sizes: a network from a file that leaves them open cannot be written where they must be said."""

from __future__ import annotations

from transpiler.dialects.rows import Refusal
from transpiler.ir import Graph, Node
from transpiler.ir.inference import infer_params, types_of
from transpiler.passes.legalize.engine import report
from transpiler.passes.manager import SHAPED, Context, Pass

REASON = Refusal("the size of its weights depends on sizes that are not known", "give --input-shape")


def _check(graph: Graph, context: Context) -> Graph:
    refused = [(node, REASON) for node in graph.nodes if _has_open_weights(node)]
    if refused:
        report(refused, context, "the target")
    return graph


def _has_open_weights(node: Node) -> bool:
    specs = infer_params(node.op, types_of(node.operands))
    return any(None in spec.shape for spec in specs.values())


KNOWN_SIZES = Pass("known_sizes", _check, requires=frozenset({SHAPED}))
