"""Inputs for Caffe: numbers in every dimension; and layers that act only while training."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from transpiler.dialects.caffe.dialect import CAFFE
from transpiler.dialects.rows import Refusal
from transpiler.ir import Attr, DType, Graph, Node, Value
from transpiler.ir.rewriting import Rewriter, rewrite
from transpiler.ops import regularization as reg
from transpiler.ops.activation import Identity
from transpiler.ops.core import Data, Input
from transpiler.ops.preprocessing import RandomChange
from transpiler.passes.infer_shapes import infer_shapes
from transpiler.passes.manager import SHAPED, Context, Pass

_ONLY_TRAINING = (
    reg.SpatialDropout,
    reg.GaussianNoise,
    reg.GaussianDropout,
    reg.AlphaDropout,
    reg.ActivityRegularization,
    RandomChange,
)


def _prepared(node: Node, context: Context) -> Node:
    """An input with a batch size, of the only element type that Caffe has."""
    op = node.op
    if not isinstance(op, Input) or "caffe" in node.extras:
        return node
    shape = op.shape
    if shape and shape[0] is None:
        shape = (1, *shape[1:])
        text = f"input `{node.name}` leaves the batch size open, which Caffe cannot: it is written as 1"
        context.sink.note("T6101", text, node.span, help="--batch gives another")
    changed = Input(shape=shape, dtype=DType.FLOAT32)
    return node if changed == op else msgspec.structs.replace(node, op=changed)


def _set_inputs(graph: Graph, context: Context) -> Graph:
    nodes = tuple(_prepared(node, context) for node in graph.nodes)
    if all(new is old for new, old in zip(nodes, graph.nodes, strict=True)):
        return graph
    return infer_shapes(msgspec.structs.replace(graph, nodes=nodes), context)


SET_INPUTS = Pass("set_inputs", _set_inputs, requires=frozenset({SHAPED}))
"""Caffe's inputs have a number in every dimension: an open batch size becomes 1."""


def _drop_noise(graph: Graph, context: Context) -> Graph:
    """Noise and penalties that act only while training go, each with a note; a dropout keeps its rate only."""

    def rule(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
        op = node.op
        if isinstance(op, _ONLY_TRAINING):
            text = f"{node.origin.type} `{node.name}` acts only while training; Caffe has no such layer"
            context.sink.note("T6102", text, node.span)
            return node.operands
        if isinstance(op, reg.Dropout) and op != reg.Dropout(rate=op.rate):
            lost = "the shape of its mask" if op.noise_shape is not None else "its seed"
            text = f"{node.origin.type} `{node.name}`: Caffe's Dropout cannot say {lost}, which only training needs"
            context.sink.note("T6103", text, node.span)
            return rewriter.swap(node, reg.Dropout(rate=op.rate))
        return node.operands if isinstance(op, Identity) else None

    return rewrite(graph, rule)


DROP_NOISE = Pass("drop_noise", _drop_noise, requires=frozenset({SHAPED}))


def data(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """A data layer whose shapes were changed, or whose fields are lost, becomes inputs."""
    op = node.op
    assert isinstance(op, Data)
    if isinstance(CAFFE.spell(node), Refusal):
        results = []
        for value, shape in zip(node.results, op.shapes, strict=True):
            label = value.native or value.name
            made = rewriter.add(
                Input(shape=shape), name=label, origin=node.origin, scope=node.scope, natives=(value.native,),
                extras=_rules(node),
            )  # fmt: skip
            results.append(made.result)
        return results
    return None


def _rules(node: Node) -> dict[str, dict[str, Attr]]:
    kept = {name: value for name, value in node.native("caffe").items() if name in ("include", "exclude")}
    return {"caffe": kept} if kept else {}
