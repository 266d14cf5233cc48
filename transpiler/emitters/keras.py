"""Writing Keras: a legal graph as the JSON of Keras 3 or Keras 2.

Sequential for a chain (if the source was Sequential, or no Keras file), functional otherwise. The emitter invents no
layers: what Keras cannot say, legalization has taken care of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from transpiler.dialects.keras.dialect import KERAS3
from transpiler.dialects.keras.model import Call, KerasLayer, KerasModel, ModelKind, TensorRef
from transpiler.dialects.keras.spelling import DTYPE_NAMES
from transpiler.dialects.keras.writer import Written, to_keras3
from transpiler.dialects.rows import Dialect
from transpiler.emitters.keras_layers import (
    Names,
    is_operation,
    layer_name,
    layer_of,
    legal_name,
    literal,
    shared,
    sharing_key,
    unit_call,
)
from transpiler.emitters.keras_nest import Item, Nested, arranged, one_step_of, relative
from transpiler.emitters.keras_units import Unit, units_of
from transpiler.ir import Graph, Module, Value
from transpiler.ir.attributes import Attr
from transpiler.ir.types import Dim, agree
from transpiler.ops.core import Constant, Input
from transpiler.syntax.json import JsonValue, from_python

KERAS_2: Final = 2
_MODEL_KEYS: Final = ("kind", "name", "inputs", "outputs", "models", "nested")


def emit(module: Module, generation: int = 3) -> JsonValue:
    """The JSON of a module's graph. Raises NotLegal for a graph that is not legal for that Keras."""
    return from_python(write(module, generation).document)


def write(module: Module, generation: int = 3) -> Written:
    """The same as plain data, and what of the model it does not say."""
    model = model_of(module, generation)
    if generation != KERAS_2:
        return to_keras3(model)
    from transpiler.dialects.keras.writer_keras2 import to_keras2

    return to_keras2(model)


def model_of(module: Module, generation: int = 3) -> KerasModel:
    """The Keras model that a module's graph is; the tensors in its calls say their shape and dtype."""
    return _modelled(module, generation)[0]


def _modelled(module: Module, generation: int) -> tuple[KerasModel, Mapping[Value, LayerTensor]]:
    graph = module.graph("TEST")
    dialect = _dialect(generation)
    items = arranged(graph, units_of(graph, dialect))
    extras: Mapping[str, Any] = graph.extras.get("keras", {})
    writer = ModelWriter(graph, extras.get("models", {}), dialect)
    wants_chain = extras.get("kind", "Sequential") == "Sequential"
    if wants_chain and is_chain(items, graph.outputs):
        model = writer.sequential(items, legal_name(graph.name or module.name))
    else:
        model = writer.functional(items, legal_name(graph.name or module.name), graph.outputs, extras)
    compiled: Any = module.extras.get("keras", {}).get("compile_config")
    made = msgspec.structs.replace(model, config=_model_config(extras), compile_config=compiled)
    return made, writer.tensors


def _dialect(generation: int) -> Dialect:
    if generation != KERAS_2:
        return KERAS3
    from transpiler.dialects.keras.dialect_keras2 import KERAS2

    return KERAS2


def _model_config(extras: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in extras.items() if key not in _MODEL_KEYS}


def is_chain(items: Sequence[Item], outputs: Sequence[Value], given: Sequence[Value] = ()) -> bool:
    """Whether each item is a layer called once, on the result of the one before."""
    previous = given[0] if len(given) == 1 else None
    names: set[str] = set()
    for i, item in enumerate(items):
        is_input = isinstance(item, Unit) and isinstance(item.node.op, Input)
        if is_input != (i == 0 and not given) or len(item.results) != 1:
            return False
        if not is_input and (item.operands != (previous,) or (isinstance(item, Unit) and is_operation(item))):
            return False
        key = repr(_item_key(item))
        if key in names:
            return False
        names.add(key)
        previous = item.results[0]
    return bool(items) and tuple(outputs) == (previous,)


def _item_key(item: Item) -> object:
    return ("model", item.path) if isinstance(item, Nested) else sharing_key(item)


class LayerTensor(msgspec.Struct, frozen=True):
    """A tensor in a written model: which output of which call of a layer, behind the names of the models around it."""

    path: tuple[str, ...]
    call: int = 0
    index: int = 0


def tensors_of(module: Module, generation: int = 3) -> Mapping[Value, LayerTensor]:
    """Where the values of a module's graph are in the model that `write` makes of it.

    Absent are values that no layer puts out, and those inside later calls of a nested model.
    """
    return _modelled(module, generation)[1]


class _Written(msgspec.Struct):
    """A layer while its calls are being collected."""

    item: Item
    name: str
    calls: list[Call] = msgspec.field(default_factory=list)


class ModelWriter:
    """Builds models from items; nested models by itself again."""

    def __init__(self, graph: Graph, models: Mapping[str, Any], dialect: Dialect) -> None:
        self.graph = graph
        self.dialect = dialect
        self.models = models
        self.tensors: dict[Value, LayerTensor] = {}

    def sequential(self, items: Sequence[Item], name: str) -> KerasModel:
        """A chain. An input of unknown shape is left out: Keras builds such a model when it is first called."""
        first = items[0]
        implicit = (
            isinstance(first, Unit) and isinstance(first.node.op, Input) and first.node.op.shape is None
        )
        body = Body(self, items[1:] if implicit else items, "", ())
        if implicit:
            body.refs[first.results[0]] = None
        layers = body.layers()
        inputs = [] if implicit else [TensorRef(layers[0].name)]
        return KerasModel(ModelKind.SEQUENTIAL, name, layers, inputs, [TensorRef(layers[-1].name)])

    def functional(
        self, items: Sequence[Item], name: str, outputs: Sequence[Value], extras: Mapping[str, Any]
    ) -> KerasModel:
        """A model of any form."""
        body = Body(self, items, "", ())
        layers = body.layers()
        inputs = {
            unit.name: body.ref(unit.results[0])
            for unit in items
            if isinstance(unit, Unit) and isinstance(unit.node.op, Input)
        }
        return KerasModel(
            ModelKind.FUNCTIONAL,
            name,
            layers,
            _inputs(extras.get("inputs"), inputs),
            filled(extras.get("outputs"), [body.ref(value) for value in outputs]),
        )

    def nested(self, call: Nested, name: str, path: tuple[str, ...] | None) -> KerasModel:
        """The model of which this is a call, inside the models of `path` (None: inside a wrapper)."""
        record: Mapping[str, Any] = self.models.get(call.path, {})
        if "wrapper" in record:
            call = one_step_of(call, self.dialect)
        inputs = self._input_layers(call, record)
        body = Body(self, call.items, call.scope, path)
        config = dict(record.get("config", {}))
        if record.get("kind") == "Sequential" and is_chain(call.items, call.results, call.operands):
            for value in call.operands:
                body.refs[value] = body.take_input(inputs[0]) if inputs else None
            layers = (*inputs, *body.layers())
            refs = [TensorRef(layer.name) for layer in inputs]
            return KerasModel(ModelKind.SEQUENTIAL, name, layers, refs, [TensorRef(layers[-1].name)], config)
        if not inputs:
            inputs = [_made_input(value, f"{name}_input{i or ''}") for i, value in enumerate(call.operands)]
        for layer, value in zip(inputs, call.operands, strict=True):
            body.refs[value] = body.take_input(layer)
        layers = (*inputs, *body.layers())
        by_name = {layer.name: TensorRef(layer.name) for layer in inputs}
        outputs = [body.ref(value) for value in call.results]
        structure = record.get("outputs") if call.as_written else None
        shape = record.get("inputs") if call.as_written else None
        return KerasModel(
            ModelKind.FUNCTIONAL, name, layers, _inputs(shape, by_name), filled(structure, outputs), config
        )

    def _input_layers(self, call: Nested, record: Mapping[str, Any]) -> list[KerasLayer]:
        """The InputLayers of a nested model: as recorded, with the shapes that its operands now have."""
        recorded = record.get("layers", []) if call.as_written else []
        order = _flat_names(record.get("inputs", []))
        by_name = {item["name"]: item for item in recorded}
        ordered = [by_name[name] for name in order if name in by_name]
        if len(ordered) != len(call.operands):
            return []
        return [_input_layer(item, value) for item, value in zip(ordered, call.operands, strict=True)]


class Body:
    """The layers of one model while their calls are collected."""

    def __init__(
        self, writer: ModelWriter, items: Sequence[Item], scope: str, path: tuple[str, ...] | None
    ) -> None:
        self.writer = writer
        self.scope = scope
        self.path = path
        self.items = items
        self.names = Names()
        self.refs: dict[Value, TensorRef | None] = {}

    def take_input(self, layer: KerasLayer) -> TensorRef:
        """The tensor of an InputLayer, whose name is taken from now on."""
        self.names.fresh(layer.name)
        return TensorRef(layer.name)

    def ref(self, value: Value) -> Any:
        """What stands for a value in a call: a tensor, or numbers."""
        if value not in self.refs:
            op = self.writer.graph.producers[value].op
            if isinstance(op, Constant):
                return literal(op)
        return self.refs[value]

    def layers(self) -> tuple[KerasLayer, ...]:
        """All layers with their calls, in the order of their first call."""
        found: dict[object, list[_Written]] = {}
        order: list[_Written] = []
        for item in self.items:
            candidates = found.setdefault(_item_key(item), [])
            layer = next((written for written in candidates if _same_layer(written.item, item)), None)
            if layer is None:
                layer = _Written(item, self.names.fresh(layer_name(relative(_name(item), self.scope))))
                candidates.append(layer)
                order.append(layer)
            self._call(item, layer)
        return tuple(self._made(layer) for layer in order)

    def _call(self, item: Item, layer: _Written) -> None:
        arguments = [self.ref(value) for value in item.operands]
        is_input = isinstance(item, Unit) and isinstance(item.node.op, Input)
        if not is_input:
            layer.calls.append(self._made_call(item, arguments))
        number = max(len(layer.calls) - 1, 0)
        for i, value in enumerate(item.results):
            if value in self.refs and isinstance(item, Nested) and value in item.operands:
                continue
            if self.path is not None:
                self.writer.tensors.setdefault(value, LayerTensor((*self.path, layer.name), number, i))
            known = value.type if not self.scope and value.type.shape is not None else None
            shape, dtype = (None, None) if known is None else (known.shape, DTYPE_NAMES[known.dtype])
            self.refs[value] = TensorRef(layer.name, number, i, shape, dtype)

    def _made_call(self, item: Item, arguments: list[Any]) -> Call:
        if arguments == [None]:
            return Call()
        if isinstance(item, Unit):
            return unit_call(item, arguments)
        record: Mapping[str, Any] = self.writer.models.get(item.path, {})
        structure = record.get("inputs") if item.as_written else None
        names = _flat_names(structure)
        if structure is not None and len(names) == len(arguments) and not isinstance(structure, list):
            return Call((_inputs(structure, dict(zip(names, arguments, strict=True))),))
        return Call(tuple(arguments) if len(arguments) == 1 else (arguments,))

    def _made(self, layer: _Written) -> KerasLayer:
        if isinstance(layer.item, Unit):
            return layer_of(layer.item, layer.name, layer.calls)
        wrapper = self.writer.models.get(layer.item.path, {}).get("wrapper")
        name = layer.name if wrapper is None else legal_name(wrapper["name"])
        inside = None if wrapper is not None or self.path is None else (*self.path, layer.name)
        model = self.writer.nested(layer.item, name, inside)
        if wrapper is None:
            return KerasLayer(model.kind.value, layer.name, calls=tuple(layer.calls), model=model)
        inner = KerasLayer(model.kind.value, name, model=model)
        return KerasLayer(
            wrapper["class_name"],
            layer.name,
            dict(wrapper["config"]),
            tuple(layer.calls),
            inner={"layer": inner},
        )


def _same_layer(left: Item, right: Item) -> bool:
    if isinstance(left, Nested) or isinstance(right, Nested):
        return isinstance(left, Nested) and isinstance(right, Nested)
    return shared(left, right)


def _name(item: Item) -> str:
    return item.scope if isinstance(item, Nested) else item.name


def _made_input(value: Value, name: str) -> KerasLayer:
    shape = list(value.type.shape) if value.type.shape is not None else None
    config: dict[str, Any] = {"batch_shape": shape, "dtype": DTYPE_NAMES[value.type.dtype]}
    return KerasLayer("InputLayer", name, config)


def _input_layer(item: Mapping[str, Any], value: Value) -> KerasLayer:
    config = dict(item["config"])
    shape, given = value.type.shape, config.get("batch_shape")
    if shape is not None and isinstance(given, list) and not _agree(shape, given):
        config["batch_shape"] = list(shape)
    return KerasLayer("InputLayer", legal_name(str(item["name"])), config)


def _agree(shape: Sequence[Dim], given: Sequence[Dim]) -> bool:
    return len(shape) == len(given) and all(map(agree, shape, given))


def _flat_names(structure: Any) -> list[str]:
    """The names in a structure of inputs, flat; those of a dict in the order of its sorted keys."""
    if isinstance(structure, str):
        return [structure]
    if isinstance(structure, Mapping):
        return [name for key in sorted(structure) for name in _flat_names(structure[key])]
    if isinstance(structure, (list, tuple)):
        return [name for item in structure for name in _flat_names(item)]
    return []


def _inputs(structure: Attr, refs: Mapping[str, Any]) -> Any:
    """The structure of inputs with tensors for names, or simply all inputs if it does not fit."""
    plain = list(refs.values())
    names = _flat_names(structure)
    if structure is None or sorted(names) != sorted(refs):
        return plain[0] if len(plain) == 1 else plain
    return _replaced(structure, refs)


def filled(structure: Attr, refs: Sequence[Any]) -> Any:
    """The structure of outputs with tensors for numbers, or simply all outputs if it does not fit."""
    numbers = sorted(_numbers(structure))
    if structure is None or numbers != list(range(len(refs))):
        return refs[0] if len(refs) == 1 else list(refs)
    return _replaced(structure, dict(enumerate(refs)))


def _numbers(structure: Any) -> list[int]:
    if isinstance(structure, int):
        return [structure]
    parts = structure.values() if isinstance(structure, Mapping) else structure
    return (
        [number for part in parts or () for number in _numbers(part)]
        if isinstance(structure, (Mapping, list))
        else []
    )


def _replaced(structure: Any, leaves: Mapping[Any, Any]) -> Any:
    if isinstance(structure, Mapping):
        return {key: _replaced(item, leaves) for key, item in structure.items()}
    if isinstance(structure, (list, tuple)):
        return [_replaced(item, leaves) for item in structure]
    return leaves[structure]
