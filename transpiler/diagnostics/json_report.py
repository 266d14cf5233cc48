"""Diagnostics as JSON, for programs that are not editors."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from transpiler.diagnostics.diagnostic import Diagnostic
from transpiler.diagnostics.source import Span


def render_json(diagnostics: Iterable[Diagnostic]) -> str:
    """Return a JSON array with one object a diagnostic; lines and columns are 1-based, columns count characters."""
    return json.dumps([_diagnostic(diagnostic) for diagnostic in diagnostics], indent=2)


def _diagnostic(diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "place": _place(diagnostic.span),
        "notes": list(diagnostic.notes),
        "related": [{"message": message, "place": _place(span)} for span, message in diagnostic.related],
        "help": diagnostic.help,
        "fixes": [
            {"message": fix.message, "place": _place(fix.span), "replacement": fix.replacement}
            for fix in diagnostic.fixes
        ],
    }


def _place(span: Span | None) -> dict[str, Any] | None:
    if span is None:
        return None
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {
        "file": span.source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "start": span.start,
        "end": span.end,
    }
