"""From bytes in the wire format to raw messages, by the same schema as text. Nothing of TensorFlow is needed.

Source of the format: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import struct
from typing import Any, Final

from transpiler.diagnostics import CompileError, Diagnostic, Severity, Sink
from transpiler.dialects.tensorflow.build import build_graph
from transpiler.dialects.tensorflow.graph_def import GraphDef
from transpiler.dialects.tensorflow.raw import Raw
from transpiler.dialects.tensorflow.schema import SCALARS, SCHEMA, SKIPPED, FieldSchema, type_name

_VARINT, _FIXED64, _BYTES, _START, _END, _FIXED32 = range(6)
_BY_NUMBER: Final[dict[str, dict[int, tuple[str, FieldSchema]]]] = {
    message: {schema.number: (name, schema) for name, schema in fields.items()}
    for message, fields in SCHEMA.items()
}
_MAX_DEPTH: Final = 60
_SIGNED: Final = frozenset({"int32", "int64"})


class _Malformed(ValueError):
    """The bytes are not a message of the expected kind."""


def read_binary(data: bytes, sink: Sink) -> GraphDef:
    """The graph in a GraphDef, MetaGraphDef or SavedModel in the wire format.

    Raises CompileError (T3003) when the bytes are none of these.
    """
    kind = binary_kind(data)
    try:
        raw = _message(data, kind or "GraphDef", 0)
    except _Malformed as error:
        diagnostic = Diagnostic(
            "T3003",
            Severity.ERROR,
            f"the bytes are no TensorFlow graph: {error}",
            help="is the file complete?",
        )
        raise CompileError([diagnostic]) from error
    return build_graph(kind or "GraphDef", raw, sink)


def binary_kind(data: bytes) -> str | None:
    """GraphDef, MetaGraphDef or SavedModel, None if the first fields fit none of them.

    A SavedModel begins with its version (field 1, a number), the others with a message in field 1; a node's first
    field is its name, the meta information's first field is often an operator list or a string, so the numbers of
    the fields that follow decide.
    """
    try:
        fields = [(number, wire) for number, wire, _ in _fields(data)]
    except _Malformed:
        return None
    seen = set(fields)
    if not seen:
        return None
    if (1, _VARINT) in seen:
        return "SavedModel" if seen <= {(1, _VARINT), (2, _BYTES)} else None
    if seen - {(number, _BYTES) for number in range(1, 8)} - {(3, _VARINT)}:
        return None
    counts = [number for number, _ in fields]
    if counts.count(1) == 1 and counts.count(2) == 1 and not _is_node(data):
        return "MetaGraphDef"
    return "GraphDef"


def _is_node(data: bytes) -> bool:
    """Whether the first message in field 1 reads as a node: a name and an op, both text."""
    for number, wire, value in _fields(data):
        if number == 1 and wire == _BYTES:
            try:
                inner = {n: v for n, w, v in _fields(value) if w == _BYTES}
                return 1 in inner and 2 in inner and inner[2].decode("ascii").isidentifier()
            except (_Malformed, UnicodeDecodeError):
                return False
    return False


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise _Malformed("a number is cut off")
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7


def _fields(data: bytes) -> list[tuple[int, int, Any]]:
    """Number, wire type and content of every field, in order."""
    found: list[tuple[int, int, Any]] = []
    at, end = 0, len(data)
    while at < end:
        key = data[at]
        if key < 0x80:
            at += 1
        else:
            key, at = _varint(data, at)
        wire = key & 7
        value: Any
        if wire == _BYTES:
            if at < end and data[at] < 0x80:
                size = data[at]
                at += 1
            else:
                size, at = _varint(data, at)
            value = data[at : at + size]
            at += size
        elif wire == _VARINT:
            value, at = _varint(data, at)
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
            value = data[at : at + size]
            at += size
        else:
            raise _Malformed(f"field {key >> 3} has wire type {wire}")
        if at > end or key < 8:
            raise _Malformed(f"field {key >> 3} is cut off" if key >= 8 else "a field has the number 0")
        found.append((key >> 3, wire, value))
    return found


def _message(data: bytes, kind: str, depth: int) -> Raw:
    if depth > _MAX_DEPTH:
        raise _Malformed("messages are nested too deeply")
    known = _BY_NUMBER[kind]
    fields: dict[str, list[Any]] = {}
    for number, wire, value in _fields(data):
        row = known.get(number)
        if row is None or row[1].kind == SKIPPED:
            continue
        name, schema = row
        fields.setdefault(name, []).extend(_values(name, schema, wire, value, depth))
    return Raw(fields)


def _values(name: str, schema: FieldSchema, wire: int, value: Any, depth: int) -> list[Any]:
    kind = schema.kind
    if kind not in SCALARS:
        if wire != _BYTES:
            raise _Malformed(f"`{name}` is no message")
        return [_message(value, kind, depth + 1)]
    if kind in ("string", "bytes"):
        if wire != _BYTES:
            raise _Malformed(f"`{name}` is no string")
        return [value.decode("utf-8", "replace") if kind == "string" else value]
    if kind in ("float", "double"):
        return _reals(name, kind, wire, value)
    if wire == _BYTES:
        return _packed(value, kind)
    if wire != _VARINT:
        raise _Malformed(f"`{name}` is no whole number")
    return [_whole(value, kind)]


def _reals(name: str, kind: str, wire: int, value: Any) -> list[Any]:
    size, letter = (4, "f") if kind == "float" else (8, "d")
    if wire == _VARINT or len(value) % size or (wire != _BYTES and len(value) != size):
        raise _Malformed(f"`{name}` is no number of {size} bytes")
    return list(struct.unpack(f"<{len(value) // size}{letter}", value))


def _packed(data: bytes, kind: str) -> list[Any]:
    found, at = [], 0
    while at < len(data):
        number, at = _varint(data, at)
        found.append(_whole(number, kind))
    return found


def _whole(number: int, kind: str) -> Any:
    number &= 2**64 - 1
    if kind == "bool":
        return bool(number)
    if kind in _SIGNED and number >= 2**63:
        number -= 2**64
    return type_name(number) if kind == "type" else number
