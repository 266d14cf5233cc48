"""Whether a raised graph is the network that Keras's JSON describes, up to names and what GraphDef cannot say.

What GraphDef cannot say, and so is made alike on both sides before comparing:

- layers that do nothing in a graph (`linear` activations) leave no trace;
- a graph that was traced for inference has no dropout, no noise and no momentum of moving averages;
- tracing makes constants of the statistics that a Normalization learned;
- numbers of a layer's config are 32-bit constants;
- of recurrent layers, what `same_recurrent` says;
- a class of the network's own (ConvNeXt's LayerScale, InceptionResNetV2's sum) is only what that it applies;
- the order of nodes that do not depend on each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from tests.tensorflow.same_recurrent import taken_apart
from transpiler.diagnostics import Sink
from transpiler.ir import Graph, Node, Value
from transpiler.ir.equality import graph_difference
from transpiler.ir.rewriting import Rewriter, rewrite
from transpiler.ops.activation import Affine, Identity, Relu
from transpiler.ops.core import Input, Opaque
from transpiler.ops.elementwise import Add
from transpiler.ops.normalization import BatchNorm, Scale
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
        op = node.op
        if isinstance(op, Identity) or (traced and isinstance(op, NOISE)):
            return node.operands
        if isinstance(op, BatchNorm) and traced:
            return rewriter.swap(node, op.evolve(momentum=0.99))
        if isinstance(op, Opaque) and op.type == "LayerScale":
            rank = node.operands[0].type.rank or 1
            return rewriter.swap(node, Scale(axis=rank - 1))
        if isinstance(op, Opaque) and op.type == "CustomScaleLayer":
            return _scaled_sum(node, op, rewriter)
        if isinstance(op, Concat):
            rank = node.operands[0].type.rank or 1
            return rewriter.swap(node, Concat(axis=op.axis % rank))
        if isinstance(op, Dropout):
            return rewriter.swap(node, op.evolve(rate=_single(op.rate)))
        if isinstance(op, Relu):
            return rewriter.swap(node, op.evolve(negative_slope=_single(op.negative_slope)))
        if isinstance(op, Affine):
            return rewriter.swap(node, op.evolve(scale=_single(op.scale), shift=_single(op.shift)))
        if isinstance(op, Standardize):
            rank = node.operands[0].type.rank or 1
            op = op.evolve(axes=tuple(axis % rank for axis in op.axes))
        if isinstance(op, Standardize) and traced:
            return rewriter.swap(node, Standardize(axes=op.axes))
        if isinstance(op, Standardize):
            return rewriter.swap(node, op.evolve(mean=_single(op.mean), variance=_single(op.variance)))
        if isinstance(op, Rescale):
            return rewriter.swap(node, op.evolve(scale=_single(op.scale), offset=_single(op.offset)))
        return taken_apart(node, rewriter)

    return _typed(_ordered(rewrite(graph, rule)))


def _scaled_sum(node: Node, op: Opaque, rewriter: Rewriter) -> Sequence[Value]:
    """InceptionResNetV2's own layer: the first input plus the second times a number."""
    config: Any = op.attributes["config"]
    scaled = rewriter.add(
        Affine(scale=_single(config["scale"])),
        node.operands[1:],
        name=f"{node.name}/scaled",
        origin=node.origin,
    )
    return rewriter.swap(node, Add(), (node.operands[0], scaled.result))


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
    return attrs.evolve(graph, nodes=tuple(found))


def count_parameters(graph: Graph) -> int:
    """The number of learned numbers, those of a shared array once."""
    sizes: dict[str, int] = {}
    for node in graph.nodes:
        for role, spec in node.op.params([value.type for value in node.operands]).items():
            sizes.setdefault(node.param(role).symbol, int(np.prod([size or 0 for size in spec.shape])))
    return sum(sizes.values())
