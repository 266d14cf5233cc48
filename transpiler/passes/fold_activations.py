"""Activations that the source computes in place become the `activation` argument of the layer before.

A Caffe layer that overwrites its input leaves no way to see what was there before: the two layers are one in all but
spelling. The activation takes the origin of the layer before it, and the emitter writes nodes of one origin as one
layer.
"""

from __future__ import annotations

import msgspec

from transpiler.dialects.keras.activations import activation_name
from transpiler.ir import Graph, Node, Op, Value
from transpiler.ops.activation import Identity
from transpiler.ops.convolution import Conv, ConvTranspose, DepthwiseConv, LocallyConnected, SeparableConv
from transpiler.ops.dense import Dense
from transpiler.passes.manager import Context, Pass
from transpiler.passes.trail import Moved

WITH_ACTIVATION: tuple[type[Op], ...] = (
    Conv,
    ConvTranspose,
    Dense,
    DepthwiseConv,
    LocallyConnected,
    SeparableConv,
)
"""Layers that have an `activation` argument in every generation of Keras."""


def _fold(graph: Graph, context: Context) -> Graph:
    nodes: list[Node] = []
    now: dict[Value, Value] = {}
    moved: dict[str, Moved | None] = {}
    for node in graph.nodes:
        made = node
        if any(value in now for value in node.operands):
            made = msgspec.structs.replace(
                made, operands=tuple(now.get(value, value) for value in node.operands)
            )
        before = graph.producers.get(node.operands[0]) if node.operands else None
        if before is not None and _foldable(graph, before, node):
            value = msgspec.structs.replace(node.result, name=f"{before.name}/activation")
            made = msgspec.structs.replace(made, name=value.name, origin=before.origin, results=(value,))
            now[node.result] = value
            moved[node.result.name] = Moved(value.name)
        nodes.append(made)
    if not moved:
        return graph
    context.trail.note(moved)
    return msgspec.structs.replace(
        graph, nodes=tuple(nodes), outputs=tuple(now.get(value, value) for value in graph.outputs)
    )


def _foldable(graph: Graph, before: Node, node: Node) -> bool:
    """Whether `node` is an activation in place behind a layer that can have one and has none yet."""
    if not isinstance(before.op, WITH_ACTIVATION) or len(node.operands) != 1 or len(node.results) != 1:
        return False
    if isinstance(node.op, Identity) or activation_name(node.op) is None or node.origin == before.origin:
        return False
    if node.result.native is None or before.result.native != node.result.native:
        return False
    return graph.uses[before.result] == (node,) and before.result not in graph.output_set


FOLD_ACTIVATIONS = Pass("fold_activations", _fold)
