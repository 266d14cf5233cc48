"""Binding what the user says of inputs: a whole shape for one of them, or the batch size of all.

An input is named by its blob, its value, or its layer. Inputs are nodes of the ops `input` and `data`; a data layer's
tops are bound one by one.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from transpiler.diagnostics import Sink
from transpiler.ir import Graph, Node, Shape, Value
from transpiler.ir.types import agree
from transpiler.ops.core import Data, Input
from transpiler.passes.manager import Context, Pass


def _keys(node: Node, value: Value) -> tuple[str, ...]:
    """The names under which the user may mean an input, the most exact first."""
    own = (node.name, node.origin.layer) if len(node.results) == 1 else ()
    return tuple(name for name in (value.native, value.name, *own) if name)


def input_names(graph: Graph) -> tuple[str, ...]:
    """One name for each input, as `--input-shape` takes it."""
    sources = (node for node in graph.nodes if isinstance(node.op, (Input, Data)))
    return tuple(name for node in sources for value in node.results for name in _keys(node, value)[:1])


def check_names(graphs: Iterable[Graph], context: Context) -> None:
    """Report the names of `context.input_shapes` that no input of any of the graphs has."""
    graphs = tuple(graphs)
    known = {
        key
        for graph in graphs
        for node in graph.nodes
        if isinstance(node.op, (Input, Data))
        for value in node.results
        for key in _keys(node, value)
    }
    offered = tuple(dict.fromkeys(name for graph in graphs for name in input_names(graph)))
    for name in context.input_shapes:
        if name not in known:
            _report_unknown(name, offered, context.sink)


def _report_unknown(name: str, offered: tuple[str, ...], sink: Sink) -> None:
    from difflib import get_close_matches

    close = get_close_matches(name, offered, n=1)
    listed = ", ".join(f"`{item}`" for item in offered[:12]) + (", …" if len(offered) > 12 else "")
    sink.error(
        "T4002",
        f"there is no input named `{name}`",
        notes=(f"The inputs are {listed}." if offered else "The network has no inputs.",),
        help=f"did you mean `{close[0]}`?" if close else None,
    )


def _bound(node: Node, value: Value, shape: Shape | None, context: Context) -> Shape | None:
    """The shape of one input after binding."""
    given = next(
        (context.input_shapes[key] for key in _keys(node, value) if key in context.input_shapes), None
    )
    if given is not None:
        _warn_of_change(node, value, shape, given, context)
        shape = given
    if context.batch is not None and shape:
        shape = (context.batch, *shape[1:])
    return shape


def _warn_of_change(node: Node, value: Value, shape: Shape | None, given: Shape, context: Context) -> None:
    """A note where the file says another number of channels or axes: that is rarely meant."""
    if shape is None or (len(shape) == len(given) and all(map(agree, shape[1:2], given[1:2]))):
        return
    said = ["?" if size is None else size for size in shape]
    context.sink.note(
        "T4003",
        f"input `{_keys(node, value)[0]}` is {list(given)} now; the file says {said}",
        node.span,
    )


def bind_inputs(graph: Graph, context: Context) -> Graph:
    """The graph with the given shapes in its input ops; the same object when nothing was given."""
    if not context.input_shapes and context.batch is None:
        return graph
    nodes: list[Node] = []
    for node in graph.nodes:
        op = node.op
        if isinstance(op, Input):
            op = op.evolve(shape=_bound(node, node.result, op.shape, context))
        elif isinstance(op, Data):
            rows = zip(node.results, op.shapes, strict=True)
            op = op.evolve(shapes=tuple(_bound(node, value, shape, context) for value, shape in rows))
        nodes.append(node if op == node.op else msgspec.structs.replace(node, op=op))
    if all(new is old for new, old in zip(nodes, graph.nodes, strict=True)):
        return graph
    return msgspec.structs.replace(graph, nodes=tuple(nodes))


BIND_INPUTS = Pass("bind_inputs", bind_inputs)
"""Run `check_names` over all graphs of a module first: a name may belong to the graph of one phase only."""
