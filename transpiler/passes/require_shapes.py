"""Another framework needs the sizes that the file leaves open: an error for each such input, in the source's own order.

The pipeline goes on after it, so that layers without an exact form are reported in the same run.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from transpiler.ir import Graph, Node
from transpiler.ops.core import Input
from transpiler.passes.manager import SHAPED, Context, Pass


def _check(is_open: Callable[[Input], bool], graph: Graph, context: Context) -> Graph:
    for node in graph.nodes:
        if isinstance(node.op, Input) and is_open(node.op) and node.result in graph.uses:
            _report(node, node.op, context)
    return graph


def _is_open(op: Input) -> bool:
    """Whether more than the batch size is unknown."""
    return op.shape is None or None in op.shape[1:]


def _has_no_rank(op: Input) -> bool:
    return op.shape is None


def _report(node: Node, op: Input, context: Context) -> None:
    name = node.result.native or node.origin.layer
    known = "unknown" if op.shape is None else "[" + ", ".join(map(_size, op.shape)) + "]"
    example = "N,C,H,W" if op.shape is None or len(op.shape) == 4 else ",".join(map(_size, op.shape))
    context.sink.error(
        "T5004",
        f"the shape of input {name} is {known}, and exact conversion depends on it",
        node.span,
        help=f"give it: --input-shape {name}={example}",
    )


def _size(size: int | None) -> str:
    return "?" if size is None else str(size)


REQUIRE_SHAPES = Pass("require_shapes", partial(_check, _is_open), requires=frozenset({SHAPED}), stops=False)
REQUIRE_RANKS = Pass(
    "require_ranks", partial(_check, _has_no_rank), requires=frozenset({SHAPED}), stops=False
)
"""For frameworks in which an unknown size means any size."""
