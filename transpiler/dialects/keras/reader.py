"""Keras model JSON of every generation into one structure.

Understood are what `model.to_json()` writes, what `model.get_config()` returns, the bare list of an old
Sequential model, and wrappers that hold a model in `model_config` (HDF5 attributes, TensorFlow.js). Nothing
in a file is ever run: code in Lambda layers is data and stays as it is.
"""

from __future__ import annotations

import json
from typing import Final

import msgspec

from transpiler.diagnostics import Sink
from transpiler.dialects.keras.model import Generation, KerasModel
from transpiler.dialects.keras.reader_entry import (
    MAX_NESTING,
    Entry,
    ReadContext,
    kind_of,
    member,
    read_entry,
    text_of,
)
from transpiler.dialects.keras.reader_functional import read_functional
from transpiler.dialects.keras.reader_generation import (
    common_data_format,
    generation_of_version,
    generation_of_words,
)
from transpiler.dialects.keras.reader_graph import is_graph, read_graph
from transpiler.dialects.keras.reader_layers import MODEL_CLASSES, is_model
from transpiler.dialects.keras.reader_sequential import read_sequential
from transpiler.dialects.keras.upgrade_layer import UpgradeContext
from transpiler.syntax.json import (
    JsonArray,
    JsonObject,
    JsonScalar,
    JsonValue,
    Member,
    from_python,
    to_python,
)

_WRAPPERS: Final = ("model_config", "modelTopology", "model")
_OPTIMIZERS: Final = frozenset({
    "SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Nadam", "Ftrl", "Lion", "Lamb",
})  # fmt: skip
_HELP: Final = "write the model with model.to_json(), or take config.json out of a .keras file"


def read_model(root: JsonValue, sink: Sink) -> KerasModel:
    """Return the model that a JSON tree describes, in Keras 3 spelling.

    Raises CompileError, with everything found wrong, if it describes none or one that makes no sense;
    warnings go to `sink`.
    """
    root = _without_stray_spaces(root, sink)
    document, settings = _unwrapped(root)
    entry = _model_entry(document, sink)
    sink.raise_if_errors()
    if entry is None:
        raise AssertionError("a document without a model is reported")
    version = _setting(settings, "keras_version")
    generation = (generation_of_version(version) if version is not None else None) or generation_of_words(
        document
    )
    context = ReadContext(UpgradeContext(generation, sink, common_data_format(document)))
    model = _read_submodel(entry, entry.name or entry.class_name.lower() or "model", context)
    _warn_of_assumptions(context)
    sink.raise_if_errors()
    if model is None:
        raise AssertionError("a model that cannot be read is reported")
    compile_node = member(document, "compile_config")
    compile_config = to_python(compile_node) if isinstance(compile_node, JsonObject) else None
    return msgspec.structs.replace(
        model, version=version, backend=_setting(settings, "backend"), compile_config=compile_config or None
    )


def _read_submodel(entry: Entry, name: str, context: ReadContext) -> KerasModel | None:
    """Return a model, or a model nested in another."""
    if context.depth >= MAX_NESTING:
        context.sink.error("T2009", f"models are nested more than {MAX_NESTING} deep", entry.span)
        return None
    deeper = msgspec.structs.replace(context, depth=context.depth + 1)
    if isinstance(entry.config, JsonObject) and is_graph(entry.config):
        return read_graph(entry, name, deeper, _read_submodel)
    if isinstance(entry.config, JsonArray) or member(entry.config, "input_layers") is None:
        return read_sequential(entry, name, deeper, _read_submodel)
    return read_functional(entry, name, deeper, _read_submodel)


def _unwrapped(root: JsonValue) -> tuple[JsonValue, list[JsonValue]]:
    """Return the model inside wrappers, and every object on the way: any of them may state the version."""
    settings = [root]
    while isinstance(root, JsonObject) and member(root, "class_name") is None:
        inner = next((found for key in _WRAPPERS if (found := member(root, key)) is not None), None)
        if isinstance(inner, JsonScalar) and isinstance(inner.value, str):
            inner = _parsed(inner)
        if not isinstance(inner, JsonObject | JsonArray):
            break
        root = inner
        settings.append(root)
    return root, settings


def _parsed(node: JsonScalar) -> JsonValue | None:
    """Return the tree of JSON inside a JSON string (as HDF5 attributes are dumped); its places are lost."""
    try:
        return from_python(json.loads(str(node.value)))
    except (ValueError, RecursionError):
        return None


def _setting(settings: list[JsonValue], key: str) -> str | None:
    return next((text for node in settings if (text := text_of(member(node, key))) is not None), None)


def _model_entry(document: JsonValue, sink: Sink) -> Entry | None:
    """Return the outermost model's entry, or None after reporting that this is no model."""
    if isinstance(document, JsonArray):
        return _bare_list(document, sink)
    if not isinstance(document, JsonObject):
        sink.error(
            "T2001",
            f"a Keras model is a JSON object, but this is {kind_of(document)}",
            document.span,
            help=_HELP,
        )
        return None
    if is_graph(document):
        return Entry("Graph", document, document, name=None)
    if member(document, "class_name") is None:
        if member(document, "layers") is not None:
            kind = "Functional" if member(document, "input_layers") is not None else "Sequential"
            return Entry(kind, document, document, name=text_of(member(document, "name")))
        _report_no_model(document, sink)
        return None
    if member(document, "config") is None and member(document, "layers") is not None:
        return Entry(text_of(member(document, "class_name")) or "Sequential", document, document)
    entry = read_entry(document, sink)
    if entry is None:
        return None
    is_graph_model = isinstance(entry.config, JsonObject) and is_graph(entry.config)
    if not is_graph_model and not is_model(entry):
        _report_no_layers(entry, sink)
        return None
    return entry


def _bare_list(document: JsonArray, sink: Sink) -> Entry | None:
    if not document.items or not all(member(item, "class_name") is not None for item in document.items):
        sink.error("T2001", "this array is not a list of Keras layers", document.span, help=_HELP)
        return None
    return Entry("Sequential", document, JsonObject((), document.source, document.start, document.end))


def _report_no_model(document: JsonObject, sink: Sink) -> None:
    keys = {item.key for item in document.members}
    what = 'this JSON object describes no Keras model: it has neither "class_name" nor "layers"'
    if "floatx" in keys and keys & {"image_data_format", "image_dim_ordering"}:
        what = "this is Keras's own settings file (keras.json), not a model"
    elif keys & {"optimizer_config", "training_config"}:
        what = "this is the training configuration of a Keras model, not the model"
    elif "weightsManifest" in keys:
        what = "this TensorFlow.js file lists weights but holds no Keras model"
    sink.error("T2001", what, document.span, help=_HELP)


def _report_no_layers(entry: Entry, sink: Sink) -> None:
    if entry.class_name in _OPTIMIZERS:
        what = f"this is the configuration of the optimizer {entry.class_name}, not of a model"
    elif entry.class_name in MODEL_CLASSES:
        what = f"this {entry.class_name} does not list its layers; subclassed models cannot be read from JSON"
    else:
        what = f"this is a single object of class {entry.class_name}, not a model"
    sink.error("T2001", what, entry.span, help=_HELP)


def _warn_of_assumptions(context: ReadContext) -> None:
    assumed = context.upgrade.assumed_data_format
    if not assumed:
        return
    names = ", ".join(f"'{name}'" for name, _ in assumed[:3]) + (", …" if len(assumed) > 3 else "")
    common = context.upgrade.data_format
    because = "as in all other layers" if common is not None else "because no layer of the file says"
    they = "1 layer does" if len(assumed) == 1 else f"{len(assumed)} layers do"
    context.sink.warning(
        "T2012",
        f"{they} not say the order of dimensions ({names}); {common or 'channels_last'} is assumed, {because}",
        assumed[0][1],
    )


def _without_stray_spaces(root: JsonValue, sink: Sink) -> JsonValue:
    """Strip the spaces around strings in files whose class names have some: no class of Keras has one.

    Such files exist: a tool padded every string in them.
    """
    document, _ = _unwrapped(root)
    class_name = text_of(member(document, "class_name"))
    if class_name is None or class_name == class_name.strip():
        return root
    place = member(document, "class_name")
    sink.warning(
        "T2011",
        f"the class name {class_name!r} has spaces around it; the spaces around all strings of this file are ignored",
        place.span if place is not None else None,
    )
    return _stripped(root)


def _stripped(node: JsonValue) -> JsonValue:
    if isinstance(node, JsonObject):
        members = tuple(
            Member(item.key.strip(), _stripped(item.value), item.source, item.start, item.key_end)
            for item in node.members
        )
        return JsonObject(members, node.source, node.start, node.end)
    if isinstance(node, JsonArray):
        return JsonArray(tuple(map(_stripped, node.items)), node.source, node.start, node.end)
    if isinstance(node.value, str):
        return JsonScalar(node.value.strip(), node.source, node.start, node.end)
    return node


def generation_of(root: JsonValue) -> Generation:
    """Return which Keras wrote a file, without reading the model."""
    document, settings = _unwrapped(root)
    version = _setting(settings, "keras_version")
    return (generation_of_version(version) if version is not None else None) or generation_of_words(document)
