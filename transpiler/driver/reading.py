"""From a file's text to a lowered module: recognises the format, parses, lowers. Framework code loads as needed."""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import TYPE_CHECKING

from transpiler.diagnostics import CompileError, Sink, Source
from transpiler.driver.options import Options, UsageError
from transpiler.driver.trace import Trace
from transpiler.ir import Module

if TYPE_CHECKING:
    from transpiler.parsers.detect import Format

Input = str | os.PathLike[str] | Source
"""A path (`-`: standard input), or a text that is already in memory."""


def read_module(source: Input, options: Options, sink: Sink, trace: Trace) -> Module:
    """The module that a source holds, every layer lowered, no shape inferred yet.

    Raises CompileError when the text cannot be read or parsed; what lowering finds wrong is in the sink.
    """
    with trace.stage("read"):
        text = _text(source, sink)
        found = _format(text, options)
    name = "model" if text.name.startswith("<") else PurePath(text.name).stem
    module = _lowered(found, text, name, options, sink, trace)
    if not sink.has_errors and not any(graph.nodes for graph in module.graphs.values()):
        sink.error("T4005", "the model has no layers", text.span(0, 0))
    return module


def _lowered(found: Format, text: Source, name: str, options: Options, sink: Sink, trace: Trace) -> Module:
    """The module of a text in a known format."""
    match found.name:
        case "CAFFE" | "CAFFE_SOLVER":  # lowering says of a solver that it is one, and where its network is
            return _read_caffe(text, name, options, sink, trace)
        case "KERAS":
            return _read_keras(text, name, sink, trace)
        case "IR":
            return _read_ir(text, name, sink, trace)
        case _:
            sink.error(
                "T0011", f"{_WORDS[found.name]} is not read by this version", text.span(0, 0), help=_READABLE
            )
            raise CompileError(sink.diagnostics)


_WORDS = {"TENSORFLOW": "a TensorFlow graph", "ONNX": "an ONNX model"}
_READABLE = "what can be read: Caffe networks (.prototxt), Keras models (.json), IR text (.ir)"


def _text(source: Input, sink: Sink) -> Source:
    from transpiler.parsers.load import read_source

    return source if isinstance(source, Source) else read_source(source, sink)


def _format(text: Source, options: Options) -> Format:
    from transpiler.parsers.detect import Format, detect

    if options.source_format is not None:
        try:
            return Format(options.source_format)
        except ValueError:
            raise UsageError(
                f"unknown format {options.source_format!r}; known are caffe, keras and ir"
            ) from None
    return detect(text).format


def _read_caffe(text: Source, name: str, options: Options, sink: Sink, trace: Trace) -> Module:
    from transpiler.parsers.textproto import parse_source
    from transpiler.passes.lower.caffe import lower

    with trace.stage("parse"):
        message = parse_source(text, sink)
        sink.raise_if_errors()
    with trace.stage("lower"):
        return lower(
            message,
            name,
            sink,
            input_shapes=options.input_shapes,
            level=options.level,
            stages=options.stages,
        )


def _read_keras(text: Source, name: str, sink: Sink, trace: Trace) -> Module:
    from transpiler.parsers.json import parse_source
    from transpiler.passes.lower.keras import lower

    with trace.stage("parse"):
        document = parse_source(text, sink)
        sink.raise_if_errors()
    with trace.stage("lower"):
        return lower(document, name, sink)


def _read_ir(text: Source, name: str, sink: Sink, trace: Trace) -> Module:
    from transpiler.parsers.irtext import parse_source
    from transpiler.passes.lower.irtext import lower

    with trace.stage("parse"):
        document = parse_source(text, sink)
        sink.raise_if_errors()
    with trace.stage("lower"):
        return lower(document, name, sink)
