"""The syntax tree of the graph's text form.

What must not be here: whether an op, a field or a value exists. Every name is a string with a place, every datum
plain data with places; the lowering of IR text gives them their meaning. The printer starts from the graph and so
lives with it, in `transpiler.ir.text`.
"""

from __future__ import annotations

import msgspec

from transpiler.diagnostics import Span
from transpiler.syntax.symbol import Symbol


class Name(msgspec.Struct, frozen=True):
    """A name as it is meant: without sigil, quotes and escapes."""

    text: str
    span: Span


class Scalar(msgspec.Struct, frozen=True):
    """None, a truth value, a number, a string, or a `Symbol` (a word without quotes)."""

    value: None | bool | int | float | str | Symbol
    span: Span


class List(msgspec.Struct, frozen=True):
    """Data in square brackets."""

    items: tuple[Datum, ...]
    span: Span


class Entry(msgspec.Struct, frozen=True):
    """A key and its datum."""

    key: Name
    value: Datum


class Table(msgspec.Struct, frozen=True):
    """Entries in braces, in the order written."""

    entries: tuple[Entry, ...]
    span: Span


class NestedOp(msgspec.Struct, frozen=True):
    """An op as the value of a field: its name and fields."""

    op: Name
    fields: Table


Datum = Scalar | List | Table | NestedOp


class Type(msgspec.Struct, frozen=True):
    """A tensor type; `dims` of None means that not even the rank is known, a dim of None that its size is not."""

    dtype: Name
    dims: tuple[int | None, ...] | None
    span: Span


class Step(msgspec.Struct, frozen=True):
    """One change of an array's layout: `| permute [1, 0]`."""

    word: Name
    numbers: List


class Use(msgspec.Struct, frozen=True):
    """What fills one parameter role."""

    role: Name
    symbol: Name | None = None
    steps: tuple[Step, ...] = ()
    constant: Scalar | None = None


class Origin(msgspec.Struct, frozen=True):
    """The native type of the source layer and, where it is not the node's, the layer's name."""

    type: Name
    layer: Name | None = None


class Node(msgspec.Struct, frozen=True):
    """One line of a graph. What was not written is None or empty."""

    results: tuple[Name, ...]
    op: Name
    operands: tuple[Name, ...]
    span: Span
    fields: Table | None = None
    types: tuple[Type, ...] | None = None
    name: Name | None = None
    origin: Origin | None = None
    scope: Name | None = None
    natives: tuple[Name | None, ...] | None = None
    params: tuple[Use, ...] = ()
    extras: Table | None = None


class Graph(msgspec.Struct, frozen=True):
    """The nodes of one phase, and the values it returns. A graph without its wrapping has no name."""

    name: Name | None
    phase: Name | None
    nodes: tuple[Node, ...]
    outputs: tuple[Name, ...]
    extras: Table | None = None


class Module(msgspec.Struct, frozen=True):
    """A whole text. `native_names`: it is marked `native`, so that names and extras follow the source's framework."""

    graphs: tuple[Graph, ...]
    name: Name | None = None
    framework: Name | None = None
    native_names: bool = False
    extras: Table | None = None
