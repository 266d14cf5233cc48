"""Lowering of TensorFlow: a graph as text or bytes as a module with one graph of the chosen phase.

Function calls are taken apart, the phase decides its branches, what only training or saving needs is left out, and
what remains becomes ops. Learned tensors are `parameter` nodes; `RAISE_LAYERS` binds them into layers.
`Module.constants` holds the arrays that the file itself contains, by symbol, in TensorFlow's own order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from transpiler.diagnostics import Sink
from transpiler.dialects.tensorflow.functions import FlatGraph, FlatNode, Tensor, flatten
from transpiler.dialects.tensorflow.graph_def import GraphDef, TensorShape
from transpiler.dialects.tensorflow.read_binary import read_binary
from transpiler.dialects.tensorflow.read_text import read_text
from transpiler.dialects.tensorflow.restoring import held_variables
from transpiler.ir import Graph, LazyArray, Module
from transpiler.ir.attributes import Attr
from transpiler.ir.rewriting import without_dead_nodes
from transpiler.ops.core import Input, Parameter
from transpiler.passes.lower.tensorflow_branches import merged_choices, sides_read
from transpiler.passes.lower.tensorflow_graph import GraphLowering
from transpiler.passes.lower.tensorflow_names import without_calls
from transpiler.passes.lower.tensorflow_order import arranged, needed
from transpiler.passes.lower.tensorflow_outputs import find_outputs, note_pruned, parse_tensor
from transpiler.passes.lower.tensorflow_training import averages, with_dropout
from transpiler.passes.lower.tensorflow_view import View
from transpiler.passes.raise_layers import raise_layers
from transpiler.passes.raise_layers.engine import Facts
from transpiler.passes.raise_layers.recurrent import joined_arrays
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
    stored: Mapping[str, LazyArray] | None = None,
) -> Module:
    """The module that a GraphDef, MetaGraphDef or SavedModel means; whatever is wrong goes to the sink.

    `inputs` and `outputs` name tensors (`node` or `node:1`) at which the network begins and ends; without them it is
    what its signature says, or everything from its placeholders to what nothing reads. `raised`: whether single ops
    are raised to layers; `stored`: a checkpoint's tensors. Raises CompileError only for bytes that are no graph.
    """
    graph = read_binary(source, sink) if isinstance(source, bytes) else read_text(source, sink)
    return lower_graph(
        graph, name, sink, phase=phase, inputs=inputs, outputs=outputs, raised=raised, stored=stored
    )


def lower_graph(
    graph: GraphDef,
    name: str,
    sink: Sink,
    *,
    phase: str = "TEST",
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    raised: bool = True,
    stored: Mapping[str, LazyArray] | None = None,
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
    momenta = {average.variable: average.momentum for average in kept.values()}
    tensors = [view.resolve(tensor) for tensor in wanted]

    def attempt(plan: _Plan) -> tuple[GraphLowering, Graph]:
        reads = needed(view, wanted, sides_read if plan.choices else None)
        steps = arranged(view, reads, tensors)
        choices = merged_choices(view, steps, reads, tensors) if plan.choices else None
        lowering = GraphLowering(view, Sink(), statistics, kept_loops=plan.kept_loops, choices=choices)
        lowering.unchosen = plan.choices and choices is None
        lowering.run(steps, reads, tensors)
        found = dict.fromkeys(map(lowering.value, tensors))
        extras: dict[str, Attr] = {"outputs": [_label(tensor) for tensor in wanted]} if wanted else {}
        made = Graph(name, tuple(lowering.builder.nodes), tuple(found), {"tensorflow": extras})
        made = without_dead_nodes(made, lambda node: isinstance(node.op, Input))
        if raised:
            facts = Facts(
                lowering.constants,
                momenta,
                lowering.moving(),
                lowering.joined,
                literal=_has_variables(made, lowering),
                is_symbol=lowering.is_symbol,
            )
            made = raise_layers(made, facts)
        return lowering, without_calls(made)

    plan = _Plan(frozenset(), choices=True) if raised else _Plan(None, choices=False)
    lowering, made = attempt(plan)
    for _ in range(3):
        torn = _torn(lowering, made)
        if not torn and not lowering.unchosen:
            break
        again = plan.kept_loops is not None and bool(torn & set(plan.kept_loops))
        loops = None if plan.kept_loops is None or again else frozenset(plan.kept_loops) | torn
        plan = _Plan(loops, choices=plan.choices and not lowering.unchosen)
        lowering, made = attempt(plan)
    sink.extend(lowering.sink.diagnostics)
    if not outputs:
        kept_nodes = lowering.added | flat.inside | {source for source, _ in flat.aliases}
        note_pruned(flat.nodes.values(), kept_nodes, sink)
    variables = held_variables(flat, view.resolve, stored) if stored else {}
    parts = {**variables, **lowering.constants}
    constants = {**lowering.constants, **joined_arrays(lowering.joined, parts)}
    return Module(name, "tensorflow", {"": made}, {}, constants, variables)


def _has_variables(graph: Graph, lowering: GraphLowering) -> bool:
    """Whether something learned lies in a variable instead of in the file."""
    learned = (node for node in graph.nodes if isinstance(node.op, Parameter))
    return any(node.param("value").symbol not in lowering.constants for node in learned)


class _Plan(msgspec.Struct, frozen=True):
    """What is tried: which loops stay loops (None: all of them), and whether branches become choices."""

    kept_loops: frozenset[str] | None
    choices: bool


def _torn(lowering: GraphLowering, graph: Graph) -> set[str]:
    """The loops whose layers have arrays made of parts that something else uses too."""
    used = {use.symbol for node in graph.nodes for use in node.params}
    return {
        loop
        for symbol, array in lowering.joined.items()
        if array.symbols & used
        for loop in lowering.joined_by.get(symbol, ())
    }


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
            flat.nodes[tensor[0]] = msgspec.structs.replace(
                node, op="Placeholder", inputs=(), controls=(), attrs=made
            )
        else:
            name = f"{tensor[0]}/{tensor[1]}"
            flat.nodes[name] = FlatNode(name, "Placeholder", (), made, span=node.span)
            flat.aliases[tensor] = (name, 0)
