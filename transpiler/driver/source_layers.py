"""Which nodes came from which layer of the source: nodes of one origin are one layer, whatever lowering made of it.

A nested model is one layer with layers of its own inside. A layer that is called several times is one layer whose
inputs and outputs are those of all calls, in order.
"""

from __future__ import annotations

import operator
from collections.abc import Hashable, Iterable, Sequence
from typing import Final

import msgspec

from transpiler.diagnostics import Span
from transpiler.driver.nesting import Nesting
from transpiler.ir import Graph, Node, Value
from transpiler.ops.core import Input

_NOWHERE: Final = -1


class SourceLayer(msgspec.Struct, frozen=True):
    """One layer of the source and what it became. `path` is that of the model it stands in ("" at the top)."""

    name: str
    native_type: str
    op: str
    path: str
    span: Span | None
    nodes: tuple[Node, ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    inner: tuple[SourceLayer, ...] | None = None


def source_layers(graph: Graph, nesting: Nesting) -> tuple[SourceLayer, ...]:
    """The layers of a graph, in the order in which the source writes them.

    Inputs that the source implies without a layer for them are absent.
    """
    written = [node for node in graph.nodes if not any(kept.get("implicit") for kept in node.extras.values())]
    return _layers(graph, nesting, written, "")


def _layers(graph: Graph, nesting: Nesting, nodes: Iterable[Node], path: str) -> tuple[SourceLayer, ...]:
    groups: dict[Hashable, list[Node]] = {}
    for node in nodes:
        groups.setdefault(_key(nesting, node, path), []).append(node)
    layers = [_layer(graph, nesting, group, path) for group in groups.values()]
    places = {layer.span for layer in layers if layer.native_type != "InputLayer"}
    layers = [layer for layer in layers if layer.native_type != "InputLayer" or layer.span not in places]
    starts = [layer.span.start if layer.span is not None else _NOWHERE for layer in layers]
    if _NOWHERE in starts:
        return tuple(layers)
    return tuple(layer for _, layer in sorted(zip(starts, layers, strict=True), key=operator.itemgetter(0)))


def _key(nesting: Nesting, node: Node, path: str) -> Hashable:
    """What the nodes of one layer have in common. Caffe layers may share a name, but become a node (or inputs) each."""
    home = nesting.path(node)
    if home != path:
        return nesting.child(path, home)
    alone = nesting.is_caffe and not isinstance(node.op, Input)
    return node.origin.layer, node.origin.type, node.name if alone else ""


def _layer(graph: Graph, nesting: Nesting, nodes: Sequence[Node], path: str) -> SourceLayer:
    first = nodes[0]
    nested = nesting.child(path, nesting.path(first)) if nesting.path(first) != path else None
    if nested is not None:
        return _model(graph, nesting, nodes, nested)
    name = nesting.own_name(first)
    calls = _calls(nodes, name)
    main = next((node for node in nodes if node.op.roles), first)
    return SourceLayer(
        name=name,
        native_type=first.origin.type,
        op=main.op.name,
        path=path,
        span=first.span,
        nodes=tuple(nodes),
        inputs=tuple(value for call in calls for value in _inputs(call)),
        outputs=tuple(value for call in calls for value in _outputs(graph, call)),
    )


def _model(graph: Graph, nesting: Nesting, nodes: Sequence[Node], path: str) -> SourceLayer:
    inner = _layers(graph, nesting, nodes, path)
    spans = [layer.span for layer in inner if layer.span is not None]
    return SourceLayer(
        name=nesting.name(path),
        native_type=nesting.kind(path),
        op="model",
        path=nesting.parent(path),
        span=min(spans, key=lambda span: span.start, default=None),
        nodes=tuple(nodes),
        inputs=nesting.operands(path),
        outputs=nesting.results(path),
        inner=inner,
    )


def _calls(nodes: Sequence[Node], name: str) -> list[list[Node]]:
    """The nodes of each call of a layer: those of later calls are named `LAYER@1`, `LAYER@1/activation`, ..."""
    calls: dict[tuple[str, str], list[Node]] = {}
    for node in nodes:
        whole = f"{node.scope}/{name}" if node.scope else name
        rest = node.name.removeprefix(whole).partition("/")[0]
        calls.setdefault((node.scope, rest if rest.startswith("@") else ""), []).append(node)
    return list(calls.values())


def _inputs(nodes: Sequence[Node]) -> tuple[Value, ...]:
    """What the nodes read from others. One node keeps repetitions: adding x to x has two inputs."""
    made = {value for node in nodes for value in node.results}
    read = [value for node in nodes for value in node.operands if value not in made]
    return tuple(read if len(nodes) == 1 else dict.fromkeys(read))


def _outputs(graph: Graph, nodes: Sequence[Node]) -> tuple[Value, ...]:
    """The named values of a call where the source names values; else what others read and what its last node gives."""
    named = [value for node in nodes for value in node.results if value.native is not None]
    if named:
        return tuple(named)
    own, put_out, last = set(nodes), set(graph.outputs), nodes[-1].results
    read = [
        value
        for node in nodes
        for value in node.results
        if value in put_out or any(user not in own for user in graph.uses.get(value, ()))
    ]
    return tuple(dict.fromkeys((*(last[:1]), *read, *last)))
