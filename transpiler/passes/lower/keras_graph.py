"""A Keras model walked call by call into nodes; nested models are taken apart under the path of their names."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from transpiler.diagnostics import Sink, Span
from transpiler.dialects.keras.calls import pattern_of
from transpiler.dialects.keras.defaults import is_default
from transpiler.dialects.keras.dialect import type_name
from transpiler.dialects.keras.distribution import distributed, one_step
from transpiler.dialects.keras.model import (
    Call,
    KerasLayer,
    KerasModel,
    ModelKind,
    TensorRef,
    map_structure,
    tensors_in,
)
from transpiler.ir import Graph, Node, Op, Origin, ParamUse, TensorType, Value
from transpiler.ir.attributes import Attr
from transpiler.ir.rewriting import GraphBuilder
from transpiler.ops.core import Constant, Input
from transpiler.ops.shape import ExpandDims, Flatten, Transpose
from transpiler.passes.lower.keras_layer import Reading, infer, native_type, operand_values, read_layer
from transpiler.passes.lower.keras_order import call_order

_MERGING = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
Tensors = dict[tuple[str, int, int], Value]
"""Layer, which of its calls, which of its tensors."""


class Place(msgspec.Struct, frozen=True):
    """Where a model is being taken apart: the path of its calls (with `@1` for second calls) and of its layers."""

    scope: str = ""
    path: str = ""

    def node(self, layer: str, call: int) -> str:
        """The name of a node of a layer's call."""
        name = f"{self.scope}/{layer}" if self.scope else layer
        return f"{name}@{call}" if call else name

    def layer(self, layer: str) -> str:
        """The path of a layer, which its parameters are named by."""
        return f"{self.path}/{layer}" if self.path else layer


class Frame(msgspec.Struct, frozen=True):
    """A model while it is being taken apart: where, what it is called on, and the tensors made so far."""

    model: KerasModel
    place: Place
    given: Sequence[Value] | None
    used: Mapping[tuple[str, int], int]
    """How many tensors of each call are used."""
    tensors: Tensors = msgspec.field(default_factory=dict)


class GraphLowering:
    """Builds one graph from a model."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.builder = GraphBuilder()
        self.types: dict[Value, TensorType] = {}
        self.models: dict[str, Attr] = {}
        self.nested: dict[str, Attr] = {}

    def run(self, model: KerasModel) -> Graph:
        """The graph of a whole model."""
        outputs = self._model(model, Place(), None)
        extras: dict[str, Attr] = {"kind": model.kind.value, "name": model.name}
        extras |= model_settings(model)
        if model.kind is ModelKind.FUNCTIONAL:
            extras["inputs"] = map_structure(_layer_name, model.input_structure)
            extras["outputs"] = numbered(model.output_structure)
        if self.models:
            extras |= {"models": self.models, "nested": self.nested}
        return Graph(model.name, tuple(self.builder.nodes), tuple(outputs), {"keras": extras})

    def _model(self, model: KerasModel, place: Place, given: Sequence[Value] | None) -> list[Value]:
        """Lower a model; `given` are the values that a nested one is called on. The answer is its outputs."""
        frame = Frame(model, place, given, used_results(model))
        feeds = (
            dict(zip((ref.layer for ref in model.inputs), given, strict=False)) if given is not None else {}
        )
        for number, call in call_order(model):
            layer = model.layers[number]
            if layer.class_name == "InputLayer" and layer.name in feeds:
                frame.tensors[layer.name, 0, 0] = feeds[layer.name]
                continue
            results = self._call(frame, layer, call)
            frame.tensors.update({(layer.name, call, i): value for i, value in enumerate(results)})
        return self._values(frame, model.outputs, "the model", model.span)

    def _call(self, frame: Frame, layer: KerasLayer, call: int) -> Sequence[Value]:
        made = layer.calls[call] if layer.calls else Call()
        unfed = not made.args and not made.kwargs and layer.class_name != "InputLayer"
        if layer.model is not None:
            values = self._values(
                frame, tensors_in(made.args, sort_keys=True), f"layer '{layer.name}'", layer.span
            )
            return self._nested(
                frame, layer, layer.model, call, self._unfed(frame, layer) if unfed else values
            )
        pattern, refs = pattern_of(layer, made)
        values = self._values(frame, refs, f"layer '{layer.name}'", layer.span)
        if unfed:
            values, pattern = list(self._unfed(frame, layer)), None
        inner = layer.inner.get("layer")
        if (
            layer.class_name == "TimeDistributed"
            and inner is not None
            and inner.model is not None
            and pattern is None
        ):
            results = self._distributed(frame, layer, inner.model, call, values)
            if results is not None:
                return results
        return self._layer(frame, layer, call, values, pattern)

    def _values(self, frame: Frame, refs: Iterable[TensorRef], user: str, span: Span | None) -> list[Value]:
        """The values of tensors. One that no layer gives is reported, and stands as an input of unknown shape."""
        found: list[Value] = []
        for ref in refs:
            key = (ref.layer, ref.node_index, ref.tensor_index)
            if key not in frame.tensors:
                text = f"{user} uses output {ref.tensor_index} of layer '{ref.layer}', which does not have it"
                self.sink.error("T2006", text, span)
                origin = Origin(ref.layer, "InputLayer", span)
                frame.tensors[key] = self.builder.add(Input(), (), name=ref.layer, origin=origin).result
            found.append(frame.tensors[key])
        return found

    def _unfed(self, frame: Frame, layer: KerasLayer) -> Sequence[Value]:
        """What a Sequential model's first layer reads: what the model is called on, or an input of unknown shape."""
        if frame.given is not None:
            return frame.given
        name = f"{layer.name}_input"
        origin = Origin(name, "InputLayer", layer.span)
        return self.builder.add(
            Input(), (), name=name, origin=origin, extras={"keras": {"implicit": True}}
        ).results

    def _nested(
        self, frame: Frame, layer: KerasLayer, model: KerasModel, call: int, operands: Sequence[Value]
    ) -> Sequence[Value]:
        inside = Place(frame.place.node(layer.name, call), frame.place.layer(layer.name))
        results = self._model(model, inside, operands)
        self.models.setdefault(inside.path, nested_record(layer, model))
        names: list[Attr] = [value.name for value in operands]
        made: list[Attr] = [value.name for value in results]
        self.nested[inside.scope] = {"model": inside.path, "operands": names, "results": made}
        return results

    def _distributed(
        self, frame: Frame, layer: KerasLayer, model: KerasModel, call: int, operands: Sequence[Value]
    ) -> Sequence[Value] | None:
        """A model applied to every step, layer by layer; None if some layer of it is not understood."""
        inside = Place(frame.place.node(layer.name, call), frame.place.layer(layer.name))
        trial = GraphLowering(Sink())
        steps = [Value(value.name) for value in operands]
        trial.types = {
            step: one_step(self.types.get(value, TensorType()))
            for step, value in zip(steps, operands, strict=True)
        }
        results = trial._model(model, inside, steps)
        if trial.sink.diagnostics or any(
            isinstance(node.op, (Input, Constant)) for node in trial.builder.nodes
        ):
            return None
        now = dict(zip(steps, operands, strict=True))
        for node in trial.builder.nodes:
            made = self.add(
                distributed(node.op),
                [now[value] for value in node.operands],
                node.name,
                node.origin,
                params=node.params,
                scope=node.scope,
                extras=node.extras,
            )
            now.update(zip(node.results, made.results, strict=True))
        self._record(trial, inside, layer, model, operands, [now[value] for value in results])
        return [now[value] for value in results]

    def _record(
        self,
        trial: GraphLowering,
        inside: Place,
        layer: KerasLayer,
        model: KerasModel,
        operands: Sequence[Value],
        results: Sequence[Value],
    ) -> None:
        """Keep what is needed to write the wrapper and the models in it again."""
        wrapper: dict[str, Attr] = {"class_name": layer.class_name, "name": model.name, "config": said(layer)}
        self.models.setdefault(inside.path, {**nested_record(layer, model), "wrapper": wrapper})
        self.models |= {path: record for path, record in trial.models.items() if path not in self.models}
        self.nested |= trial.nested
        names: list[Attr] = [value.name for value in operands]
        made: list[Attr] = [value.name for value in results]
        self.nested[inside.scope] = {"model": inside.path, "operands": names, "results": made}

    def _layer(
        self, frame: Frame, layer: KerasLayer, call: int, values: Sequence[Value], pattern: Attr
    ) -> Sequence[Value]:
        types = [self.types.get(value, TensorType()) for value in values]
        reading = read_layer(layer, pattern, types, frame.used.get((layer.name, call), 1), self.sink)
        writer = NodeWriter(self, layer, call, frame.place, reading)
        values = writer.prepared(values)
        node = writer.base(operand_values(values, writer.constants()))
        if reading.activation is None:
            return node.results
        return (writer.add(reading.activation, node.results[:1], "activation").result, *node.results[1:])

    def add(self, op: Op, operands: Sequence[Value], name: str, origin: Origin, **more: Any) -> Node:
        """Append a node whose results' types are known here, though the graph does not say them yet."""
        types = infer(op, [self.types.get(value, TensorType()) for value in operands])
        node = self.builder.add(op, operands, name=name, origin=origin, infer=isinstance(op, Input), **more)
        self.types.update(zip(node.results, types, strict=True))
        return node


class NodeWriter(msgspec.Struct, frozen=True):
    """Adds the nodes of one call of a layer."""

    graph: GraphLowering
    layer: KerasLayer
    call: int
    place: Place
    reading: Reading

    @property
    def name(self) -> str:
        return self.place.node(self.layer.name, self.call)

    @property
    def origin(self) -> Origin:
        written = self.layer.original_class_name or self.layer.class_name
        kind = type_name(native_type(self.layer)) if self.layer.is_operation else written
        return Origin(self.place.layer(self.layer.name), kind, self.layer.span)

    def add(self, op: Op, operands: Sequence[Value], what: str) -> Node:
        """A node beside the layer's own."""
        return self.graph.add(op, operands, f"{self.name}/{what}", self.origin, scope=self.place.scope)

    def constants(self) -> dict[int, Value]:
        """Numbers in the call as values, by their place among the operands."""
        return {place: self.add(op, (), "constant").result for place, op in self.reading.constants}

    def prepared(self, values: Sequence[Value]) -> Sequence[Value]:
        """Operands as the op wants them: Keras flattens maps channels last, and merges by new axes behind the batch."""
        types = [self.graph.types.get(value, TensorType()) for value in values]
        ranks = [type_.rank for type_ in types]
        if isinstance(self.reading.op, Flatten) and self.layer.config.get("data_format") == "channels_first":
            rank = ranks[0] or 0
            if rank < 3:
                return values
            return self.add(Transpose(axes=(0, *range(2, rank), 1)), values, "transpose").results
        if (
            self.layer.class_name not in _MERGING
            or self.layer.is_operation
            or None in ranks
            or len(set(ranks)) < 2
        ):
            return values
        most = max(rank for rank in ranks if rank is not None)
        return [self._expanded(value, most - (rank or 0)) for value, rank in zip(values, ranks, strict=True)]

    def _expanded(self, value: Value, count: int) -> Value:
        for _ in range(count):
            value = self.add(ExpandDims(axis=1), (value,), "expand").result
        return value

    def base(self, operands: Sequence[Value]) -> Node:
        """The layer's own node. Its parameters are named by the layer, whichever call it is."""
        op, extras = self.reading.op, dict(self.reading.extras)
        if isinstance(op, Flatten):
            extras.pop("data_format", None)
        path = self.place.layer(self.layer.name)
        params = tuple(ParamUse(role, f"{path}/{role}") for role in op.roles) if self.name != path else ()
        kept = {"keras": extras} if extras else {}
        return self.graph.add(
            op, operands, self.name, self.origin, params=params, scope=self.place.scope, extras=kept
        )


def _layer_name(ref: Any) -> Attr:
    return ref.layer if isinstance(ref, TensorRef) else ref


def numbered(structure: Any) -> Attr:
    """A structure of tensors with each tensor's number among the flat ones, dicts in the order of their sorted keys."""
    count = itertools.count()

    def walk(value: Any) -> Any:
        if isinstance(value, TensorRef):
            return next(count)
        if isinstance(value, dict):
            made = {key: walk(value[key]) for key in sorted(value)}
            return {key: made[key] for key in value}
        if isinstance(value, (list, tuple)):
            return [walk(item) for item in value]
        return value

    made: Attr = walk(structure)
    return made


def said(layer: KerasLayer) -> dict[str, Attr]:
    """What a layer's config says beyond the defaults."""
    return {
        key: value
        for key, value in layer.config.items()
        if key != "name"
        and not is_default(layer.class_name, key, value)
        and (key, value) != ("dtype", "float32")
    }


def model_settings(model: KerasModel) -> dict[str, Attr]:
    """What a model says of itself beyond its layers, where it is not the default."""
    said = {key: value for key, value in model.config.items() if key not in ("build_input_shape", "name")}
    defaults = {"trainable": True, "dtype": "float32"}
    return {key: value for key, value in said.items() if defaults.get(key) != value}


def nested_record(layer: KerasLayer, model: KerasModel) -> dict[str, Attr]:
    """What is needed to write a nested model again: its kind, its inputs, the form of its inputs and outputs."""
    inputs: list[Attr] = [
        {"name": item.name, "config": dict(item.config)}
        for item in model.layers
        if item.class_name == "InputLayer"
    ]
    return {
        "kind": model.kind.value,
        "name": layer.name,
        "config": model_settings(model),
        "layers": inputs,
        "inputs": map_structure(_layer_name, model.input_structure),
        "outputs": numbered(model.output_structure),
    }


def used_results(model: KerasModel) -> dict[tuple[str, int], int]:
    """How many tensors of each call are used: at least one (absent)."""
    refs = [ref for layer in model.layers for made in layer.calls for ref in made.tensors] + list(
        model.outputs
    )
    found: dict[tuple[str, int], int] = {}
    for ref in refs:
        key = (ref.layer, ref.node_index)
        found[key] = max(found.get(key, 1), ref.tensor_index + 1)
    return found
