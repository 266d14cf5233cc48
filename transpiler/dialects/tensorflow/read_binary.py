"""From bytes in the wire format to raw messages, by the same schema as text. Nothing of TensorFlow is needed.

Source of the format: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from transpiler.diagnostics import CompileError, Diagnostic, Severity, Sink
from transpiler.dialects.tensorflow.build import build_graph
from transpiler.dialects.tensorflow.graph_def import GraphDef
from transpiler.dialects.tensorflow.raw import Raw
from transpiler.dialects.tensorflow.schema import REALS, SCHEMA, SKIPPED, type_name

_VARINT, _FIXED64, _BYTES, _START, _END, _FIXED32 = range(6)
_FIXED_SIZES: Final = {_FIXED64: 8, _FIXED32: 4}
_MAX_DEPTH: Final = 60
_LONGEST_SHARED: Final = 1024
"""Longer attributes are not compared with others: they hold weights."""
_SIGNED: Final = frozenset({"int32", "int64"})
_TEXTS: Final = frozenset({"string", "bytes"})


class _Row(msgspec.Struct, frozen=True, eq=False):
    """What is known of one field of a message: its name, its kind, and its own fields if it is a message."""

    name: str
    kind: str
    fields: dict[int, _Row] | None


def _rows() -> dict[str, dict[int, _Row]]:
    """Message -> number of a field that is read -> its row."""
    tables: dict[str, dict[int, _Row]] = {message: {} for message in SCHEMA}
    for message, fields in SCHEMA.items():
        for name, schema in fields.items():
            if schema.kind != SKIPPED:
                tables[message][schema.number] = _Row(name, schema.kind, tables.get(schema.kind))
    return tables


_ROWS: Final = _rows()


class _Malformed(ValueError):
    """The bytes are not a message of the expected kind."""


def read_binary(data: bytes, sink: Sink) -> GraphDef:
    """The graph in a GraphDef, MetaGraphDef or SavedModel in the wire format.

    Raises CompileError (T3003) when the bytes are none of these.
    """
    kind = binary_kind(data)
    try:
        raw = _Reader(data).message(0, len(data), _ROWS[kind or "GraphDef"])
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
        fields = [(number, wire) for number, wire, _, _ in _fields(data, 0, len(data))]
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
    for number, wire, start, end in _fields(data, 0, len(data)):
        if number == 1 and wire == _BYTES:
            try:
                inner = {n: data[at:to] for n, w, at, to in _fields(data, start, end) if w == _BYTES}
                return 1 in inner and 2 in inner and inner[2].decode("ascii").isidentifier()
            except (_Malformed, UnicodeDecodeError):
                return False
    return False


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A number of variable length, and where it ends."""
    number = shift = 0
    while True:
        if at >= end or shift > 63:
            raise _Malformed("a number is cut off")
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7


def _fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Number and wire type of every field between two places, and where its content begins and ends."""
    while at < end:
        key = data[at]
        if key < 0x80:
            at += 1
        else:
            key, at = _varint(data, at, end)
        wire = key & 7
        start = at
        if wire == _BYTES:
            if at < end and data[at] < 0x80:
                size = data[at]
                at += 1
            else:
                size, at = _varint(data, at, end)
            start = at
            at += size
        elif wire == _VARINT:
            while at < end and data[at] >= 0x80:
                at += 1
            at += 1
        elif wire in _FIXED_SIZES:
            at += _FIXED_SIZES[wire]
        else:
            raise _Malformed(f"field {key >> 3} has wire type {wire}")
        if at > end or key < 8:
            raise _Malformed(f"field {key >> 3} is cut off" if key >= 8 else "a field has the number 0")
        yield key >> 3, wire, start, at


class _Reader:
    """Decodes messages. Attributes that are written alike, as most are, become one object."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._attributes: dict[bytes, Raw] = {}

    def message(self, at: int, end: int, known: dict[int, _Row], depth: int = 0) -> Raw:
        """The message between two places."""
        if depth > _MAX_DEPTH:
            raise _Malformed("messages are nested too deeply")
        found: dict[str, list[Any]] = {}
        for number, wire, start, stop in _fields(self.data, at, end):
            row = known.get(number)
            if row is None:
                continue
            values = found.get(row.name)
            if values is None:
                values = found[row.name] = []
            if row.fields is not None:
                if wire != _BYTES:
                    raise _Malformed(f"`{row.name}` is no message")
                values.append(self._inner(start, stop, row, depth + 1))
            elif row.kind in _TEXTS:
                if wire != _BYTES:
                    raise _Malformed(f"`{row.name}` is no string")
                value = self.data[start:stop]
                values.append(value.decode("utf-8", "replace") if row.kind == "string" else value)
            else:
                values.extend(_numbers(self.data, start, stop, row, wire))
        return Raw(found)

    def _inner(self, start: int, end: int, row: _Row, depth: int) -> Raw:
        assert row.fields is not None
        if row.kind != "AttrEntry" or end - start > _LONGEST_SHARED:
            return self.message(start, end, row.fields, depth)
        written = self.data[start:end]
        made = self._attributes.get(written)
        if made is None:
            made = self._attributes[written] = self.message(start, end, row.fields, depth)
        return made


def _numbers(data: bytes, start: int, end: int, row: _Row, wire: int) -> list[Any]:
    """One number, or as many as are packed between two places."""
    if row.kind in REALS:
        return _reals(data[start:end], row, wire)
    if wire not in (_VARINT, _BYTES):
        raise _Malformed(f"`{row.name}` is no whole number")
    found = []
    while start < end:
        number, start = _varint(data, start, end)
        found.append(_whole(number, row.kind))
    return found


def _reals(value: bytes, row: _Row, wire: int) -> list[Any]:
    size, letter = (4, "f") if row.kind == "float" else (8, "d")
    if wire == _VARINT or len(value) % size or (wire != _BYTES and len(value) != size):
        raise _Malformed(f"`{row.name}` is no number of {size} bytes")
    return list(struct.unpack(f"<{len(value) // size}{letter}", value))


def _whole(number: int, kind: str) -> Any:
    number &= 2**64 - 1
    if kind == "bool":
        return bool(number)
    if kind in _SIGNED and number >= 2**63:
        number -= 2**64
    return type_name(number) if kind == "type" else number
