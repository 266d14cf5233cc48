"""A GraphDef's syntax tree as bytes of the wire format, by the schema that also serves reading."""

from __future__ import annotations

import struct
from typing import Final

from transpiler.dialects.tensorflow.schema import INTEGERS, TYPE_NUMBERS, FieldSchema
from transpiler.dialects.tensorflow.write_schema import WRITTEN
from transpiler.syntax.textproto import Field, Message, Scalar

_VARINT: Final = 0
_DELIMITED: Final = 2
_FIXED32: Final = 5
_FIXED64: Final = 1
_MASK64: Final = (1 << 64) - 1


def encode(message: Message, kind: str = "GraphDef") -> bytes:
    """The bytes of a message of this kind. Raises KeyError for a field that the schema does not have."""
    schema = WRITTEN[kind]
    parts = []
    for field in message.fields:
        known = schema[field.name]
        if isinstance(field.value, Message):
            inner = encode(field.value, known.kind)
            parts.append(_tag(known.number, _DELIMITED) + _varint(len(inner)) + inner)
        else:
            parts.append(_scalar(known, field.value))
    return b"".join(parts)


def head_of_constant(node: Message, size: int) -> bytes:
    """A field of a GraphDef that holds a constant's node, up to where its `size` bytes of elements begin.

    The tensor is the last of everything around it, so the file goes on with the elements and then the next node.
    """
    return _head(Message((Field.make("node", node),)), "GraphDef", size)


def _head(message: Message, kind: str, size: int) -> bytes:
    *before, last = message.fields
    if kind == "TensorProto":
        content = WRITTEN[kind]["tensor_content"]
        return encode(message, kind) + _tag(content.number, _DELIMITED) + _varint(size)
    assert isinstance(last.value, Message)
    known = WRITTEN[kind][last.name]
    inner = _head(last.value, known.kind, size)
    length = _varint(len(inner) + size)
    return encode(Message(tuple(before)), kind) + _tag(known.number, _DELIMITED) + length + inner


def _scalar(schema: FieldSchema, scalar: Scalar) -> bytes:
    kind, value = schema.kind, scalar.value
    if kind in ("string", "bytes"):
        data = scalar.bytes_value
        return _tag(schema.number, _DELIMITED) + _varint(len(data)) + data
    if kind == "bool":
        return _tag(schema.number, _VARINT) + _varint(1 if value in ("true", 1) else 0)
    if kind == "type":
        number = value if isinstance(value, int) else TYPE_NUMBERS[str(value)]
        return _tag(schema.number, _VARINT) + _varint(number)
    if kind in INTEGERS:
        return _tag(schema.number, _VARINT) + _varint(int(value) & _MASK64)
    if kind == "double":
        return _tag(schema.number, _FIXED64) + struct.pack("<d", float(value))
    return _tag(schema.number, _FIXED32) + struct.pack("<f", float(value))


def _tag(number: int, wire: int) -> bytes:
    return _varint(number << 3 | wire)


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)
