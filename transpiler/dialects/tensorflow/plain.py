"""Attribute values as plain data, the form in which single ops keep them, and back.

A type is a symbol (DT_FLOAT); a shape {shape: [...]} or {shape: none}; a function {func: name}; a tensor
{tensor: {dtype, shape, values}} with its numbers when they are few; lists are lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transpiler.dialects.tensorflow.graph_def import (
    AttrValue,
    DataType,
    FunctionRef,
    TensorProto,
    TensorShape,
)
from transpiler.ir.attributes import Attr
from transpiler.syntax.symbol import Symbol

MAX_VALUES = 1024


def to_plain(value: AttrValue) -> Attr:
    """The plain form of an attribute value."""
    match value:
        case DataType():
            return Symbol(str(value))
        case TensorShape(dims):
            return {"shape": None if dims is None else list(dims)}
        case FunctionRef(name):
            return {"func": name}
        case TensorProto():
            return {"tensor": _tensor(value)}
        case tuple():
            return [to_plain(item) for item in value]
        case _:
            return value


def _tensor(tensor: TensorProto) -> Attr:
    dims = tensor.shape.dims
    made: dict[str, Attr] = {
        "dtype": Symbol(str(tensor.dtype)),
        "shape": None if dims is None else list(dims),
    }
    try:
        array = tensor.array()
    except ValueError:
        return made
    if array.size <= MAX_VALUES and array.dtype.kind in "fiub":
        made["values"] = array.reshape(-1).tolist()
    return made


def attributes(attrs: Mapping[str, AttrValue]) -> dict[str, Attr]:
    """The plain form of a node's attributes, without those that runtimes add (their names begin with `_`)."""
    return {key: to_plain(value) for key, value in sorted(attrs.items()) if not key.startswith("_")}


def from_plain(value: Any) -> AttrValue:
    """The attribute value of a plain form (tensors excepted). Raises ValueError for data that are none."""
    match value:
        case Symbol():
            return DataType(str(value))
        case {"shape": None}:
            return TensorShape(None)
        case {"shape": [*dims]}:
            return TensorShape(tuple(dims))
        case {"func": str(name)}:
            return FunctionRef(name)
        case list() | tuple():
            return tuple(from_plain(item) for item in value)
        case bool() | int() | float() | str():
            return value
        case _:
            raise ValueError(f"{value!r} is no attribute value")
