"""Protobuf text to syntax tree.

The definition of the notation is `grammar/textproto.lark`. What is used here is a scanner put together from that
grammar's terminals, one match a field, because large graphs are megabytes of text. Whatever the scanner does not
match (lists, extension names and every error) is read token by token by `textproto_careful`.
"""

from __future__ import annotations

import re
from typing import Final

from transpiler.diagnostics import Sink, Source
from transpiler.parsers.collector import collector_paused
from transpiler.parsers.textproto_builder import (
    MAX_DEPTH,
    MAX_NUMBER_LENGTH,
    NAME,
    SCALAR,
    SKIP,
    Builder,
    check_number,
    check_string,
)
from transpiler.syntax.textproto import Field, Message, Scalar, ScalarKind

_START: Final = re.compile(SKIP)
_BEHIND: Final = rf"{SKIP}(?:[,;]{SKIP})?+"
_STEP: Final = re.compile(
    rf"({NAME}){SKIP}(?::{SKIP}(?:{SCALAR}){_BEHIND}|(?::{SKIP})?+([{{<]){SKIP})|([}}>]){_BEHIND}|()"
)
"""The next field, or how a message begins or ends, with what may be skipped behind it.

Every match begins where the one before it ended; the last group matches where nothing else does.
"""
_STRING, _NUMBER, _IDENTIFIER, _OPEN, _CLOSE = range(2, 7)
_KINDS: Final = (None, None, ScalarKind.STRING, ScalarKind.NUMBER, ScalarKind.IDENTIFIER)


def parse(text: str, name: str = "<string>") -> Message:
    """Return the message that a text holds; `name` is what diagnostics call the text.

    Raises CompileError with all syntax errors found.
    """
    sink = Sink()
    message = parse_source(Source(name, text), sink)
    sink.raise_if_errors()
    return message


def parse_source(source: Source, sink: Sink) -> Message:
    """Return the message that a source holds, as far as it can be read; syntax errors go to the sink."""
    builder = Builder(source, sink)
    position: int | None = 1 if source.text.startswith("\ufeff") else 0
    with collector_paused():
        while position is not None:
            position = _read_plain(builder, position)
            if position == len(source.text) and builder.is_whole:
                break
            position = _read_carefully(builder, position)
        return builder.finished()


def _read_carefully(builder: Builder, position: int) -> int | None:
    """Read one thing that is no plain field. Most files have none."""
    from transpiler.parsers.textproto_careful import read_carefully

    return read_carefully(builder, position)


def _read_plain(builder: Builder, position: int) -> int:
    """Read fields from a position until something is not a plain field, and return where that stands.

    This loop decides how fast a file is read, hence the local names and the absence of calls.
    """
    source, fields, stack, lists = builder.source, builder.fields, builder.stack, builder.lists
    start = _START.match(source.text, position)
    position = start.end() if start is not None else position
    for match in _STEP.finditer(source.text, position):
        kind = match.lastindex or 0
        if kind <= _IDENTIFIER:
            name, text = match.group(1, kind)
            scalar = Scalar(text, _KINDS[kind], source, match.start(kind))  # type: ignore[arg-type]
            fields.append(Field(name, scalar, source, position))
            if kind == _STRING:
                if "\\" in text:
                    check_string(builder, scalar)
            elif kind == _NUMBER and len(text) > MAX_NUMBER_LENGTH:
                check_number(builder, scalar)
        elif kind == _OPEN:
            if len(stack) >= MAX_DEPTH:
                break
            message = Message((), source, match.start(_OPEN))
            fields.append(Field(match[1], message, source, position))
            stack.append((fields, message))
            fields = []
        elif kind == _CLOSE:
            if not stack:
                break
            parent, message = stack[-1]
            if (source.text[message.start] == "{") is not (match[_CLOSE] == "}"):
                break
            stack.pop()
            message.fields, message.end = tuple(fields), match.end(_CLOSE)
            fields = parent
            if lists and lists[-1].depth == len(stack):
                position = message.end
                break
        else:
            break
        position = match.end()
    builder.fields = fields
    return position
