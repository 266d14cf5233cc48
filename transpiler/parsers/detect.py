"""Recognising the format of a text by its content and, only where that says nothing, by the name of the file."""

from __future__ import annotations

import enum
import os
import re
from collections.abc import Iterator
from typing import Final

import msgspec

from transpiler.diagnostics import CompileError, Diagnostic, Severity, Source, Span
from transpiler.parsers.textproto_builder import NAME, SKIP, STRING


class Format(enum.Enum):
    """A kind of file that can be told from others."""

    CAFFE = "caffe"
    CAFFE_SOLVER = "caffe-solver"
    KERAS = "keras"
    TENSORFLOW = "tensorflow"
    ONNX = "onnx"
    IR = "ir"


class Detection(msgspec.Struct, frozen=True):
    """The format of a text and the evidence for it."""

    format: Format
    evidence: str
    """What was seen, as the end of a sentence: "it has the field `layer`"."""
    span: Span
    """Where it was seen."""


MAX_TOKENS: Final = 20_000
"""How far into a protobuf text is looked for a telling field; real files tell within the first few."""

# Which top-level fields occur in one schema only. `name`, `version`, `state` occur in several and tell nothing.
_TELLING: Final[dict[str, Format]] = {
    **dict.fromkeys(
        ("layer", "layers", "input_dim", "input_shape", "force_backward", "debug_info"), Format.CAFFE
    ),
    **dict.fromkeys(
        (
            "base_lr", "net", "net_param", "train_net", "train_net_param", "test_net", "test_net_param", "max_iter",
            "test_iter", "test_interval", "lr_policy", "solver_mode", "solver_type", "snapshot", "snapshot_prefix",
            "stepsize", "stepvalue", "weight_decay",
        ),
        Format.CAFFE_SOLVER,
    ),
    **dict.fromkeys(
        (
            "versions", "library", "meta_info_def", "graph_def", "saver_def", "collection_def", "signature_def",
            "saved_model_schema_version", "meta_graphs",
        ),
        Format.TENSORFLOW,
    ),
    **dict.fromkeys(
        ("ir_version", "opset_import", "producer_name", "producer_version", "model_version", "graph", "initializer"),
        Format.ONNX,
    ),
}  # fmt: skip
_TELLING_IN_NODE: Final = {"op_type": Format.ONNX, "op": Format.TENSORFLOW}
_WEAK: Final = {"input": Format.CAFFE, "node": Format.TENSORFLOW, "name": Format.CAFFE}
"""Fields that tell only when nothing better follows."""
_SUFFIXES: Final = {
    ".prototxt": Format.CAFFE,
    ".caffe": Format.CAFFE,
    ".pbtxt": Format.TENSORFLOW,
    ".json": Format.KERAS,
    ".textproto": Format.ONNX,
    ".onnxtxt": Format.ONNX,
    ".ir": Format.IR,
}
_FORMATS_READ: Final = (
    "what can be read: Caffe networks (.prototxt), Keras models (.json), TensorFlow graphs (.pbtxt), "
    "ONNX models (.onnx), IR text (.ir)"
)

_TOKEN: Final = re.compile(
    rf"{SKIP}(?:({NAME})(?={SKIP}[:{{<=\[])|([{{<])|([}}>])|{STRING}|[\"'][^\n]*+|[^\s\w{{}}<>\"'#]++|\w++|$)"
)
"""Groups: the name of a field, an opening bracket, a closing bracket."""
_IR: Final = re.compile(r"\ufeff?(?:\s++|(?://|#|;)[^\n]*+)*+(module)\b(?!\s*+[:{=<])")
_JSON: Final = re.compile(r"\ufeff?\s*+([{\[])\s*+(?:[\"'{\[\]}]|//|/\*|-?[0-9]|$)")
_KERAS_KEY: Final = re.compile(r"""["'](class_name|keras_version|layers|model_config)["']\s*+:""")


def detect(source: Source) -> Detection:
    """Return the format of a text. Raises CompileError (T0010) if it is none that is known."""
    text = source.text
    if module := _IR.match(text):
        return Detection(Format.IR, "it begins with `module`", source.span(*module.span(1)))
    if json := _JSON.match(text):
        if key := _KERAS_KEY.search(text):
            return Detection(Format.KERAS, f"it is JSON with the key `{key[1]}`", source.span(*key.span(1)))
        return _by_suffix(
            source, only=Format.KERAS, seen="it is JSON, but has no key `class_name`", span=json.span(1)
        )
    return _detect_textproto(source) or _by_suffix(source, only=None, seen=None, span=(0, 0))


def _detect_textproto(source: Source) -> Detection | None:
    weak: Detection | None = None
    for path, start, end in _fields(source.text):
        name = path[-1]
        span = source.span(start, end)
        if len(path) == 1 and name in _TELLING:
            return Detection(_TELLING[name], f"it has the field `{name}`", span)
        if path[0] == "node" and name in _TELLING_IN_NODE:
            return Detection(_TELLING_IN_NODE[name], f"its nodes have the field `{name}`", span)
        if len(path) == 1 and name in _WEAK and (weak is None or name == "input"):
            weak = Detection(_WEAK[name], f"it has the field `{name}`", span)
    return weak


def _fields(text: str) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """Yield path, start and end of the names of fields at the top and one level below, in any text at all."""
    depth = 0
    outer = last = ""
    for count, match in enumerate(_TOKEN.finditer(text)):
        if count > MAX_TOKENS:
            return
        if match[1] is not None:
            last = match[1]
            if depth == 0:
                yield (last,), *match.span(1)
            elif depth == 1:
                yield (outer, last), *match.span(1)
        elif match[2] is not None:
            outer = last if depth == 0 else outer
            depth += 1
        elif match[3] is not None:
            depth = max(0, depth - 1)


def _by_suffix(source: Source, *, only: Format | None, seen: str | None, span: tuple[int, int]) -> Detection:
    suffix = os.path.splitext(source.name)[1].lower()
    known = _SUFFIXES.get(suffix)
    if known is not None and only in (None, known):
        return Detection(known, f"its name ends in `{suffix}`", source.span(*span))
    raise _unknown(source, seen, span)


def _unknown(source: Source, seen: str | None, span: tuple[int, int]) -> CompileError:
    notes = (seen,) if seen is not None else ()
    message = "the format of this text is not recognised"
    place = source.span(*span)
    return CompileError(
        [Diagnostic("T0010", Severity.ERROR, message, place, notes=notes, help=_FORMATS_READ)]
    )
