"""Lark's parse tree of IR text, made into the syntax tree."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from transpiler.diagnostics import Sink, Source, Span
from transpiler.syntax import irtext as syntax
from transpiler.syntax.symbol import Symbol

if TYPE_CHECKING:
    from lark import Token, Tree

MAX_NUMBER_LENGTH: Final = 1000
"""A number has at most this many characters; Python refuses to read integers of more than 4300 digits."""

_WORDS: Final[dict[str, None | bool | float]] = {
    "none": None,
    "true": True,
    "false": False,
    "inf": float("inf"),
    "nan": float("nan"),
}
"""Words that are no symbols."""


def build(tree: Tree[Token], source: Source, sink: Sink) -> syntax.Module:
    """The syntax tree of a whole text. Bad escapes and numbers go to the sink."""
    return _Builder(source, sink).module(tree.children[0])


class _Builder:
    """One method a rule of the grammar."""

    def __init__(self, source: Source, sink: Sink) -> None:
        self.source = source
        self.sink = sink

    def module(self, tree: Any) -> syntax.Module:
        if tree.data == "bare":
            return syntax.Module((self.graph([None, None, *tree.children]),))
        if tree.data == "loose":
            return syntax.Module(tuple(self.graph(child.children) for child in tree.children))
        name, framework, native, extras, *graphs = tree.children
        return syntax.Module(
            tuple(self.graph(child.children) for child in graphs),
            self.name(name),
            self.optional(self.name, framework),
            native is not None,
            self.optional(self.extras, extras),
        )

    def graph(self, children: Sequence[Any]) -> syntax.Graph:
        first, second, extras, *nodes, returned = children
        name, phase = (first, None) if second is None else (second, first)
        return syntax.Graph(
            self.optional(self.name, name),
            self.optional(self.name, phase),
            tuple(self.node(node) for node in nodes),
            tuple(self.token_name(token) for token in returned.children if token is not None),
            self.optional(self.extras, extras),
        )

    def node(self, tree: Any) -> syntax.Node:
        results, op, operands, fields, types, *clauses = tree.children
        said = {clause.data: self.clause(clause) for clause in clauses}
        return syntax.Node(
            self.names(results),
            self.token_name(op),
            self.names(operands),
            self.span(tree),
            self.optional(self.table, fields),
            None if types is None else tuple(self.type(child) for child in types.children),
            said.get("node_name"),
            said.get("origin"),
            said.get("scope"),
            said.get("natives"),
            said.get("params", ()),
            said.get("extras"),
        )

    def clause(self, tree: Any) -> Any:
        """What stands behind a node: names, parameters, extras."""
        match tree.data:
            case "node_name" | "scope":
                return self.name(tree.children[0])
            case "origin":
                return syntax.Origin(self.name(tree.children[0]), self.optional(self.name, tree.children[1]))
            case "natives":
                return tuple(
                    None if child.data == "unnamed" else self.name(child) for child in tree.children[1:]
                )
            case "params":
                return tuple(self.use(child) for child in tree.children)
            case _:
                return self.extras(tree)

    def use(self, tree: Any) -> syntax.Use:
        role, symbol, *rest = tree.children
        steps = tuple(self.step(child) for child in rest[:-1])
        return syntax.Use(
            self.name(role),
            self.optional(self.token_name, symbol),
            steps,
            self.optional(self.scalar, rest[-1]),
        )

    def step(self, tree: Any) -> syntax.Step:
        word, numbers = tree.children
        return syntax.Step(self.token_name(word), self.list(numbers))

    def type(self, tree: Any) -> syntax.Type:
        dtype, *dims = tree.children
        if tree.data == "unranked":
            return syntax.Type(self.token_name(dtype), None, self.span(tree))
        sizes = tuple(self.dim(dim) for dim in dims if dim is not None)
        return syntax.Type(self.token_name(dtype), sizes, self.span(tree))

    def dim(self, item: Any) -> int | None:
        number = self.scalar(item).value
        if number is None or (isinstance(number, int) and number >= 0):
            return number
        self.sink.error("T0304", "a dimension is a whole number or ?", self.span(item))
        return None

    def extras(self, tree: Any) -> syntax.Table:
        return self.table(tree.children[0])

    def table(self, tree: Any) -> syntax.Table:
        entries = (child.children for child in tree.children if child is not None)
        pairs = tuple(syntax.Entry(self.token_name(key), self.datum(value)) for key, value in entries)
        return syntax.Table(pairs, self.span(tree))

    def list(self, tree: Any) -> syntax.List:
        return syntax.List(
            tuple(self.datum(child) for child in tree.children if child is not None), self.span(tree)
        )

    def datum(self, item: Any) -> syntax.Datum:
        match getattr(item, "data", None):
            case "list":
                return self.list(item)
            case "table":
                return self.table(item)
            case "nested_op":
                return syntax.NestedOp(self.token_name(item.children[0]), self.table(item.children[1]))
            case _:
                return self.scalar(item)

    def scalar(self, item: Any) -> syntax.Scalar:
        span = self.span(item)
        if getattr(item, "data", None) == "hole":
            return syntax.Scalar(None, span)
        text = str(item)
        match item.type:
            case "NUMBER":
                return syntax.Scalar(self.number(text, span), span)
            case "STRING":
                return syntax.Scalar(self.unquoted(text, span), span)
            case "QUOTED_WORD":
                return syntax.Scalar(Symbol(self.unquoted(f'"{text[1:-1]}"', span)), span)
            case _:
                return syntax.Scalar(_WORDS[text] if text in _WORDS else Symbol(text), span)

    def number(self, text: str, span: Span) -> int | float:
        if len(text) > MAX_NUMBER_LENGTH:
            self.sink.error(
                "T0304", f"this number has {len(text)} characters; {MAX_NUMBER_LENGTH} are read", span
            )
            return 0
        return int(text) if text.lstrip("-").isdigit() else float(text)

    def names(self, tree: Any) -> tuple[syntax.Name, ...]:
        return () if tree is None else tuple(self.token_name(token) for token in tree.children)

    def name(self, tree: Any) -> syntax.Name:
        return self.token_name(tree.children[0])

    def token_name(self, token: Any) -> syntax.Name:
        """A name from any token: with or without sigil and quotes."""
        text, span = str(token), self.span(token)
        if text[0] in "%@":
            text = text[1:]
        return syntax.Name(self.unquoted(text, span) if text[0] == '"' else text, span)

    def unquoted(self, text: str, span: Span) -> str:
        try:
            return str(json.loads(text, strict=False))
        except ValueError:
            self.sink.error("T0303", "this string contains an escape that does not exist", span)
            return text[1:-1]

    def optional(self, read: Callable[[Any], Any], item: Any) -> Any:
        return None if item is None else read(item)

    def span(self, item: Any) -> Span:
        meta = getattr(item, "meta", item)
        return self.source.span(meta.start_pos, meta.end_pos)
