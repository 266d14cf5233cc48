"""What the two ways of reading JSON share: the terminals, the tree under construction, and its checks."""

from __future__ import annotations

import enum
import json
import math
import re
from typing import Final, cast

import msgspec

from transpiler.diagnostics import Fix, Sink, Source, Span
from transpiler.parsers.characters import shown_text
from transpiler.parsers.grammar import terminals
from transpiler.syntax.json import JsonArray, JsonObject, JsonScalar, JsonValue, Member

MAX_DEPTH: Final = 200
"""Objects and arrays nest at most this deep; models nested in models stay far below."""
MAX_NUMBER_LENGTH: Final = 1000
"""A number has at most this many characters; Python refuses to read integers of more than 4300 digits."""
MAX_ERRORS: Final = 100
"""Reading stops after this many syntax errors: the text is something else."""

_TERMINALS: Final = terminals("json")
SKIP: Final = f"(?:{_TERMINALS['SPACE']})?+"
STRING: Final = _TERMINALS["STRING"]
SCALAR: Final = f"({STRING})|({_TERMINALS['NUMBER']})|({_TERMINALS['LITERAL']})"
"""A scalar, in one of three groups: string, number, literal."""
LITERALS: Final[dict[str, bool | float | None]] = {
    "true": True,
    "false": False,
    "null": None,
    "NaN": math.nan,
    "Infinity": math.inf,
    "-Infinity": -math.inf,
}
_HALF_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Expected(enum.Enum):
    """What may stand next in the innermost container."""

    FIRST = enum.auto()
    """An item or member, or the end: the container has just begun."""
    ITEM = enum.auto()
    """An item or member: a comma has just been read."""
    SEPARATOR = enum.auto()
    """A comma or the end: an item or member has just been read."""


class Builder(msgspec.Struct, eq=False):
    """The tree under construction: the items of the innermost open container, and the containers around it."""

    source: Source
    sink: Sink
    values: list[JsonValue | Member] = msgspec.field(default_factory=list)
    stack: list[tuple[list[JsonValue | Member], JsonObject | JsonArray]] = msgspec.field(default_factory=list)
    """For every open container the items before and including it, and the container itself, still empty."""
    expected: Expected = Expected.FIRST
    error_count: int = 0

    @property
    def in_object(self) -> bool | None:
        """Whether the innermost container is an object; None outside the outermost one."""
        return isinstance(self.stack[-1][1], JsonObject) if self.stack else None

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

    def add(self, value: JsonValue, key: tuple[str, int, int] | None) -> None:
        """Add an item, or a member with its key and where that is written, to the innermost container."""
        if key is None:
            self.values.append(value)
        else:
            self.values.append(Member(key[0], value, self.source, key[1], key[2]))

    def open(self, bracket: int, key: tuple[str, int, int] | None) -> None:
        """Begin the container whose opening bracket stands at `bracket`."""
        kind = JsonObject if self.source.text[bracket] == "{" else JsonArray
        container = kind((), self.source, bracket, bracket + 1)
        self.add(container, key)
        self.stack.append((self.values, container))
        self.values = []
        self.expected = Expected.FIRST

    def close(self, end: int) -> None:
        """End the innermost container just before the offset `end`."""
        parent, container = self.stack.pop()
        container.end = end
        # What was added to an object is members only, and to an array none: `add` and the scanner see to it.
        if isinstance(container, JsonObject):
            members = cast("tuple[Member, ...]", tuple(self.values))
            container.members = members
            if len({member.key for member in members}) < len(members):
                self._warn_of_duplicates(members)
        else:
            container.items = cast("tuple[JsonValue, ...]", tuple(self.values))
        self.values = parent
        self.expected = Expected.SEPARATOR

    def finished(self) -> JsonValue:
        """Close whatever is open and return the outermost value; null if there is none."""
        end = len(self.source.text)
        while self.stack:
            self.close(end)
        value = self.values[0] if self.values else JsonScalar(None, self.source, 0, end)
        return value.value if isinstance(value, Member) else value

    def _warn_of_duplicates(self, members: tuple[Member, ...]) -> None:
        seen: dict[str, Member] = {}
        for member in members:
            earlier = seen.get(member.key)
            if earlier is not None:
                self.sink.warning(
                    "T0213",
                    f"the key {shown_text(member.key)} occurs twice in this object; this last one counts",
                    self.source.span(member.start, member.key_end),
                    related=((self.source.span(earlier.start, earlier.key_end), "it occurred here before"),),
                )
            seen[member.key] = member


def string_of(builder: Builder, text: str, start: int) -> str:
    """Return the value of a string written as `text` at the offset `start`; warn of half surrogates."""
    if "\\" not in text:
        return text[1:-1]
    try:
        value = str(json.loads(text))
    except json.JSONDecodeError:  # only of strings that were complained about
        return text[1:-1]
    if "\\u" not in text or _HALF_SURROGATE.search(value) is None:
        return value
    builder.sink.warning(
        "T0212",
        "this string contains half of a surrogate pair, which is no character; U+FFFD is read in its place",
        builder.source.span(start, start + len(text)),
    )
    return _HALF_SURROGATE.sub("\ufffd", value)


def number_of(builder: Builder, text: str, start: int) -> int | float:
    """Return the value of a number written as `text` at the offset `start`; complain where it is too long or large."""
    if len(text) > MAX_NUMBER_LENGTH:
        builder.error(
            "T0211",
            f"this number has {len(text)} characters; at most {MAX_NUMBER_LENGTH} are read",
            start,
            start + len(text),
        )
        return 0
    if text.isdigit() or text[1:].isdigit():
        return int(text)
    value = float(text)
    if math.isinf(value):
        builder.sink.warning(
            "T0218",
            f"the number {shown_text(text)} is too large for a floating-point number; infinity is read in its place",
            builder.source.span(start, start + len(text)),
        )
    return value
