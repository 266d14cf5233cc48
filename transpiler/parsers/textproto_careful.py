"""Reading protobuf text token by token: lists, extension names, and what is wrong.

`read_carefully` reads one thing that the fast scanner does not, reports what is wrong with it, and returns where the
fast scanner may go on: at the next field or bracket that is plausible. Every call moves forward, so that reading
takes linear time on any input.
"""

from __future__ import annotations

import re
from typing import Final

from transpiler.parsers import textproto_complaints as complain
from transpiler.parsers.textproto_builder import (
    MAX_DEPTH,
    MAX_ERRORS,
    NAME,
    NAME_JOINT,
    SCALAR,
    SKIP,
    STRING,
    Builder,
    OpenList,
    check_number,
    check_string,
)
from transpiler.syntax.textproto import Field, Scalar, ScalarKind

_SKIP: Final = re.compile(SKIP)
_NAME: Final = re.compile(NAME)
_STRING: Final = re.compile(STRING)
_SCALAR: Final = re.compile(SCALAR)
_KINDS: Final = (None, ScalarKind.STRING, ScalarKind.NUMBER, ScalarKind.IDENTIFIER)
_EXTENSION: Final = re.compile(rf"\[{SKIP}{NAME}(?:{SKIP}(?:{NAME_JOINT}){SKIP}{NAME})*+{SKIP}\]")
_UNNAMED: Final = re.compile(r"#[^\n]*+|\s++")
_FIELD_FOLLOWS: Final = re.compile(rf"{NAME}{SKIP}[:{{=]")
_RESUME: Final = re.compile(
    rf"{SKIP}(?:({NAME})(?={SKIP}[:{{])|({NAME})|([{{}}>])|{STRING}|[\"'][^\n]*+|[^\s\w\"'{{}}>#]++|\w++|$)"
)
"""What is skipped after an error. Groups: a name that begins a field, another name, a brace."""


def read_carefully(builder: Builder, position: int) -> int | None:
    """Read or complain about what stands at a position, and return where to go on; None at the end of reading."""
    if builder.error_count >= MAX_ERRORS:
        complain.too_many(builder, position)
        return None
    text = builder.source.text
    start = _skipped(text, position)
    if builder.lists and builder.lists[-1].depth == len(builder.stack):
        return _after_item(builder, start)
    if start == len(text):
        if builder.stack:
            complain.unclosed(builder)
        return None
    char = text[start]
    if char in ":={" and (resumed := _value_was_a_name(builder)) is not None:
        return resumed
    if name := _NAME.match(text, start):
        return _after_name(builder, name[0], start, name.end())
    if char == "[":
        return _extension(builder, start)
    if char in "}>":
        return _closing_bracket(builder, start)
    if char == "{":
        complain.nameless(builder, start)
        return _open(builder, "", start, start)
    if start == position and builder.fields and builder.fields[-1].end == start and not _is_quote(char):
        return _resume(builder, complain.needs_quotes(builder, builder.fields[-1]))
    return _quoted_name(builder, start) or _resume(builder, complain.not_a_field(builder, start))


def _skipped(text: str, position: int) -> int:
    """Return the offset of the next token at or after a position."""
    match = _SKIP.match(text, position)
    return match.end() if match is not None else position


def _separated(text: str, position: int) -> int:
    """Return the offset behind the separator that may follow a value."""
    at = _skipped(text, position)
    return at + 1 if text[at : at + 1] in (",", ";") else position


def _is_quote(char: str) -> bool:
    return char in "\"'"


def _after_name(builder: Builder, name: str, start: int, name_end: int) -> int | None:
    """Read what follows a field name."""
    text = builder.source.text
    at = _skipped(text, name_end)
    char = text[at : at + 1]
    if char == ":":
        return _value(builder, name, start, name_end, at + 1)
    if char == "=":
        complain.equals_sign(builder, at)
        return _value(builder, name, start, name_end, at + 1)
    if char and char in "{<":
        return _open(builder, name, start, at)
    if char == "[":
        return _begin_list(builder, name, start, at, has_colon=False)
    scalar = _SCALAR.match(text, at)
    if scalar is not None and "\n" not in text[name_end:at] and not _FIELD_FOLLOWS.match(text, at):
        complain.missing_colon(builder, name_end, at)
        return _value(builder, name, start, name_end, at)
    if scalar is None and char and char not in "}>,;" and at == name_end:
        return _resume(builder, complain.bad_name(builder, start, name_end))
    complain.no_value(builder, name, start, name_end)
    return at if not char or char in "}>" or scalar is not None else _resume(builder, at + 1)


def _value(builder: Builder, name: str, start: int, name_end: int, position: int) -> int | None:
    """Read the value of a field from behind its colon."""
    text = builder.source.text
    at = _skipped(text, position)
    char = text[at : at + 1]
    if char and char in "{<":
        return _open(builder, name, start, at)
    if char == "[":
        return _begin_list(builder, name, start, at, has_colon=True)
    if not char or char in "}>,;":
        complain.no_value(builder, name, start, name_end)
        return at + 1 if char in (",", ";") else at
    scalar = _SCALAR.match(text, at)
    if scalar is None:
        return _resume(builder, complain.bad_value(builder, at))
    _add_scalar(builder, name, start, scalar)
    return _separated(text, scalar.end())


def _add_scalar(builder: Builder, name: str, start: int, match: re.Match[str]) -> None:
    kind = _KINDS[match.lastindex or 0]
    if kind is None:
        raise AssertionError("the pattern of scalars matches one of its groups")
    scalar = Scalar(match[0], kind, builder.source, match.start())
    builder.fields.append(Field(name, scalar, builder.source, start))
    if kind is ScalarKind.STRING:
        check_string(builder, scalar)
    elif kind is ScalarKind.NUMBER:
        check_number(builder, scalar)


def _value_was_a_name(builder: Builder) -> int | None:
    """Handle `name:` at the end of a line: the next line's field name was taken for its value."""
    field = builder.fields[-1] if builder.fields else None
    if field is None or not isinstance(field.value, Scalar) or field.value.kind is not ScalarKind.IDENTIFIER:
        return None
    value = field.value
    if "\n" not in builder.source.text[field.name_end : value.start]:
        return None
    builder.fields.pop()
    complain.no_value(builder, field.name, field.start, field.name_end)
    return _after_name(builder, value.text, value.start, value.end)


def _open(builder: Builder, name: str, start: int, brace: int) -> int | None:
    if len(builder.stack) >= MAX_DEPTH:
        complain.too_deep(builder, brace)
        return None
    builder.open(name, start, brace)
    return brace + 1


def _closing_bracket(builder: Builder, start: int) -> int:
    if not builder.stack:
        complain.closes_nothing(builder, start)
        return start + 1
    message = builder.stack[-1][1]
    if (builder.source.text[message.start] == "{") is not (builder.source.text[start] == "}"):
        complain.wrong_bracket(builder, message, start)
    builder.close(start + 1)
    return _separated(builder.source.text, start + 1)


def _extension(builder: Builder, start: int) -> int | None:
    match = _EXTENSION.match(builder.source.text, start)
    if match is None:
        return _resume(builder, complain.bad_extension(builder, start))
    return _after_name(builder, _UNNAMED.sub("", match[0]), start, match.end())


def _quoted_name(builder: Builder, start: int) -> int | None:
    """Read a field whose name was put in quotes, as in JSON; None if this is none."""
    text = builder.source.text
    quoted = _STRING.match(text, start)
    if quoted is None or _NAME.fullmatch(quoted[0], 1, len(quoted[0]) - 1) is None:
        return None
    at = _skipped(text, quoted.end())
    if text[at : at + 1] not in (":", "{"):
        return None
    complain.quoted_name(builder, start, quoted.end())
    return _after_name(builder, quoted[0][1:-1], start + 1, quoted.end())


def _begin_list(builder: Builder, name: str, start: int, bracket: int, *, has_colon: bool) -> int | None:
    text = builder.source.text
    at = _skipped(text, bracket + 1)
    builder.lists.append(OpenList(name, start, bracket, len(builder.stack)))
    if not has_colon and text[at : at + 1] not in ("{", "<", "]", ""):
        complain.missing_colon(builder, bracket, bracket)
    if text[at : at + 1] == "]":
        return _end_list(builder, at)
    return _item(builder, at)


def _item(builder: Builder, at: int) -> int | None:
    """Read list items from a position where one must stand, until a message opens or the list ends."""
    text = builder.source.text
    open_list = builder.lists[-1]
    while True:
        if text[at : at + 1] in ("{", "<"):
            return _open(builder, open_list.name, open_list.start, at)
        scalar = _SCALAR.match(text, at)
        if scalar is None:
            builder.lists.pop()
            return _resume(builder, complain.bad_item(builder, open_list, at))
        _add_scalar(builder, open_list.name, open_list.start, scalar)
        at = _skipped(text, scalar.end())
        if text[at : at + 1] != ",":
            return _after_item(builder, at)
        at = _skipped(text, at + 1)


def _after_item(builder: Builder, at: int) -> int | None:
    """Read the ',' or ']' after an item of the innermost list."""
    text = builder.source.text
    char = text[at : at + 1]
    if char == "]":
        return _end_list(builder, at)
    if char == ",":
        return _item(builder, _skipped(text, at + 1))
    open_list = builder.lists.pop()
    if not char or char in "}>" or _FIELD_FOLLOWS.match(text, at):
        complain.unclosed_list(builder, open_list, at)
        return at
    complain.missing_comma(builder, at)
    if char in "{<" or _SCALAR.match(text, at):
        builder.lists.append(open_list)
        return _item(builder, at) if builder.error_count < MAX_ERRORS else at
    return _resume(builder, at + 1)


def _end_list(builder: Builder, at: int) -> int:
    builder.lists.pop()
    return _separated(builder.source.text, at + 1)


def _resume(builder: Builder, position: int) -> int | None:
    """Skip to the next plausible field, or to a closing brace; braces that open in between stay balanced."""
    text = builder.source.text
    for match in _RESUME.finditer(text, position):
        if match.lastindex is None:
            continue
        start = match.start(match.lastindex)
        if match.lastindex == 2 and "\n" not in text[match.start() : start]:
            continue
        if match[3] == "{":
            return _open(builder, "", start, start)
        if match[3] == ">" and not (builder.stack and text[builder.stack[-1][1].start] == "<"):
            continue
        return start
    return len(text)
