"""Diagnostics as the Language Server Protocol wants them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote

from transpiler.diagnostics.diagnostic import Diagnostic, Severity
from transpiler.diagnostics.source import Source, Span

_SEVERITY: Final = {Severity.ERROR: 1, Severity.WARNING: 2, Severity.NOTE: 3}
_NOWHERE: Final = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}}


def render_lsp(diagnostics: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    """Return LSP `Diagnostic` objects: 0-based lines, characters in UTF-16 code units, fixes under `data`.

    A diagnostic without a place is put at the start of the document, because the protocol requires a range.
    """
    return [_diagnostic(diagnostic) for diagnostic in diagnostics]


def lsp_range(span: Span) -> dict[str, Any]:
    """Return the LSP `Range` of a span."""
    return {"start": _position(span.source, span.start), "end": _position(span.source, span.end)}


def source_uri(name: str) -> str:
    """Return the name of a source as a URI or, for a plain path, as a URI reference."""
    return name if "://" in name else quote(name.replace("\\", "/"), errors="surrogatepass")


def _diagnostic(diagnostic: Diagnostic) -> dict[str, Any]:
    report: dict[str, Any] = {
        "range": lsp_range(diagnostic.span) if diagnostic.span is not None else _NOWHERE,
        "severity": _SEVERITY[diagnostic.severity],
        "code": diagnostic.code,
        "source": "transpiler",
        "message": "\n".join(_sentences(diagnostic)),
    }
    if diagnostic.related:
        report["relatedInformation"] = [
            {"location": {"uri": source_uri(span.source.name), "range": lsp_range(span)}, "message": message}
            for span, message in diagnostic.related
        ]
    if diagnostic.fixes:
        report["data"] = {
            "fixes": [
                {"title": fix.message, "range": lsp_range(fix.span), "newText": fix.replacement}
                for fix in diagnostic.fixes
            ]
        }
    return report


def _sentences(diagnostic: Diagnostic) -> Iterable[str]:
    yield diagnostic.message
    for note in diagnostic.notes:
        yield f"note: {note}"
    if diagnostic.help is not None:
        yield f"help: {diagnostic.help}"


def _position(source: Source, offset: int) -> dict[str, int]:
    line, column = source.position(offset)
    before = source.line(line)[: column - 1]
    return {"line": line - 1, "character": sum(2 if ord(char) > 0xFFFF else 1 for char in before)}
