"""What the two ways of reading protobuf text share: the terminals, the tree under construction, and its checks."""

from __future__ import annotations

from typing import Final

import msgspec

from transpiler.diagnostics import Fix, Sink, Source, Span
from transpiler.parsers.grammar import terminals
from transpiler.syntax.textproto import Field, Message, Scalar
from transpiler.syntax.textproto_literals import bad_escape

MAX_DEPTH: Final = 200
"""Messages nest at most this deep. Protocol Buffers' own binary readers stop at 100."""
MAX_NUMBER_LENGTH: Final = 1000
"""A number has at most this many characters; Python refuses to read integers of more than 4300 digits."""
MAX_ERRORS: Final = 100
"""Reading stops after this many syntax errors: the text is something else."""

_TERMINALS: Final = terminals("textproto")
SKIP: Final = f"(?:{_TERMINALS['SPACE']}|{_TERMINALS['COMMENT']})*+"
NAME: Final = _TERMINALS["NAME"]
STRING: Final = f"(?:{_TERMINALS['STRING']})"
STRINGS: Final = f"{STRING}(?:{SKIP}{STRING})*+"
NUMBER: Final = f"(?:-{SKIP})?+(?:{_TERMINALS['NUMBER']})|-{SKIP}(?:{_TERMINALS['INFINITE']})"
SCALAR: Final = f"({STRINGS})|({NUMBER})|({NAME})"
"""A scalar, in one of three groups: adjacent strings, a number with its sign, an identifier."""
NAME_JOINT: Final = _TERMINALS["NAME_JOINT"]


class OpenList(msgspec.Struct, frozen=True):
    """A list whose elements are being read: each becomes a field of its own with the list's name."""

    name: str
    start: int
    bracket: int
    depth: int
    """How many messages are open around the list."""


class Builder(msgspec.Struct, eq=False):
    """The tree under construction: the fields of the innermost open message, and the open messages around them."""

    source: Source
    sink: Sink
    fields: list[Field] = msgspec.field(default_factory=list)
    stack: list[tuple[list[Field], Message]] = msgspec.field(default_factory=list)
    """For every open message the fields before and including it, and the message itself, still empty."""
    lists: list[OpenList] = msgspec.field(default_factory=list)
    error_count: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether nothing is open."""
        return not self.stack and not self.lists

    def error(
        self,
        code: str,
        message: str,
        start: int,
        end: int,
        *,
        help: str | None = None,
        related: tuple[tuple[Span, str], ...] = (),
        fix: tuple[str, int, int, str] | None = None,
    ) -> None:
        """Report a syntax error; `fix` is a sentence, the start and end to replace, and the replacement."""
        self.error_count += 1
        fixes = (Fix(fix[0], self.source.span(fix[1], fix[2]), fix[3]),) if fix is not None else ()
        self.sink.error(code, message, self.source.span(start, end), help=help, related=related, fixes=fixes)

    def open(self, name: str, start: int, brace: int) -> None:
        """Begin a message whose opening brace stands at `brace`."""
        message = Message((), self.source, brace, brace + 1)
        self.fields.append(Field(name, message, self.source, start))
        self.stack.append((self.fields, message))
        self.fields = []

    def close(self, end: int) -> None:
        """End the innermost message just before the offset `end`; lists open inside it end with it."""
        parent, message = self.stack.pop()
        message.fields, message.end = tuple(self.fields), end
        self.fields = parent
        while self.lists and self.lists[-1].depth > len(self.stack):
            self.lists.pop()

    def finished(self) -> Message:
        """Close whatever is open and return the outermost message."""
        end = len(self.source.text)
        while self.stack:
            self.close(end)
        return Message(tuple(self.fields), self.source, 0, end)


def check_string(builder: Builder, scalar: Scalar) -> None:
    """Report an escape that does not exist."""
    place = bad_escape(scalar.text)
    if place is None:
        return
    start, end = scalar.start + place[0], scalar.start + place[1]
    builder.error(
        "T0108",
        f"the escape {builder.source.text[start:end]} does not exist",
        start,
        end,
        help="a backslash itself is written \\\\; in paths, / works on every system",
        fix=("write the backslash twice", start, start + 1, "\\\\"),
    )


def check_number(builder: Builder, scalar: Scalar) -> None:
    """Report a number that is too long to be one, and read 0 in its place."""
    if scalar.end - scalar.start <= MAX_NUMBER_LENGTH:
        return
    builder.error(
        "T0109",
        f"this number has {scalar.end - scalar.start} characters; at most {MAX_NUMBER_LENGTH} are read",
        scalar.start,
        scalar.end,
    )
    scalar.text = "0"
