"""Diagnostics for a terminal: the sentence, the line of the source it is about, and a caret under the place."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

from transpiler.diagnostics.diagnostic import Diagnostic, Severity
from transpiler.diagnostics.source import Span

WINDOW: Final = 100
"""At most this many characters of a source line are shown; longer lines are cut around the place."""
_TAB: Final = 4
_RESET: Final = "\x1b[0m"
_BOLD: Final = "\x1b[1m"
_COLOR: Final = {
    Severity.ERROR: "\x1b[1;31m",
    Severity.WARNING: "\x1b[1;33m",
    Severity.NOTE: "\x1b[1;36m",
}


def render_text(diagnostics: Iterable[Diagnostic], color: bool = False) -> str:
    """Return the diagnostics for people, one block each, separated by empty lines and ending in a newline.

    Control characters of the source are shown as their Unicode pictures, so a file cannot steer the terminal.
    """
    blocks = ["\n".join(_block(diagnostic, color)) for diagnostic in diagnostics]
    return "\n\n".join(blocks) + "\n" if blocks else ""


def _block(diagnostic: Diagnostic, color: bool) -> Iterator[str]:
    paint = _COLOR[diagnostic.severity] if color else ""
    bold = _BOLD if color else ""
    reset = _RESET if color else ""
    place = f"{bold}{printable(str(diagnostic.span))}: {reset}" if diagnostic.span is not None else ""
    label = f"{paint}{diagnostic.severity.value} {diagnostic.code}:{reset}"
    yield f"{place}{label} {bold}{printable(diagnostic.message)}{reset}"
    if diagnostic.span is not None:
        yield from _excerpt(diagnostic.span, "^", paint, reset)
    for span, message in diagnostic.related:
        yield f"  {printable(str(span))}: {printable(message)}"
        yield from _excerpt(span, "-", "", "")
    for note in diagnostic.notes:
        yield from _labelled("note", note)
    if diagnostic.help is not None:
        yield from _labelled("help", diagnostic.help)
    for fix in diagnostic.fixes:
        yield from _labelled("fix", fix.message)


def _labelled(label: str, text: str) -> Iterator[str]:
    first, *rest = text.split("\n")
    yield f"  {label}: {printable(first)}"
    for line in rest:
        yield " " * (len(label) + 4) + printable(line)


def _excerpt(span: Span, mark: str, paint: str, reset: str) -> Iterator[str]:
    """Yield the line in which the span begins, and marks under the part of the span that lies on it."""
    if not span.source.text:
        return  # an input that could not be read has only a name
    number, column = span.source.position(span.start)
    line = span.source.line(number)
    start = min(column - 1, len(line))
    end = min(max(start + (span.end - span.start), start), len(line))
    low = max(0, start - WINDOW // 2) if len(line) > WINDOW else 0
    high = min(len(line), low + WINDOW)
    before = _displayed(line[low:start], 0)
    marked = _displayed(line[start : min(end, high)], _width(before))
    after = _displayed(line[min(end, high) : high], _width(before) + _width(marked))
    head, tail = "…" if low > 0 else "", "…" if high < len(line) else ""
    gutter = f"{number:>5} | "
    yield f"{gutter}{head}{before}{marked}{after}{tail}".rstrip()
    indent = " " * (_width(head) + _width(before))
    yield f"{'':>5} | {indent}{paint}{mark * max(1, _width(marked))}{reset}"


def _displayed(text: str, column: int) -> str:
    """Return text as it may be shown from a display column on: tabs become spaces, control characters pictures."""
    shown: list[str] = []
    for char in text:
        piece = " " * (_TAB - column % _TAB) if char == "\t" else printable(char)
        shown.append(piece)
        column += _width(piece)
    return "".join(shown)


def printable(text: str) -> str:
    """Replace what a terminal would act upon, and half surrogates, which cannot be encoded."""
    return text if text.isprintable() else "".join(map(_printable_char, text))


def _printable_char(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return " " if unicodedata.category(char) == "Zs" else "\ufffd"


def _width(text: str) -> int:
    """Return the number of terminal cells a text takes."""
    if text.isascii():
        return len(text)
    return sum(_char_width(char) for char in text)


def _char_width(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
