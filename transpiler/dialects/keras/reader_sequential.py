"""Sequential models: a bare list before Keras 2.2.3, `{"layers": [...]}` since; and their beginnings.

The input shape is an InputLayer since tf.keras 2.2. Before, it is an argument of the first layer:
`batch_input_shape`, or in hand-written files `input_shape`, `input_dim`, `input_length`. A first layer that
is itself a model brings its own.
"""

from __future__ import annotations

from typing import Any, Final

from transpiler.dialects.keras.model import Call, KerasLayer, KerasModel, ModelKind, TensorRef
from transpiler.dialects.keras.naming import numbered_name, unique_name
from transpiler.dialects.keras.reader_entry import Entry, ReadContext, member, read_entry
from transpiler.dialects.keras.reader_functional import assemble, model_config, read_entries
from transpiler.dialects.keras.reader_layers import ReadLayer, SubmodelReader, read_layer
from transpiler.syntax.json import JsonArray, JsonValue

_SEQUENCE_CLASSES: Final = (
    "LSTM", "GRU", "SimpleRNN", "CuDNNLSTM", "CuDNNGRU", "Convolution1D", "Conv1D", "AtrousConvolution1D",
    "TimeDistributedDense", "LocallyConnected1D", "Bidirectional",
)  # fmt: skip
"""Layers whose `input_dim` goes with an `input_length`: their input is (batch, time, features)."""


def read_sequential(
    entry: Entry, name: str, context: ReadContext, read_submodel: SubmodelReader
) -> KerasModel | None:
    """Return a Sequential model, or a functional one if it begins with a Merge; None after reporting why
    not.
    """
    node: JsonValue | None = (
        entry.config if isinstance(entry.config, JsonArray) else member(entry.config, "layers")
    )
    entries = read_entries(node, entry.span, context)
    if entries is None:
        return None
    if entries and _branches(entries[0][1]) is not None:
        return _read_merged(entries, name, context, read_submodel, entry)
    layers: list[KerasLayer] = []
    names: set[str] = set()
    for layer_name, layer_entry in entries:
        if layer_name in names:
            context.sink.error("T2004", f"two layers are named '{layer_name}'", layer_entry.span)
        before = len(layers)
        read = read_layer(layer_entry, layer_name, context, read_submodel)
        if not layers and read.layer.class_name != "InputLayer":
            layers.extend(_declared_inputs(layer_entry, read.layer, set(), context))
        tensors = [TensorRef(layers[-1].name)] if layers else []
        layers.extend(_called(read, tensors))
        names.update(layer.name for layer in layers[before:])
    return _chain(name, layers, context, entry)


def _chain(name: str, layers: list[KerasLayer], context: ReadContext, entry: Entry) -> KerasModel:
    has_input = bool(layers) and layers[0].class_name == "InputLayer"
    return KerasModel(
        kind=ModelKind.SEQUENTIAL,
        name=name,
        layers=tuple(layers),
        input_structure=[TensorRef(layers[0].name)] if has_input else [],
        output_structure=[TensorRef(layers[-1].name)] if layers else [],
        config=model_config(entry.config),
        generation=context.generation,
        span=entry.span,
    )


def _called(read: ReadLayer, tensors: list[TensorRef]) -> tuple[KerasLayer, ...]:
    """Return a layer called once on these tensors. An InputLayer is not called."""
    if read.layer.class_name == "InputLayer":
        return read.with_calls([])
    return read.with_calls([Call(tuple(tensors) if len(tensors) < 2 else (list(tensors),))])


def _declared_inputs(
    entry: Entry, layer: KerasLayer, taken: set[str], context: ReadContext
) -> list[KerasLayer]:
    """Return InputLayers for what a first layer says of its input: none, one, or as many as a model has
    inputs.
    """
    if layer.model is not None:
        inner = [layer.model.layer(tensor.layer) for tensor in layer.model.inputs]
        shapes = [(inputs.config.get("batch_shape"), inputs.config.get("dtype"), inputs) for inputs in inner]
    else:
        shape, dtype = _declared_shape(entry, context)
        shapes = [(shape, dtype, layer)] if shape is not None else []
    inputs = []
    for shape, dtype, source in shapes:
        name = unique_name(f"{layer.name}_input", taken)
        taken.add(name)
        config = {
            "batch_shape": shape,
            "dtype": dtype if isinstance(dtype, str) else "float32",
            "sparse": False,
        }
        origins = {"batch_shape": "batch_input_shape", "dtype": "input_dtype"}
        inputs.append(
            KerasLayer("InputLayer", name, config, span=source.span, ast=source.ast, origins=origins)
        )
    return inputs


def _declared_shape(entry: Entry, context: ReadContext) -> tuple[list[Any] | None, Any]:
    """Return the batch input shape that a first layer's arguments give, and the dtype of the input."""
    arguments = entry.arguments
    inner = arguments.get("layer")
    if (
        entry.class_name == "Bidirectional"
        and isinstance(inner, dict)
        and "batch_input_shape" not in arguments
    ):
        config = inner.get("config")
        arguments = config if isinstance(config, dict) else arguments
    dtype = arguments.get("input_dtype", arguments.get("dtype"))
    for key in ("batch_input_shape", "batch_shape"):
        if isinstance(arguments.get(key), list):
            return arguments[key], dtype
    if isinstance(arguments.get("input_shape"), list):
        return [arguments.get("batch_size"), *arguments["input_shape"]], dtype
    if not context.upgrade.is_old:
        return None, dtype
    length = arguments.get("input_length")
    if entry.class_name == "Embedding":
        return [None, *(length if isinstance(length, list) else [length])], dtype
    if not isinstance(arguments.get("input_dim"), int):
        return None, dtype
    if entry.class_name in _SEQUENCE_CLASSES:
        return [None, length, arguments["input_dim"]], dtype
    return [None, arguments["input_dim"]], dtype


def _branches(entry: Entry) -> JsonArray | None:
    """Return the models that a Merge at the beginning of a Keras 1 Sequential model merges."""
    branches = member(entry.config, "layers") if entry.class_name == "Merge" else None
    return branches if isinstance(branches, JsonArray) else None


def _read_merged(
    entries: list[tuple[str, Entry]],
    name: str,
    context: ReadContext,
    read_submodel: SubmodelReader,
    entry: Entry,
) -> KerasModel:
    """Return the functional model of branches that are merged and then go through a chain of layers."""
    taken = {layer_name for layer_name, _ in entries}
    layers: list[KerasLayer] = []
    tensors: list[TensorRef] = []
    inputs: list[TensorRef] = []
    branches = _branches(entries[0][1])
    for node in branches.items if branches is not None else ():
        branch = read_entry(node, context.sink)
        if branch is None:
            continue
        branch_name = branch.name if branch.name is not None and branch.name not in taken else None
        branch_name = branch_name or numbered_name(branch.class_name.lower(), taken)
        taken.add(branch_name)
        read = read_layer(branch, branch_name, context, read_submodel)
        declared = _declared_inputs(branch, read.layer, taken, context)
        if not declared:
            context.sink.error(
                "T2008", f"the branch '{branch_name}' does not say what shape its input has", branch.span
            )
        references = [TensorRef(layer.name) for layer in declared]
        layers.extend([*declared, *_called(read, references)])
        inputs.extend(references)
        tensors.append(TensorRef(branch_name))
    for layer_name, layer_entry in entries:
        layers.extend(_called(read_layer(layer_entry, layer_name, context, read_submodel), tensors))
        tensors = [TensorRef(layer_name)]
    return assemble(name, layers, inputs, tensors, context, span=entry.span)
