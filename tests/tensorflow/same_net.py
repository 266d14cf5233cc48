"""Whether a raised graph is the network that Keras's JSON describes, up to names and what GraphDef cannot say.

What GraphDef cannot say, and so is made alike on both sides before comparing:

- layers that do nothing in a graph (`linear` activations) leave no trace;
- a graph that was traced for inference has no dropout, no noise and no momentum of moving averages;
- tracing makes constants of the statistics that a Normalization learned;
- numbers of a layer's config are 32-bit constants;
- sizes that a config leaves to what comes in (of an equation's output, of an attention's values) are numbers;
- of recurrent layers, what `same_recurrent` says;
- the order of nodes that do not depend on each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from tests.tensorflow.same_recurrent import taken_apart
from transpiler.diagnostics import Sink
from transpiler.ir import Graph, Node, Op, Value
from transpiler.ir.equality import graph_difference
from transpiler.ir.rewriting import Rewriter, rewrite
from transpiler.ops.activation import Affine, Identity, Relu
from transpiler.ops.attention import MultiHeadAttention
from transpiler.ops.core import Input
from transpiler.ops.einsum import EinsumDense
from transpiler.ops.elementwise import Add
from transpiler.ops.normalization import BatchNorm, LayerNorm, Scale
from transpiler.ops.preprocessing import Rescale, Standardize
from transpiler.ops.regularization import (
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout,
)
from transpiler.ops.shape import Concat
from transpiler.parsers import json
from transpiler.passes.infer_shapes import infer_shapes
from transpiler.passes.lower.keras import lower
from transpiler.passes.manager import Context

NOISE = (Dropout, SpatialDropout, AlphaDropout, GaussianDropout, GaussianNoise)
"""What only training does."""


def keras_graph(text: str) -> Graph:
    """The shaped graph of a model's JSON."""
    sink = Sink()
    module = lower(json.parse(text, "model"), "model", sink)
    sink.raise_if_errors()
    return infer_shapes(module.graph(""), Context(sink))


def difference(ours: Graph, keras: Graph, *, traced: bool) -> str | None:
    """The first difference. `traced`: the graph holds inference only."""
    return graph_difference(alike(ours, traced=traced), alike(keras, traced=traced), names=False)


def alike(graph: Graph, *, traced: bool) -> Graph:
    """A graph without what GraphDef cannot say, in an order of its own."""

    def rule(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
        if isinstance(node.op, Identity) or (traced and isinstance(node.op, NOISE)):
            return node.operands
        made = _said(node, traced=traced)
        return taken_apart(node, rewriter) if made is None else rewriter.swap(node, made)

    return _typed(_ordered(rewrite(graph, rule)))


def _said(node: Node, *, traced: bool) -> Op | None:
    """A node's op as far as a graph says it; None where that is all of it."""
    rank = (node.operands[0].type.rank if node.operands else None) or 1
    shape = node.results[0].type.shape if node.results else None
    match node.op:
        case BatchNorm() as op if traced:
            return op.evolve(momentum=0.99)
        case Concat() | Scale() as op:
            return op.evolve(axis=op.axis % rank)
        case LayerNorm() | Standardize() as op:
            return _over_axes(op.evolve(axes=tuple(axis % rank for axis in op.axes)), traced=traced)
        case MultiHeadAttention() as op:
            return _spelled_out(node, op, traced=traced)
        case EinsumDense() as op if shape is not None:
            return op.evolve(output_shape=shape[1:])
        case _:
            return _with_single_numbers(node.op)


def _over_axes(op: LayerNorm | Standardize, *, traced: bool) -> Op:
    if isinstance(op, LayerNorm):
        return op
    if traced:
        return Standardize(axes=op.axes)
    return op.evolve(mean=_single(op.mean), variance=_single(op.variance))


def _with_single_numbers(op: Op) -> Op | None:
    """Numbers of a config as 32-bit constants."""
    match op:
        case Add():
            return op.evolve(coefficients=_single(op.coefficients))
        case Dropout():
            return op.evolve(rate=_single(op.rate))
        case Relu():
            return op.evolve(negative_slope=_single(op.negative_slope))
        case Affine():
            return op.evolve(scale=_single(op.scale), shift=_single(op.shift))
        case Rescale():
            return op.evolve(scale=_single(op.scale), offset=_single(op.offset))
        case _:
            return None


def _spelled_out(node: Node, op: MultiHeadAttention, *, traced: bool) -> MultiHeadAttention:
    """With all sizes; and without dropout where the graph has none."""
    query = node.operands[0].type
    made: MultiHeadAttention = op.evolve(
        value_size=op.value_size or op.key_size,
        output_shape=op.output_shape or (query.shape or (None,))[-1:],
        axes=op.axes or tuple(range(1, (query.rank or 3) - 1)),
        dropout=0.0 if traced else _single(op.dropout),
    )
    return made


def _typed(graph: Graph) -> Graph:
    return infer_shapes(graph, Context(Sink()))


def _single(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(_single(item) for item in value)
    return None if value is None else float(np.float32(value))


def _ordered(graph: Graph) -> Graph:
    """Inputs as they are, then every node before the first that reads it, from the outputs back."""
    found: dict[Node, None] = {node: None for node in graph.nodes if isinstance(node.op, Input)}
    for output in graph.outputs:
        stack = [(graph.producers[output], False)]
        while stack:
            node, done = stack.pop()
            if done:
                found[node] = None
            elif node not in found:
                stack.append((node, True))
                stack.extend((graph.producers[value], False) for value in reversed(node.operands))
    return msgspec.structs.replace(graph, nodes=tuple(found))


def count_parameters(graph: Graph) -> int:
    """The number of learned numbers, those of a shared array once."""
    sizes: dict[str, int] = {}
    for node in graph.nodes:
        for role, spec in node.op.params([value.type for value in node.operands]).items():
            sizes.setdefault(node.param(role).symbol, int(np.prod([size or 0 for size in spec.shape])))
    return sum(sizes.values())
