"""Reading JSON token by token: the outermost value, and what is wrong.

`read_carefully` reads one thing that the fast scanner does not, reports what is wrong with it, and returns where the
fast scanner may go on. Every call moves forward or settles what is expected next, so that reading takes linear time.
"""

from __future__ import annotations

import re
from typing import Final

from transpiler.parsers import json_complaints as complain
from transpiler.parsers.json_builder import (
    LITERALS,
    MAX_DEPTH,
    MAX_ERRORS,
    SCALAR,
    SKIP,
    STRING,
    Builder,
    Expected,
    number_of,
    string_of,
)
from transpiler.syntax.json import JsonScalar

_SKIP: Final = re.compile(SKIP)
_STRING: Final = re.compile(STRING)
_LOOSE_STRING: Final = re.compile(r'"[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+"')
_SINGLE_QUOTED: Final = re.compile(r"'[^'\\\n]*+(?:\\[^\n][^'\\\n]*+)*+'")
_SCALAR: Final = re.compile(SCALAR)
_WORD: Final = re.compile(r"[^\s,:{}\[\]\"'#/]++")
_KEY_FOLLOWS: Final = re.compile(rf"{SKIP}[:=]")
_COMMENT: Final = re.compile(r"//[^\n]*+|#[^\n]*+|/\*")
_RESUME: Final = re.compile(
    r"""([{\[])|([}\]])|(,)|"[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+"|"[^\n]*+|[^{}\[\],"]++"""
)
"""What is skipped after an error. Groups: an opening bracket, a closing bracket, a comma."""

Key = tuple[str, int, int]


def read_carefully(builder: Builder, position: int) -> int | None:
    """Read or complain about what stands at a position, and return where to go on; None at the end of reading."""
    if builder.error_count >= MAX_ERRORS:
        complain.too_many(builder, position)
        return None
    text = builder.source.text
    start = _skipped(text, position)
    if start == len(text):
        if builder.stack or not builder.values:
            complain.unfinished(builder)
        return None
    if _COMMENT.match(text, start):
        return complain.comment(builder, start)
    if not builder.stack and builder.values:
        complain.more_text(builder, start)
        return None
    if text[start] in "}]":
        return _closing_bracket(builder, start)
    if builder.expected is Expected.SEPARATOR:
        return _separator(builder, position, start)
    if text[start] in ",;":
        complain.extra_comma(builder, start)
        return start + 1
    if builder.in_object:
        return _member(builder, start)
    return _value(builder, start, None)


def _skipped(text: str, position: int) -> int:
    """Return the offset of the next token at or after a position."""
    match = _SKIP.match(text, position)
    return match.end() if match is not None else position


def _closing_bracket(builder: Builder, start: int) -> int:
    text = builder.source.text
    opening = "{" if text[start] == "}" else "["
    if not builder.stack:
        complain.closes_nothing(builder, start)
        return start + 1
    if builder.expected is Expected.ITEM:
        complain.trailing_comma(builder, start)
    if text[builder.stack[-1][1].start] != opening:
        complain.wrong_bracket(builder, builder.stack[-1][1], start)
        if any(text[container.start] == opening for _, container in builder.stack):
            while text[builder.stack[-1][1].start] != opening:
                builder.close(start)
    builder.close(start + 1)
    return start + 1


def _separator(builder: Builder, position: int, start: int) -> int:
    """Read what stands between two items: a comma, or what should be one."""
    char = builder.source.text[start]
    if char == ",":
        builder.expected = Expected.ITEM
        return start + 1
    if char == ";":
        complain.semicolon(builder, start)
        builder.expected = Expected.ITEM
        return start + 1
    if char in ":=":
        complain.unexpected(builder, start)
        return _resume(builder, start + 1)
    complain.missing_comma(builder, position, start)
    builder.expected = Expected.ITEM
    return start


def _member(builder: Builder, start: int) -> int | None:
    """Read a member from its key on."""
    text = builder.source.text
    key = _key(builder, start)
    if key is None:
        if text[start] not in "{[":
            return _resume(builder, complain.not_a_key(builder, start))
        complain.no_key(builder, start)
        return _value(builder, start, ("", start, start))
    at = _skipped(text, key[2])
    char = text[at : at + 1]
    if char == ":":
        at = _skipped(text, at + 1)
    elif char == "=":
        complain.missing_colon(builder, key[2], at, at + 1)
        at = _skipped(text, at + 1)
    elif not char or char in ",;}]":
        complain.no_value(builder, key[1], key[2])
        return _added(builder, JsonScalar(None, builder.source, key[2], key[2]), key, key[2])
    else:
        complain.missing_colon(builder, key[2], at, at)
    if text[at : at + 1] in ("", ",", ";", "}", "]"):
        complain.no_value(builder, key[1], key[2])
        return _added(builder, JsonScalar(None, builder.source, at, at), key, at)
    return _value(builder, at, key)


def _key(builder: Builder, start: int) -> Key | None:
    """Read a key, also one that is quoted wrongly; None if nothing here can be one."""
    text = builder.source.text
    if string := _STRING.match(text, start):
        return string_of(builder, string[0], start), start, string.end()
    if string := _LOOSE_STRING.match(text, start):
        complain.bad_string(builder, start, string.end())
        return string[0][1:-1], start, string.end()
    if string := _SINGLE_QUOTED.match(text, start):
        complain.single_quotes(builder, start, string.end())
        return string[0][1:-1], start, string.end()
    word = _WORD.match(text, start)
    if word is None or not _KEY_FOLLOWS.match(text, word.end()):
        return None
    complain.unquoted(builder, start, word.end())
    return word[0], start, word.end()


def _value(builder: Builder, start: int, key: Key | None) -> int | None:
    """Read an item, or the value of a member, that begins at `start`."""
    text = builder.source.text
    source = builder.source
    if text[start] in "{[":
        if len(builder.stack) >= MAX_DEPTH:
            complain.too_deep(builder, start)
            return None
        builder.open(start, key)
        return start + 1
    if scalar := _SCALAR.match(text, start):
        plain: str | int | float | bool | None
        if scalar[1] is not None:
            plain = string_of(builder, scalar[1], start)
        elif scalar[2] is not None:
            plain = number_of(builder, scalar[2], start)
        else:
            plain = LITERALS[scalar[0]]
        return _added(builder, JsonScalar(plain, source, start, scalar.end()), key, scalar.end())
    if string := _LOOSE_STRING.match(text, start):
        complain.bad_string(builder, start, string.end())
        return _added(builder, JsonScalar(string[0][1:-1], source, start, string.end()), key, string.end())
    if string := _SINGLE_QUOTED.match(text, start):
        complain.single_quotes(builder, start, string.end())
        return _added(builder, JsonScalar(string[0][1:-1], source, start, string.end()), key, string.end())
    if text[start] in "\"'":
        end = complain.unclosed_string(builder, start)
        return _added(builder, JsonScalar(text[start + 1 : end], source, start, end), key, end)
    if word := _WORD.match(text, start):
        complain.bad_word(builder, start, word.end())
        return _added(builder, JsonScalar(word[0], source, start, word.end()), key, word.end())
    complain.unexpected(builder, start)
    return _resume(builder, start + 1)


def _added(builder: Builder, value: JsonScalar, key: Key | None, end: int) -> int:
    builder.add(value, key)
    builder.expected = Expected.SEPARATOR
    return end


def _resume(builder: Builder, position: int) -> int:
    """Skip to the end of the broken item: to a comma or closing bracket that is not inside nested brackets."""
    depth = 0
    text = builder.source.text
    builder.expected = Expected.SEPARATOR
    for match in _RESUME.finditer(text, position):
        if match[1] is not None:
            depth += 1
        elif match[2] is not None:
            if depth == 0:
                return match.start()
            depth -= 1
        elif match[3] is not None and depth == 0:
            return match.start()
    return len(text)
