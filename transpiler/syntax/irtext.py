"""The syntax tree of the graph's text form.

What must not be here: whether an op, a field or a value exists. Every name is a string with a place, every datum
plain data with places; the lowering of IR text gives them their meaning. The printer starts from the graph and so
lives with it, in `transpiler.ir.text`.
"""

from __future__ import annotations

import attrs

from transpiler.diagnostics import Span
from transpiler.syntax.symbol import Symbol


@attrs.frozen
class Name:
    """A name as it is meant: without sigil, quotes and escapes."""

    text: str
    span: Span


@attrs.frozen
class Scalar:
    """None, a truth value, a number, a string, or a `Symbol` (a word without quotes)."""

    value: None | bool | int | float | str | Symbol
    span: Span


@attrs.frozen
class List:
    """Data in square brackets."""

    items: tuple[Datum, ...]
    span: Span


@attrs.frozen
class Entry:
    """A key and its datum."""

    key: Name
    value: Datum


@attrs.frozen
class Table:
    """Entries in braces, in the order written."""

    entries: tuple[Entry, ...]
    span: Span


@attrs.frozen
class NestedOp:
    """An op as the value of a field: its name and fields."""

    op: Name
    fields: Table


Datum = Scalar | List | Table | NestedOp


@attrs.frozen
class Type:
    """A tensor type; `dims` of None means that not even the rank is known, a dim of None that its size is not."""

    dtype: Name
    dims: tuple[int | None, ...] | None
    span: Span


@attrs.frozen
class Step:
    """One change of an array's layout: `| permute [1, 0]`."""

    word: Name
    numbers: List


@attrs.frozen
class Use:
    """What fills one parameter role."""

    role: Name
    symbol: Name | None = None
    steps: tuple[Step, ...] = ()
    constant: Scalar | None = None


@attrs.frozen
class Origin:
    """The native type of the source layer and, where it is not the node's, the layer's name."""

    type: Name
    layer: Name | None = None


@attrs.frozen
class Node:
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


@attrs.frozen
class Graph:
    """The nodes of one phase, and the values it returns. A graph without its wrapping has no name."""

    name: Name | None
    phase: Name | None
    nodes: tuple[Node, ...]
    outputs: tuple[Name, ...]
    extras: Table | None = None


@attrs.frozen
class Module:
    """A whole text. `native_names`: it is marked `native`, so that names and extras follow the source's framework."""

    graphs: tuple[Graph, ...]
    name: Name | None = None
    framework: Name | None = None
    native_names: bool = False
    extras: Table | None = None
