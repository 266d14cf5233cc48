"""Functional models: layers with calls, from Keras 1 to Keras 3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from transpiler.diagnostics import Span
from transpiler.dialects.keras.model import KerasLayer, KerasModel, ModelKind
from transpiler.dialects.keras.naming import numbered_name, snake_case
from transpiler.dialects.keras.reader_calls import read_call, read_coordinates
from transpiler.dialects.keras.reader_entry import Entry, ReadContext, kind_of, member, read_entry
from transpiler.dialects.keras.reader_indices import find_cycle, resolve_indices
from transpiler.dialects.keras.reader_layers import SubmodelReader, read_layer
from transpiler.dialects.keras.upgrade_objects import upgrade_dtype
from transpiler.dialects.keras.upgrade_operations import (
    FUNCTION_LAYER_CLASSES,
    RAW_OP_CLASS,
    upgrade_operation,
    without_unused_operations,
)
from transpiler.syntax.json import JsonArray, JsonObject, JsonValue, to_python

_STRUCTURAL = ("layers", "input_layers", "output_layers", "name")


def read_functional(
    entry: Entry, name: str, context: ReadContext, read_submodel: SubmodelReader
) -> KerasModel | None:
    """Return a functional model, or None after reporting why there is none."""
    entries = read_entries(member(entry.config, "layers"), entry.span, context)
    if entries is None:
        return None
    _report_duplicates(entries, context)
    names = [layer_name for layer_name, _ in entries]
    layers: list[KerasLayer] = []
    for layer_name, layer_entry in entries:
        read = read_layer(layer_entry, layer_name, context, read_submodel)
        nodes = layer_entry.inbound.items if layer_entry.inbound is not None else ()
        calls = [read_call(node, layer_entry.class_name, names, context.sink) for node in nodes]
        layers.extend(read.with_calls([call for call in calls if call is not None]))
    inputs = _coordinates(entry, "input_layers", context)
    outputs = _coordinates(entry, "output_layers", context)
    return assemble(
        name, layers, inputs, outputs, context, span=entry.span, config=model_config(entry.config)
    )


def assemble(
    name: str,
    layers: Sequence[KerasLayer],
    inputs: Any,
    outputs: Any,
    context: ReadContext,
    *,
    span: Span | None = None,
    config: dict[str, Any] | None = None,
) -> KerasModel:
    """Return the functional model of these layers after checking how they are connected."""
    resolved, inputs, outputs = resolve_indices(
        layers, inputs, outputs, context.generation, context.sink, span
    )
    cycle = find_cycle(resolved)
    if cycle:
        circle = " -> ".join([*cycle, cycle[0]])
        place = next((layer.span for layer in resolved if layer.name == cycle[0]), span)
        context.sink.error("T2007", f"these layers depend on each other in a circle: {circle}", place)
    model = KerasModel(
        kind=ModelKind.FUNCTIONAL,
        name=name,
        layers=resolved,
        input_structure=inputs,
        output_structure=outputs,
        config=config or {},
        generation=context.generation,
        span=span,
    )
    return _with_operations(model, context)


def _with_operations(model: KerasModel, context: ReadContext) -> KerasModel:
    """Turn op layers of tf.keras into operation nodes; those without a counterpart stay as they are."""
    op_classes = FUNCTION_LAYER_CLASSES | {RAW_OP_CLASS}
    if not any(layer.class_name in op_classes for layer in model.layers):
        return model
    upgraded = [
        node
        for layer in model.layers
        for node in (upgrade_operation(layer) if layer.class_name in op_classes else (layer,))
    ]
    kept = without_unused_operations(upgraded, [tensor.layer for tensor in model.outputs])
    for layer in kept:
        if layer.class_name in op_classes:
            function = layer.config.get("function", layer.class_name)
            context.sink.warning(
                "T2016",
                f"layer '{layer.name}': Keras 3 has no operation for {function!r} as it is called here",
                layer.span,
            )
    return KerasModel(
        kind=model.kind,
        name=model.name,
        layers=kept,
        input_structure=model.input_structure,
        output_structure=model.output_structure,
        config=model.config,
        generation=model.generation,
        span=model.span,
    )


def read_entries(
    node: JsonValue | None, span: Span | None, context: ReadContext
) -> list[tuple[str, Entry]] | None:
    """Return the entries of a list of layers with their names; layers without a name get one."""
    if node is None:
        context.sink.error(
            "T2002", "the model has no layers", span, help='a model\'s config needs a "layers" array'
        )
        return None
    if not isinstance(node, JsonArray):
        context.sink.error("T2003", f"layers must be an array, but this is {kind_of(node)}", node.span)
        return None
    entries = [entry for item in node.items if (entry := read_entry(item, context.sink)) is not None]
    taken = {entry.name for entry in entries if entry.name is not None}
    named = []
    for entry in entries:
        name = entry.name
        if name is None:
            name = numbered_name(snake_case(entry.class_name), taken)
            taken.add(name)
        named.append((name, entry))
    return named


def model_config(node: JsonValue) -> dict[str, Any]:
    """Return what a model's config says besides its layers and their connections."""
    if not isinstance(node, JsonObject):
        return {}
    kept = {item.key: to_python(item.value) for item in node.members if item.key not in _STRUCTURAL}
    if "dtype" in kept:
        kept["dtype"] = upgrade_dtype(kept["dtype"])
    return kept


def _coordinates(entry: Entry, key: str, context: ReadContext) -> Any:
    node = member(entry.config, key)
    if node is None:
        context.sink.error("T2002", f"the model has no {key}", entry.span)
        return []
    return read_coordinates(to_python(node), node.span, context.sink)


def _report_duplicates(entries: Sequence[tuple[str, Entry]], context: ReadContext) -> None:
    first: dict[str, Entry] = {}
    for name, entry in entries:
        if name not in first:
            first[name] = entry
            continue
        earlier = first[name].span
        context.sink.error(
            "T2004", f"two layers are named '{name}'", entry.span, help="every layer of a model needs its own name",
            related=((earlier, "the first one is here"),) if earlier is not None else (),
        )  # fmt: skip
