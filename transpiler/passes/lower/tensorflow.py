"""Lowering of TensorFlow: a graph as text or bytes as a module with one graph of the chosen phase.

Function calls are taken apart, the phase decides its branches, what only training or saving needs is left out, and
what remains becomes ops. Learned tensors are `parameter` nodes; `RAISE_LAYERS` binds them into layers.
`Module.constants` holds the arrays that the file itself contains, by symbol, in TensorFlow's own order.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from transpiler.diagnostics import Sink
from transpiler.dialects.tensorflow.functions import FlatGraph, FlatNode, Tensor, flatten
from transpiler.dialects.tensorflow.graph_def import GraphDef, TensorShape
from transpiler.dialects.tensorflow.read_binary import read_binary
from transpiler.dialects.tensorflow.read_text import read_text
from transpiler.ir import Graph, Module
from transpiler.ir.attributes import Attr
from transpiler.ir.rewriting import without_dead_nodes
from transpiler.ops.core import Input
from transpiler.passes.lower.tensorflow_graph import GraphLowering
from transpiler.passes.lower.tensorflow_names import without_calls
from transpiler.passes.lower.tensorflow_order import arranged, needed
from transpiler.passes.lower.tensorflow_outputs import find_outputs, note_pruned, parse_tensor
from transpiler.passes.lower.tensorflow_training import averages, with_dropout
from transpiler.passes.lower.tensorflow_view import View
from transpiler.syntax.textproto import Message


def lower(
    source: Message | bytes,
    name: str,
    sink: Sink,
    *,
    phase: str = "TEST",
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    raised: bool = True,
) -> Module:
    """The module that a GraphDef, MetaGraphDef or SavedModel means; whatever is wrong goes to the sink.

    `inputs` and `outputs` name tensors (`node` or `node:1`) at which the network begins and ends; without them it is
    what its signature says, or everything from its placeholders to what nothing reads. `raised`: whether single ops
    are raised to layers. Raises CompileError only for bytes that are no graph.
    """
    graph = read_binary(source, sink) if isinstance(source, bytes) else read_text(source, sink)
    return lower_graph(graph, name, sink, phase=phase, inputs=inputs, outputs=outputs, raised=raised)


def lower_graph(
    graph: GraphDef,
    name: str,
    sink: Sink,
    *,
    phase: str = "TEST",
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    raised: bool = True,
) -> Module:
    """The module that a graph's records mean."""
    flat = flatten(graph, sink)
    _cut(flat, inputs, sink)
    testing, training = View(flat, training=False), View(flat, training=True)
    if with_dropout(flat, testing, training):
        testing, training = View(flat, training=False), View(flat, training=True)
    view = training if phase == "TRAIN" else testing
    wanted = find_outputs(graph, view, outputs, sink) if graph.nodes else []
    kept = averages(training)
    statistics = {view.resolve(tensor): average.variable for tensor, average in kept.items()}
    lowering = GraphLowering(view, sink, statistics)
    reads = needed(view, wanted)
    steps = arranged(view, reads, [view.resolve(tensor) for tensor in wanted])
    lowering.run(steps, reads)
    found = dict.fromkeys(lowering.value(view.resolve(tensor)) for tensor in wanted)
    if not outputs:
        note_pruned(flat.nodes.values(), reads.keys() | {source for source, _ in flat.aliases}, sink)
    extras: dict[str, Attr] = {"outputs": [_label(tensor) for tensor in wanted]} if wanted else {}
    made = Graph(name, tuple(lowering.builder.nodes), tuple(found), {"tensorflow": extras})
    made = without_dead_nodes(made, lambda node: isinstance(node.op, Input))
    if raised:
        from transpiler.passes.raise_layers import raise_layers
        from transpiler.passes.raise_layers.engine import Facts

        momenta = {average.variable: average.momentum for average in kept.values()}
        made = raise_layers(made, Facts(lowering.constants, momenta, lowering.moving()))
    made = without_calls(made)
    return Module(name, "tensorflow", {"": made}, {}, lowering.constants)


def _label(tensor: Tensor) -> str:
    return f"{tensor[0]}:{tensor[1]}"


def _cut(flat: FlatGraph, inputs: Sequence[str], sink: Sink) -> None:
    """Begin the network at these tensors: each becomes a placeholder."""
    for text in inputs:
        tensor = parse_tensor(text)
        node = flat.nodes.get(tensor[0])
        if node is None:
            sink.error("T3013", f"the graph has no tensor `{text}`")
            continue
        if node.op in ("Placeholder", "PlaceholderWithDefault"):
            continue
        shapes = node.get("_output_shapes") or ()
        shape = shapes[tensor[1]] if tensor[1] < len(shapes) else TensorShape()
        made = {"dtype": node.get("T") or node.get("dtype") or "DT_FLOAT", "shape": shape}
        if tensor[1] == 0:
            flat.nodes[tensor[0]] = attrs.evolve(node, op="Placeholder", inputs=(), controls=(), attrs=made)
        else:
            name = f"{tensor[0]}/{tensor[1]}"
            flat.nodes[name] = FlatNode(name, "Placeholder", (), made, span=node.span)
            flat.aliases[tensor] = (name, 0)
