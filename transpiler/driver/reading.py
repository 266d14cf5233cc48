"""From a file to a lowered module: recognises the format, parses, lowers. Framework code loads as needed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import msgspec

from transpiler.diagnostics import CompileError, Sink, Source, Span
from transpiler.driver.options import DEFAULT_PHASE, Options, UsageError
from transpiler.driver.trace import Trace
from transpiler.ir import LazyArray, Module

if TYPE_CHECKING:
    from collections.abc import Mapping

    from transpiler.parsers.detect import Format
    from transpiler.parsers.load import Binary
    from transpiler.weights.stored import WeightFile

Input = str | os.PathLike[str] | Source | Module
"""A path (`-`: standard input), a text that is already in memory, or a module that was built in Python."""
FORMATS: Final = ("caffe", "keras", "tensorflow", "ir")
"""What `--from` takes."""


class Model(msgspec.Struct, frozen=True):
    """What a source holds: the network, and the weight file that it is at the same time (.keras, .h5)."""

    module: Module
    weights: WeightFile | None = None
    text: str | None = None
    """The text that describes the network, if it is described by one."""


def read_module(source: Input, options: Options, sink: Sink, trace: Trace) -> Module:
    """The module that a source holds, every layer lowered, no shape inferred yet.

    Raises CompileError when the source cannot be read or parsed; what lowering finds wrong is in the sink.
    """
    return read_model(source, options, sink, trace).module


def read_model(source: Input, options: Options, sink: Sink, trace: Trace) -> Model:
    """The same, with the weights that the source holds beside the network."""
    if isinstance(source, Module):
        return Model(source)
    if options.source_format is not None and options.source_format not in FORMATS:
        raise UsageError(f"unknown format {options.source_format!r}; known are {', '.join(FORMATS)}")
    with trace.stage("read"):
        found = _opened(source, sink)
    weights = None
    if not isinstance(found, Source):
        if found.kind.holds == "keras":
            found, weights = _keras_file(found, options, sink)
        else:
            return Model(_complete(_read_tensorflow(found, options, sink, trace), _start(found), sink))
    module = _complete(_remembered(found, options, sink, trace), found.span(0, 0), sink)
    return Model(module, weights, found.text)


def _remembered(text: Source, options: Options, sink: Sink, trace: Trace) -> Module:
    """The module of a text, from memory if it was read before in the same way."""
    if not options.remember or options.weights is not None or _is_in_saved_model(text.name):
        return _lowered(text, options, sink, trace)
    from transpiler.driver.caching import LOWERED

    shapes = tuple(sorted(options.input_shapes.items()))
    how = (
        options.source_format,
        options.phase,
        options.level,
        options.stages,
        options.inputs,
        options.outputs,
    )
    key = (text.name, how, shapes)
    return LOWERED.recall(text.text, key, sink, lambda own: _lowered(text, options, own, trace))


def _opened(source: str | os.PathLike[str] | Source, sink: Sink) -> Source | Binary:
    from transpiler.parsers.load import read_input

    return source if isinstance(source, Source) else read_input(source, sink)


def _start(binary: Binary) -> Span:
    return Span(Source(binary.name, ""), 0, 0)


def _complete(module: Module, start: Span, sink: Sink) -> Module:
    if not sink.has_errors and not any(graph.nodes for graph in module.graphs.values()):
        sink.error("T4005", "the model has no layers", start)
    return module


def _name(source: str) -> str:
    """What a model is called whose file says nothing: the file's name, that of its directory for a SavedModel."""
    if source.startswith("<"):
        return "model"
    folder, name = os.path.split(source)
    return os.path.basename(folder) or "model" if _is_in_saved_model(source) else os.path.splitext(name)[0]


def _is_in_saved_model(source: str) -> bool:
    """Whether a file is the graph of a SavedModel, beside which its numbers lie."""
    from transpiler.parsers.load import SAVED_MODEL

    return os.path.basename(source) in SAVED_MODEL


def _lowered(text: Source, options: Options, sink: Sink, trace: Trace) -> Module:
    """The module of a text."""
    found = _format(text, options)
    if found.name != "TENSORFLOW" and (options.inputs or options.outputs):
        raise UsageError("only the tensors of a TensorFlow graph can be named as inputs and outputs")
    match found.name:
        case "CAFFE" | "CAFFE_SOLVER":  # lowering says of a solver that it is one, and where its network is
            return _read_caffe(text, options, sink, trace)
        case "KERAS":
            return _read_keras(text, sink, trace)
        case "TENSORFLOW":
            return _read_tensorflow(text, options, sink, trace)
        case "IR":
            return _read_ir(text, sink, trace)
        case _:
            sink.error("T0011", "an ONNX model is not read by this version", text.span(0, 0), help=_READABLE)
            raise CompileError(sink.diagnostics)


_READABLE = (
    "what can be read: Caffe networks (.prototxt), Keras models (.json, .keras, .h5), "
    "TensorFlow graphs (.pbtxt, .pb, SavedModel), IR text (.ir)"
)


def _format(text: Source, options: Options) -> Format:
    from transpiler.parsers.detect import Format, detect

    return detect(text).format if options.source_format is None else Format(options.source_format)


def _keras_file(found: Binary, options: Options, sink: Sink) -> tuple[Source, WeightFile]:
    """The JSON inside a file that holds a whole Keras model, and its weights."""
    from transpiler.weights.reading import whole_model

    if found.path is None:
        sink.error("T0008", f"{found.kind.name} cannot come from standard input", _start(found))
        raise CompileError(sink.diagnostics)
    whole = whole_model(found.path)
    if whole is None:
        sink.error(
            "T0008",
            f"this is {found.kind.name} with weights alone, not a whole model",
            _start(found),
            help="give it with --weights, and as SRC the description of the network",
        )
        raise CompileError(sink.diagnostics)
    config, weights = whole
    return Source(found.name, config), weights


def _read_caffe(text: Source, options: Options, sink: Sink, trace: Trace) -> Module:
    from transpiler.parsers.textproto import parse_source
    from transpiler.passes.lower.caffe import lower

    with trace.stage("parse"):
        message = parse_source(text, sink)
        sink.raise_if_errors()
    with trace.stage("lower"):
        return lower(
            message,
            _name(text.name),
            sink,
            input_shapes=options.input_shapes,
            level=options.level,
            stages=options.stages,
        )


def _read_keras(text: Source, sink: Sink, trace: Trace) -> Module:
    from transpiler.parsers.json import parse_source
    from transpiler.passes.lower.keras import lower

    with trace.stage("parse"):
        document = parse_source(text, sink)
        sink.raise_if_errors()
    with trace.stage("lower"):
        return lower(document, _name(text.name), sink)


def _read_tensorflow(found: Source | Binary, options: Options, sink: Sink, trace: Trace) -> Module:
    from transpiler.parsers.textproto import parse_source
    from transpiler.passes.lower.tensorflow import lower

    with trace.stage("parse"):
        graph = parse_source(found, sink) if isinstance(found, Source) else found.data
        sink.raise_if_errors()
    with trace.stage("lower"):
        return lower(
            graph,
            _name(found.name),
            sink,
            phase=options.phase or DEFAULT_PHASE,
            inputs=options.inputs,
            outputs=options.outputs,
            stored=_checkpoint(found, options),
        )


def _checkpoint(found: Source | Binary, options: Options) -> Mapping[str, LazyArray] | None:
    """The tensors of the checkpoint that the user names, else those of the SavedModel that the graph lies in."""
    from transpiler.weights.checkpoint import checkpoint_at, read_checkpoint, saved_with

    prefix = saved_with(found.name) if options.weights is None else checkpoint_at(options.weights)
    return None if prefix is None else read_checkpoint(prefix)


def _read_ir(text: Source, sink: Sink, trace: Trace) -> Module:
    from transpiler.parsers.irtext import parse_source
    from transpiler.passes.lower.irtext import lower

    with trace.stage("parse"):
        document = parse_source(text, sink)
        sink.raise_if_errors()
    with trace.stage("lower"):
        return lower(document, _name(text.name), sink)
