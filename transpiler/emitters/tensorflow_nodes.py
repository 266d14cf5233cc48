"""Nodes of a GraphDef as syntax: attributes, shapes, constants."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from transpiler.dialects.tensorflow.write_template import AttrValue, Dims, Numbers, TypeName
from transpiler.ir import DType, Shape
from transpiler.syntax.symbol import Symbol
from transpiler.syntax.textproto import Field, Message, Scalar

TYPE_NAMES: Final[Mapping[DType, Symbol]] = {
    DType.FLOAT32: Symbol("DT_FLOAT"),
    DType.FLOAT16: Symbol("DT_HALF"),
    DType.BFLOAT16: Symbol("DT_BFLOAT16"),
    DType.FLOAT64: Symbol("DT_DOUBLE"),
    DType.INT8: Symbol("DT_INT8"),
    DType.INT16: Symbol("DT_INT16"),
    DType.INT32: Symbol("DT_INT32"),
    DType.INT64: Symbol("DT_INT64"),
    DType.UINT8: Symbol("DT_UINT8"),
    DType.BOOL: Symbol("DT_BOOL"),
    DType.STRING: Symbol("DT_STRING"),
}
_VALUES: Final[Mapping[DType, str]] = {
    DType.FLOAT32: "float_val",
    DType.FLOAT64: "double_val",
    DType.INT64: "int64_val",
    DType.BOOL: "bool_val",
}
_ILLEGAL: Final = re.compile(r"[^A-Za-z0-9_.\-/]")
_ILLEGAL_START: Final = re.compile(r"^[^A-Za-z0-9.]")


class Content(msgspec.Struct, frozen=True):
    """A tensor as an attribute whose elements are put in when the graph is written to a file."""

    dtype: DType
    shape: tuple[int, ...]


class Texts(msgspec.Struct, frozen=True):
    """A tensor of texts as an attribute."""

    shape: tuple[int, ...]
    values: tuple[str, ...]


Attribute = AttrValue | Content | Texts | tuple[DType, ...]
"""What an attribute of a node can be: as a template has it, or around a graph."""


class NodeDef(msgspec.Struct, frozen=True):
    """One node before it is printed; inputs as GraphDef writes them (`node`, `node:1`, `^node`)."""

    name: str
    op: str
    inputs: tuple[str, ...] = ()
    attributes: Mapping[str, Attribute] = msgspec.field(default_factory=dict)


class Names:
    """Node names: of characters that TensorFlow takes, each given once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def fresh(self, wanted: str) -> str:
        """The name, or with `_1`, `_2` … behind it."""
        base = legal_name(wanted)
        candidate, number = base, 0
        while candidate in self._taken:
            number += 1
            candidate = f"{base}_{number}"
        self._taken.add(candidate)
        return candidate


def legal_name(name: str) -> str:
    """A name of the characters that TensorFlow allows in node names."""
    parts = [_ILLEGAL.sub("_", part) for part in name.split("/") if part]
    cleaned = "/".join(parts) or "node"
    return f"n{cleaned}" if _ILLEGAL_START.match(cleaned) else cleaned


def tensor_name(source: str) -> str:
    """A tensor as it is called outside a graph: with its number."""
    return source if ":" in source else f"{source}:0"


def message(nodes: Iterable[NodeDef], producer: int) -> Message:
    """A whole GraphDef."""
    fields = [Field.make("node", _node(node)) for node in nodes]
    versions = Message((Field.make("producer", producer),))
    return Message((*fields, Field.make("versions", versions)))


def _node(node: NodeDef) -> Message:
    fields = [Field.make("name", node.name), Field.make("op", node.op)]
    fields += [Field.make("input", source) for source in node.inputs]
    for key in sorted(node.attributes):
        value = Message((_value(node.attributes[key]),))
        fields.append(Field.make("attr", Message((Field.make("key", key), Field.make("value", value)))))
    return Message(tuple(fields))


def with_nodes(graph: Message, nodes: Iterable[NodeDef]) -> Message:
    """The graph with further nodes."""
    kept = [field for field in graph.fields if field.name == "node"]
    rest = [field for field in graph.fields if field.name != "node"]
    return Message((*kept, *(Field.make("node", _node(node)) for node in nodes), *rest))


def node_name(field: Field) -> str | None:
    """The name of the node that a field of a GraphDef is; None for other fields."""
    if field.name != "node" or not isinstance(field.value, Message):
        return None
    name = field.value.last("name")
    return str(name.value.value) if name is not None and isinstance(name.value, Scalar) else None


def filled(graph: Message, contents: Mapping[str, Callable[[], bytes]]) -> Message:
    """The graph with the elements of its named constants put in."""
    fields = []
    for field in graph.fields:
        content = contents.get(node_name(field) or "")
        fields.append(field if content is None else _with_content(field, content()))
    return Message(tuple(fields))


def _with_content(field: Field, content: bytes) -> Field:
    """The field with bytes behind the last field of the last field … of its message: a constant's tensor lies there."""
    assert isinstance(field.value, Message)
    *before, last = field.value.fields
    if isinstance(last.value, Message) and last.name != "tensor_shape":
        return Field.make(field.name, Message((*before, _with_content(last, content))))
    return Field.make(field.name, Message((*before, last, Field.make("tensor_content", content))))


def _value(value: Attribute) -> Field:
    match value:
        case Content(dtype, sizes):
            return Field.make("tensor", _tensor_message(dtype, sizes, []))
        case Texts(sizes, texts):
            elements = [Field.make("string_val", text) for text in texts]
            return Field.make("tensor", _tensor_message(DType.STRING, sizes, elements))
        case tuple():
            return Field.make("list", Message(tuple(_item(item) for item in value)))
        case Numbers():
            return Field.make("tensor", _tensor(value))
        case _:
            return _item(value)


def _item(value: object) -> Field:
    match value:
        case bool():
            return Field.make("b", value)
        case int():
            return Field.make("i", value)
        case float():
            return Field.make("f", value)
        case str():
            return Field.make("s", value)
        case DType():
            return Field.make("type", TYPE_NAMES[value])
        case TypeName(name):
            return Field.make("type", Symbol(name))
        case Dims(shape):
            return Field.make("shape", shape_message(shape))
        case _:
            raise TypeError(f"no attribute can hold {value!r}")


def shape_message(shape: Shape | None) -> Message:
    if shape is None:
        return Message((Field.make("unknown_rank", True),))
    return Message(tuple(_dim(-1 if size is None else size) for size in shape))


def _dim(size: int) -> Field:
    return Field.make("dim", Message((Field.make("size", size),)))


def _tensor(numbers: Numbers) -> Message:
    return _tensor_message(numbers.dtype, numbers.shape, _elements(numbers.dtype, numbers.values))


def _tensor_message(dtype: DType, shape: Sequence[int], elements: Sequence[Field]) -> Message:
    sizes = Message(tuple(map(_dim, shape)))
    fields = (Field.make("dtype", TYPE_NAMES[dtype]), Field.make("tensor_shape", sizes))
    return Message((*fields, *elements))


def _elements(dtype: DType, values: Sequence[float | int | bool]) -> list[Field]:
    if dtype in (DType.FLOAT16, DType.BFLOAT16):
        return [Field.make("half_val", _half_bits(dtype, float(value))) for value in values]
    name = _VALUES.get(dtype, "int_val")
    real = dtype in (DType.FLOAT32, DType.FLOAT64)
    return [Field.make(name, float(value) if real else value) for value in values]


def _half_bits(dtype: DType, value: float) -> int:
    """The 16 bits of a short float."""
    import struct

    if dtype is DType.FLOAT16:
        return int.from_bytes(struct.pack("<e", value), "little")
    bits = int.from_bytes(struct.pack("<f", value), "little")
    return (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
