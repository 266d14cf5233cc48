"""The syntax tree of protobuf text, and its printer.

What must not be here: any message's schema. A name is a string, `true` is a symbol, and `dim: [1, 2]` is two fields.
Trees are never changed after they are built. The classes are not frozen because readers make a message where it
begins and fill it where it ends.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Hashable, Iterator
from functools import lru_cache
from typing import Final

from transpiler.diagnostics import Source, Span
from transpiler.diagnostics.compared import OwnEquality
from transpiler.syntax.symbol import Symbol
from transpiler.syntax.textproto_literals import (
    number_value,
    string_bytes,
    string_value,
    written_float,
    written_string,
)

# As in `textproto_literals`, patterns stand as text and are compiled when they are first used.
_IDENTIFIER: Final = r"[A-Za-z_][A-Za-z0-9_]*\Z"
_FIELD_NAME: Final = r"(?:[A-Za-z_][A-Za-z0-9_]*|\[[A-Za-z_][A-Za-z0-9_./-]*\])\Z"
_CANONICAL: Final = r'"[ !#-\[\]-~]*+"\Z'
"""Strings that the printer would write just so."""
_BRACKETED: Final = r"\[(?:[^\]#]|#[^\n]*+)*+\]"
_OPEN, _CLOSE = object(), object()


@lru_cache(1 << 12)
def _is_field_name(name: str) -> bool:
    return re.match(_FIELD_NAME, name) is not None


class ScalarKind(enum.Enum):
    """How a scalar is written."""

    STRING = "string"
    NUMBER = "number"
    IDENTIFIER = "identifier"


_STRING, _NUMBER = ScalarKind.STRING, ScalarKind.NUMBER


class Scalar(OwnEquality, eq=False):
    """A value that is not a message, kept as written: one token, or several adjacent string literals."""

    text: str
    kind: ScalarKind
    source: Source | None = None
    start: int = 0

    @staticmethod
    def make(value: int | float | bool | str | bytes) -> Scalar:
        """Return the canonical scalar of a Python value; a `Symbol` is written without quotes.

        Raises ValueError for a symbol that is not an identifier and TypeError for other types.
        """
        if type(value) is str:
            return Scalar(written_string(value), _STRING)
        if type(value) is int:
            return Scalar(str(value), _NUMBER)
        match value:
            case Symbol():
                if re.match(_IDENTIFIER, value) is None:
                    raise ValueError(f"not an identifier: {value!r}")
                return Scalar(str(value), ScalarKind.IDENTIFIER)
            case bool():
                return Scalar("true" if value else "false", ScalarKind.IDENTIFIER)
            case int():
                return Scalar(str(int(value)), ScalarKind.NUMBER)
            case float():
                text = written_float(value)
                return Scalar(text, ScalarKind.IDENTIFIER if text in ("inf", "nan") else ScalarKind.NUMBER)
            case str() | bytes():
                return Scalar(written_string(value), ScalarKind.STRING)
            case _:
                raise TypeError(f"not a value of protobuf text: {value!r}")

    @property
    def end(self) -> int:
        """The offset behind the text."""
        return self.start + len(self.text)

    @property
    def is_string(self) -> bool:
        """Whether this is a quoted string."""
        return self.kind is _STRING

    @property
    def value(self) -> int | float | str:
        """The int, float, string or, for an identifier (also `inf`, `nan`, `true`), the `Symbol` that is written."""
        if self.kind is _STRING:
            return string_value(self.text)
        if self.kind is _NUMBER:
            return number_value(self.text)
        return Symbol(self.text)

    @property
    def bytes_value(self) -> bytes:
        """The bytes of a string (of any other scalar, the bytes of its text)."""
        return string_bytes(self.text) if self.kind is _STRING else self.text.encode()

    @property
    def span(self) -> Span | None:
        """Where it is written; None for a scalar that was not read from a text."""
        return Span(self.source, self.start, self.end) if self.source is not None else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scalar) and _scalar_key(self) == _scalar_key(other)

    def __hash__(self) -> int:
        return hash(_scalar_key(self))


class Field(OwnEquality, eq=False):
    """A name and its value. `start` is where the name starts; the field ends where its value ends."""

    name: str
    """The field name; an extension or Any name keeps its brackets: `[a.b]`, `[domain/a.b]`."""
    value: Scalar | Message
    source: Source | None = None
    start: int = 0

    @staticmethod
    def make(name: str, value: Scalar | Message | int | float | bool | str | bytes) -> Field:
        """Return a field without position; a Python value becomes its canonical scalar.

        Raises ValueError for a name or symbol that cannot be written and TypeError for other values.
        """
        if not _is_field_name(name):
            raise ValueError(f"not a field name: {name!r}")
        return Field(name, value if isinstance(value, Scalar | Message) else Scalar.make(value))

    @property
    def end(self) -> int:
        """The offset behind the value."""
        return self.value.end

    @property
    def name_start(self) -> int:
        """The offset of the name."""
        return self.start

    @property
    def name_end(self) -> int:
        """The offset behind the name; an extension name may be written with white space in its brackets."""
        written = (
            re.compile(_BRACKETED).match(self.source.text, self.start) if self.source is not None else None
        )
        return written.end() if written is not None else self.start + len(self.name)

    @property
    def span(self) -> Span | None:
        """From the name to the end of the value; None for a field that was not read from a text."""
        return Span(self.source, self.start, self.value.end) if self.source is not None else None

    @property
    def name_span(self) -> Span | None:
        """Where the name is written; None for a field that was not read from a text."""
        return Span(self.source, self.start, self.name_end) if self.source is not None else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Field) and _same(Message((self,)), Message((other,)))

    def __hash__(self) -> int:
        return hash(Message((self,)))


class Message(OwnEquality, eq=False):
    """Fields in the order written. The span covers the braces; that of the outermost message, the whole text."""

    fields: tuple[Field, ...] = ()
    source: Source | None = None
    start: int = 0
    end: int = 0

    def all(self, name: str) -> list[Field]:
        """Return every field of that name, in order."""
        return [field for field in self.fields if field.name == name]

    def last(self, name: str) -> Field | None:
        """Return the last field of that name, which is the one that counts where a field is not repeated."""
        return next((field for field in reversed(self.fields) if field.name == name), None)

    @property
    def span(self) -> Span | None:
        """Where it is written; None for a message that was not read from a text."""
        return Span(self.source, self.start, self.end) if self.source is not None else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and _same(self, other)

    def __hash__(self) -> int:
        return hash(tuple(_flattened(self)))


def print_textproto(message: Message) -> str:
    """Return the canonical text of a message: a field a line, two spaces a level, double quotes.

    Reading it back gives an equal message.
    """
    lines: list[str] = []
    indent = ""
    levels = [iter(message.fields)]
    while levels:
        field = next(levels[-1], None)
        if field is None:
            levels.pop()
            indent = indent[:-2]
            if levels:
                lines.append(f"{indent}}}\n")
        elif isinstance(field.value, Message):
            lines.append(f"{indent}{field.name} {{\n")
            levels.append(iter(field.value.fields))
            indent += "  "
        else:
            lines.append(f"{indent}{field.name}: {_written(field.value)}\n")
    return "".join(lines)


def _written(scalar: Scalar) -> str:
    text = scalar.text
    if scalar.kind is _STRING:
        return text if re.match(_CANONICAL, text) is not None else written_string(string_bytes(text))
    if scalar.kind is _NUMBER and text.startswith("-"):
        return "-" + text.rsplit(maxsplit=1)[-1].lstrip("-")  # white space and comments may follow the sign
    return text


def _flattened(message: Message) -> Iterator[Hashable]:
    """Yield a message as a flat sequence, so that comparing and hashing take no recursion, however deep it is."""
    levels = [iter(message.fields)]
    while levels:
        field = next(levels[-1], None)
        if field is None:
            levels.pop()
            yield _CLOSE
        elif isinstance(field.value, Message):
            yield field.name
            yield _OPEN
            levels.append(iter(field.value.fields))
        else:
            yield field.name
            yield _scalar_key(field.value)


def _same(left: Message, right: Message) -> bool:
    # Both sequences end with the close of the outermost message, so neither is a prefix of the other.
    return all(one == other for one, other in zip(_flattened(left), _flattened(right), strict=False))


def _scalar_key(scalar: Scalar) -> tuple[ScalarKind, Hashable]:
    """Return what two equal scalars share: not the spelling, but 1 and 1.0 differ, and nan equals itself."""
    if scalar.kind is ScalarKind.STRING:
        return scalar.kind, string_bytes(scalar.text)
    if scalar.kind is ScalarKind.NUMBER:
        return scalar.kind, repr(number_value(scalar.text))
    return scalar.kind, scalar.text
