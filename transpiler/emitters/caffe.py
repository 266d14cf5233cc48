"""Emission of Caffe: a module whose every node some row writes, as the text of a net in today's spelling.

A module with a graph for each phase gives one net: layers of both phases once, the others with the rules they came with
or a rule for their phase. Nothing is decided here; what Caffe cannot say never reaches this room.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, cast

import msgspec

from transpiler.dialects.caffe.schema import NET
from transpiler.dialects.caffe.typed import Plain, from_plain
from transpiler.emitters.caffe_blobs import BlobNames
from transpiler.emitters.caffe_layer import Fields, layer_fields, layer_name, shared_symbols
from transpiler.ir import Graph, Module, Node
from transpiler.ir.attributes import Attr, same
from transpiler.ops.core import Input
from transpiler.syntax.symbol import Symbol
from transpiler.syntax.textproto import Message


class _Layer(msgspec.Struct, frozen=True, eq=False):
    """A layer to be written, and where it stood in its file if that is known."""

    fields: Fields
    index: int | None

    def same_as(self, other: _Layer) -> bool:
        return self.index == other.index and same(self.fields, other.fields)

    def only_in(self, phase: str) -> _Layer:
        """The layer with a rule for its phase, unless it has rules."""
        if not phase or "include" in self.fields or "exclude" in self.fields:
            return self
        rule: Attr = [{"phase": Symbol(phase)}]
        return msgspec.structs.replace(self, fields={**self.fields, "include": rule})


def emit(module: Module) -> Message:
    """The net as text's syntax tree. Raises NotLegal for a node that no row writes."""
    shared = shared_symbols(tuple(module.graphs.values()))
    phases = {phase: list(_layers(graph, shared)) for phase, graph in module.graphs.items()}
    layers = _with_inactive(_merge(phases), module)
    extras = module.extras.get("caffe", {})
    net = cast("Mapping[str, Attr]", extras.get("net", {}))
    fields: dict[str, Any] = {"name": module.name, **net, "layer": [layer.fields for layer in layers]}
    if not module.name:
        del fields["name"]
    return from_plain(cast("Mapping[str, Plain]", fields), NET)


def _layers(graph: Graph, shared: frozenset[str]) -> Iterator[_Layer]:
    blobs = BlobNames(graph).names
    for _, group in groupby(graph.nodes, _InputGroups()):
        nodes = list(group)
        if _is_implicit(nodes[0]):
            continue
        made = [layer_fields(node, blobs, shared) for node in nodes]
        yield _Layer(made[0] if len(made) == 1 else _joined(made), _index(nodes[0]))


class _InputGroups:
    """Tells apart the layers that nodes belong to: inputs that stood in one layer are written as one again."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] = ()
        self._count = 0

    def __call__(self, node: Node) -> int:
        key: tuple[object, ...] = (node.name,)
        if isinstance(node.op, Input) and "name" in node.native("caffe") and not _is_implicit(node):
            key = (layer_name(node), _index(node), node.op.shape is None)
        if key != self._key:
            self._key = key
            self._count += 1
        return self._count


def _joined(made: Sequence[Fields]) -> Fields:
    """Several inputs as one Input layer with a shape for each top."""
    tops = [top for fields in made for top in cast("Sequence[str]", fields["top"])]
    parameters = [cast("Mapping[str, Attr]", fields.get("input_param", {})) for fields in made]
    shapes = [shape for message in parameters for shape in cast("Sequence[Attr]", message.get("shape", ()))]
    joined: Fields = {**made[0], "top": tops}
    if shapes:
        joined["input_param"] = {**parameters[0], "shape": shapes}
    return joined


def _is_implicit(node: Node) -> bool:
    """Whether a node stands for a blob that the file reads without producing it, of a shape nobody gave."""
    return isinstance(node.op, Input) and bool(node.native("caffe").get("implicit")) and node.op.shape is None


def _index(node: Node) -> int | None:
    index = node.native("caffe").get("index")
    return index if isinstance(index, int) else None


def _merge(phases: Mapping[str, Sequence[_Layer]]) -> list[_Layer]:
    """The layers of all phases, each once, in an order that keeps every phase's own."""
    if len(phases) == 1:
        return list(next(iter(phases.values())))
    (first, mine), (second, theirs) = phases.items()
    common = _common(mine, theirs)
    merged: list[_Layer] = []
    i = j = 0
    while i < len(mine) or j < len(theirs):
        left = mine[i] if i < len(mine) else None
        right = theirs[j] if j < len(theirs) else None
        if left is not None and right is not None and common.get(left) is right:
            merged.append(left)
            i, j = i + 1, j + 1
        elif right is None or (
            left is not None and left not in common and not _goes_first(right, left, common)
        ):
            merged.append(cast("_Layer", left).only_in(first))
            i += 1
        else:
            merged.append(right.only_in(second))
            j += 1
    return merged


def _goes_first(right: _Layer, left: _Layer, common: Mapping[_Layer, _Layer]) -> bool:
    """Whether a layer of the second phase alone stood before one of the first phase alone."""
    if right in common.values() or left.index is None or right.index is None:
        return False
    return right.index < left.index


def _common(mine: Sequence[_Layer], theirs: Sequence[_Layer]) -> dict[_Layer, _Layer]:
    """Pairs of equal layers, in the order of both phases."""
    by_name: dict[object, list[tuple[int, _Layer]]] = {}
    for position, layer in enumerate(theirs):
        by_name.setdefault(layer.fields.get("name"), []).append((position, layer))
    pairs: dict[_Layer, _Layer] = {}
    reached = -1
    for layer in mine:
        candidates = by_name.get(layer.fields.get("name"), [])
        match = next(((at, other) for at, other in candidates if at > reached and layer.same_as(other)), None)
        if match is not None:
            reached, pairs[layer] = match
    return pairs


def _with_inactive(layers: Sequence[_Layer], module: Module) -> list[_Layer]:
    """With the layers that are in no phase, at their places."""
    kept = cast("Sequence[Mapping[str, Any]]", module.extras.get("caffe", {}).get("inactive", ()))
    waiting = [_Layer(dict(item["layer"]), item["index"]) for item in kept]
    merged: list[_Layer] = []
    for layer in layers:
        while waiting and layer.index is not None and cast("int", waiting[0].index) < layer.index:
            merged.append(waiting.pop(0))
        merged.append(layer)
    return [*merged, *waiting]
