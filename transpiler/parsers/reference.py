"""Reading with the Lark grammars themselves: slow, without recovery, and the definition of what is well formed.

Tests compare the fast readers with this one. It raises `GrammarError` for malformed text.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final, cast

from transpiler.diagnostics import Sink, Source
from transpiler.parsers.grammar import grammar_text
from transpiler.parsers.json_builder import LITERALS, number_of, string_of
from transpiler.parsers.json_builder import Builder as JsonBuilder
from transpiler.syntax.json import JsonArray, JsonObject, JsonScalar, JsonValue, Member
from transpiler.syntax.textproto import Field, Message, Scalar, ScalarKind

if TYPE_CHECKING:
    from lark import Lark, Token, Tree

_SCALAR_KINDS: Final = {
    "string": ScalarKind.STRING,
    "number": ScalarKind.NUMBER,
    "negative_number": ScalarKind.NUMBER,
    "identifier": ScalarKind.IDENTIFIER,
}


class GrammarError(ValueError):
    """A text does not follow the grammar; the message is Lark's."""


def parse_textproto(text: str) -> Message:
    """Return the message that a protobuf text holds, according to the grammar."""
    tree = _tree_of("textproto", text)
    return _TextprotoReading(Source("<reference>", text)).message(tree)


def parse_json(text: str) -> JsonValue:
    """Return the value that a JSON text holds, according to the grammar."""
    tree = _tree_of("json", text)
    return _JsonReading(Source("<reference>", text)).value(tree.children[0])


def _tree_of(notation: str, text: str) -> Tree[Token]:
    from lark.exceptions import UnexpectedInput

    try:
        return _lark(notation).parse(text)
    except UnexpectedInput as error:
        raise GrammarError(str(error)) from error


@cache
def _lark(notation: str) -> Lark:
    from lark import Lark

    return Lark(grammar_text(notation), parser="lalr", maybe_placeholders=False, keep_all_tokens=True)


class _TextprotoReading:
    """From Lark's tree of a protobuf text to our own. Recursion is as deep as the text nests."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def message(self, tree: Tree[Token]) -> Message:
        """Return the message of a `start` or `message` tree."""
        fields = [
            field for child in tree.children if not _is_token(child) for field in self.fields(_tree(child))
        ]
        start, end = (0, len(self.source.text)) if tree.data == "start" else _extent(tree)
        return Message(tuple(fields), self.source, start, end)

    def fields(self, tree: Tree[Token]) -> list[Field]:
        """Return the field of a `field` tree, or one for each item of its list."""
        name_tree = _tree(tree.children[0])
        value_tree = next(_tree(child) for child in tree.children[1:] if not _is_token(child))
        name = "".join(str(token) for token in name_tree.children)
        start, _ = _extent(name_tree)
        items = [value_tree]
        if value_tree.data in ("list", "message_list"):
            items = [_tree(child) for child in value_tree.children if not _is_token(child)]
        return [Field(name, self.value(item), self.source, start) for item in items]

    def value(self, tree: Tree[Token]) -> Scalar | Message:
        """Return the value of a `message` tree or of one of the kinds of scalars."""
        if tree.data == "message":
            return self.message(tree)
        start, end = _extent(tree)
        return Scalar(self.source.text[start:end], _SCALAR_KINDS[str(tree.data)], self.source, start)


class _JsonReading:
    """From Lark's tree of a JSON text to our own. Recursion is as deep as the text nests."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.builder = JsonBuilder(source, Sink())

    def value(self, node: Any) -> JsonValue:
        """Return the value of an `object`, `array` or scalar tree."""
        tree = _tree(node)
        start, end = _extent(tree)
        text = self.source.text[start:end]
        parts = [child for child in tree.children if not _is_token(child)]
        match tree.data:
            case "object":
                return JsonObject(tuple(self.member(_tree(part)) for part in parts), self.source, start, end)
            case "array":
                return JsonArray(tuple(self.value(part) for part in parts), self.source, start, end)
            case "string":
                return JsonScalar(string_of(self.builder, text, start), self.source, start, end)
            case "number":
                return JsonScalar(number_of(self.builder, text, start), self.source, start, end)
            case _:
                return JsonScalar(LITERALS[text], self.source, start, end)

    def member(self, tree: Tree[Token]) -> Member:
        """Return the member of a `member` tree."""
        key = cast("Token", tree.children[0])
        start, end = _extent_of_token(key)
        return Member(
            string_of(self.builder, str(key), start), self.value(tree.children[2]), self.source, start, end
        )


def _is_token(child: Any) -> bool:
    return isinstance(child, str)


def _tree(child: Any) -> Tree[Token]:
    return cast("Tree[Token]", child)


def _extent_of_token(token: Token) -> tuple[int, int]:
    return cast("int", token.start_pos), cast("int", token.end_pos)


def _extent(tree: Tree[Token]) -> tuple[int, int]:
    """Return the offsets of the first and behind the last token of a tree that holds at least one."""
    tokens = list(tree.scan_values(_is_token))
    starts, ends = zip(*(_extent_of_token(token) for token in tokens), strict=True)
    return min(starts), max(ends)
