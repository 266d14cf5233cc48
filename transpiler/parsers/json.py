"""JSON to syntax tree.

The definition of the notation is `grammar/json.lark`. What is used here is a scanner put together from that grammar's
terminals, one match a member or item; whatever it does not match, the outermost value and every error, is read token
by token by `json_careful`.
"""

from __future__ import annotations

import re
from typing import Final

from transpiler.diagnostics import Sink, Source
from transpiler.parsers.collector import collector_paused
from transpiler.parsers.json_builder import (
    LITERALS,
    MAX_DEPTH,
    SCALAR,
    SKIP,
    STRING,
    Builder,
    Expected,
    number_of,
    string_of,
)
from transpiler.parsers.json_careful import read_carefully
from transpiler.syntax.json import JsonArray, JsonObject, JsonScalar, JsonValue, Member

_COMMA: Final = rf"(?:{SKIP},)?+"
_STEP: Final = re.compile(
    rf"{SKIP}(?:(?:({STRING}){SKIP}:{SKIP})?(?:(?:{SCALAR}){_COMMA}|([{{\[]))|([}}\]]){_COMMA}|())"
)
"""A member or item with the comma that may follow, or how a container begins or ends."""
_KEY, _STRING, _NUMBER, _LITERAL, _OPEN, _CLOSE = range(1, 7)
_FIRST, _ITEM, _SEPARATOR = Expected.FIRST, Expected.ITEM, Expected.SEPARATOR  # looked up once: it is slow


def parse(text: str, name: str = "<string>") -> JsonValue:
    """Return the value that a text holds; `name` is what diagnostics call the text.

    Raises CompileError with all syntax errors found. Warnings (keys that occur twice) are dropped: `parse_source`
    hands them over.
    """
    sink = Sink()
    value = parse_source(Source(name, text), sink)
    sink.raise_if_errors()
    return value


def parse_source(source: Source, sink: Sink) -> JsonValue:
    """Return the value that a source holds, as far as it can be read; errors and warnings go to the sink."""
    builder = Builder(source, sink)
    position: int | None = 1 if source.text.startswith("\ufeff") else 0
    with collector_paused():
        while position is not None:
            position = read_carefully(builder, _read_plain(builder, position))
        return builder.finished()


def _read_plain(builder: Builder, position: int) -> int:
    """Read members and items from a position until something is not plain, and return where that stands.

    This loop decides how fast a file is read, hence the local names and the few calls.
    """
    source, stack, values = builder.source, builder.stack, builder.values
    text = source.text
    expected, in_object = builder.expected, builder.in_object
    value: JsonValue
    for match in _STEP.finditer(text, position):
        kind = match.lastindex or 0
        if kind <= _OPEN:
            key = match[_KEY]
            if expected is _SEPARATOR or (key is not None) is not in_object:
                break
            start, end = match.span(kind)
            raw = match[kind]
            if kind == _STRING:
                string = raw[1:-1] if "\\" not in raw else string_of(builder, raw, start)
                value = JsonScalar(string, source, start, end)
            elif kind == _NUMBER:
                short = len(raw) < 19 and raw.isdigit()
                value = JsonScalar(int(raw) if short else number_of(builder, raw, start), source, start, end)
            elif kind == _LITERAL:
                value = JsonScalar(LITERALS[raw], source, start, end)
            elif len(stack) >= MAX_DEPTH:
                break
            else:
                value = (JsonObject if raw == "{" else JsonArray)((), source, start, end)
            if in_object:
                key_start, key_end = match.span(_KEY)
                name = key[1:-1] if "\\" not in key else string_of(builder, key, key_start)
                values.append(Member(name, value, source, key_start, key_end))
            else:
                values.append(value)
            position = match.end()
            if kind == _OPEN:
                stack.append((values, value))  # type: ignore[arg-type]
                values = builder.values = []
                expected, in_object = _FIRST, raw == "{"
            else:
                expected = _ITEM if text[position - 1] == "," else _SEPARATOR
        elif kind == _CLOSE:
            if expected is _ITEM or (match[_CLOSE] == "}") is not in_object:
                break
            builder.close(match.end(_CLOSE))
            values, in_object = builder.values, builder.in_object
            position, expected = match.end(_CLOSE), _SEPARATOR
            if in_object is None:
                break
            if match.end() > position:
                position, expected = match.end(), _ITEM
        else:
            break
    builder.expected = expected
    return position
