"""What changed, told to people: first layer by layer, then text by text."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import Final

from transpiler.diagnostics import Span
from transpiler.golden.capture import REFUSED, SUMMARY
from transpiler.golden.changes import Change, Changes
from transpiler.golden.compare import Comparison, State, TextChange

SHOWN_LINES: Final = 60
"""So many lines of a text's difference are shown."""
_SHOWN_SHAPES: Final = 3
_CONTEXT: Final = 2
_LONGEST: Final = 20_000
"""Longer texts are not compared line by line."""


def render(comparison: Comparison, path: str, *, with_texts: bool = True) -> str:
    """All that is to be said of a model, lines that end in newlines; "" if it is as it was.

    `path` is the model's. Every line about a change begins with file and line, as compilers write it.
    """
    return "".join(f"{line}\n" for line in _lines(comparison, path, with_texts))


def _lines(comparison: Comparison, path: str, with_texts: bool) -> Iterator[str]:
    match comparison.state:
        case State.SAME:
            return
        case State.NEW:
            yield f"{path}: new: it has no golden files"
            return
        case State.GONE:
            yield f"{path}: gone: it has golden files, but is not there"
            return
        case State.CHANGED:
            yield from _changed(comparison, path)
            for text in comparison.texts:
                is_told = bool(comparison.changes) and text.name.startswith(f"{SUMMARY}.")
                if with_texts and not is_told:
                    yield from _text_lines(text)


def _changed(comparison: Comparison, path: str) -> Iterator[str]:
    yield from _semantic(comparison.changes, path, "")
    for target, changes in comparison.target_changes.items():
        yield from _semantic(changes, path, f"{target}: ")
    yield from (f"{path}: {what}" for what in _arrivals(comparison.texts))
    if not comparison.changes and not any(comparison.target_changes.values()):
        yield f"{path}: no layer changed, but the text did"


def _semantic(changes: Changes, path: str, target: str) -> Iterator[str]:
    for change in changes.changes:
        yield f"{_place(change, path)}: {target}{change}"
    if changes.follows:
        shown = "; ".join(f"{layer} {old} -> {new}" for layer, old, new in changes.follows[:_SHOWN_SHAPES])
        more = len(changes.follows) - _SHOWN_SHAPES
        yield f"    shapes that follow: {shown}{f'; and {more} more' if more > 0 else ''}"


def _place(change: Change, path: str) -> str:
    span: Span | None = change.span
    return path if span is None else f"{path}:{span.line}:{span.column}"


def _arrivals(texts: Sequence[TextChange]) -> Iterator[str]:
    """Results that came or went, and why some are refused; a text goes without a word where a refusal replaces it."""
    refused = {text.name.removesuffix(REFUSED) for text in texts if text.name.endswith(REFUSED) and text.new}
    for text in texts:
        what = text.name.partition(".")[0]
        subject = "the model" if what == SUMMARY else what
        if text.name.endswith(REFUSED):
            yield (
                f"{subject} is no longer refused"
                if text.new is None
                else (f"{subject} is refused: {'; '.join(text.new.splitlines())}")
            )
        elif text.old is None and not _is_allowed(what, texts):
            yield f"{text.name} is new"
        elif text.new is None and what not in refused and SUMMARY not in refused:
            yield f"{text.name} is gone"


def _is_allowed(what: str, texts: Sequence[TextChange]) -> bool:
    """Whether a result is new because it is no longer refused."""
    gone = {text.name for text in texts if text.new is None}
    return what + REFUSED in gone or SUMMARY + REFUSED in gone


def _text_lines(text: TextChange) -> Iterator[str]:
    old, new = (text.old or "").splitlines(), (text.new or "").splitlines()
    if len(old) + len(new) > _LONGEST:
        yield f"--- golden/{text.name}: {len(old):,} lines, now {len(new):,}"
        return
    lines = list(
        difflib.unified_diff(old, new, f"golden/{text.name}", f"now/{text.name}", lineterm="", n=_CONTEXT)
    )
    yield from lines[:SHOWN_LINES]
    if len(lines) > SHOWN_LINES:
        yield f"    ({len(lines) - SHOWN_LINES:,} more lines)"


def count(comparisons: Sequence[Comparison]) -> str:
    """How many models are in which state, in words."""
    states = [comparison.state for comparison in comparisons]
    parts = [f"{states.count(state):,} {state.value}" for state in State if state in states]
    return (
        f"{len(states):,} model{'' if len(states) == 1 else 's'}: {', '.join(parts)}"
        if parts
        else "no models"
    )
