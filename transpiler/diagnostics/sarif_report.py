"""Diagnostics as SARIF 2.1.0, the format that code-scanning services read.

Source: OASIS, Static Analysis Results Interchange Format Version 2.1.0.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from transpiler.diagnostics.codes import CODES
from transpiler.diagnostics.diagnostic import Diagnostic, Fix
from transpiler.diagnostics.lsp_report import source_uri
from transpiler.diagnostics.source import Span


def render_sarif(diagnostics: Iterable[Diagnostic], *, version: str | None = None) -> str:
    """Return a SARIF log with one run. `version` is the version of this program, where the caller wants it named."""
    diagnostics = list(diagnostics)
    codes = sorted({diagnostic.code for diagnostic in diagnostics})
    driver: dict[str, Any] = {"name": "transpiler", "rules": [_rule(code) for code in codes]}
    if version is not None:
        driver["version"] = version
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(diagnostic, codes.index(diagnostic.code)) for diagnostic in diagnostics],
    }
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return json.dumps(log, indent=2)


def _rule(code: str) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": code}
    if code in CODES:
        rule["shortDescription"] = {"text": CODES[code]}
    return rule


def _result(diagnostic: Diagnostic, rule_index: int) -> dict[str, Any]:
    sentences = [diagnostic.message, *diagnostic.notes]
    if diagnostic.help is not None:
        sentences.append(f"Help: {diagnostic.help}")
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "ruleIndex": rule_index,
        "level": diagnostic.severity.value,
        "message": {"text": "\n".join(sentences)},
    }
    if diagnostic.span is not None:
        result["locations"] = [{"physicalLocation": _location(diagnostic.span)}]
    if diagnostic.related:
        result["relatedLocations"] = [
            {"id": number, "physicalLocation": _location(span), "message": {"text": message}}
            for number, (span, message) in enumerate(diagnostic.related)
        ]
    if diagnostic.fixes:
        result["fixes"] = [_fix(fix) for fix in diagnostic.fixes]
    return result


def _fix(fix: Fix) -> dict[str, Any]:
    replacement = {"deletedRegion": _region(fix.span), "insertedContent": {"text": fix.replacement}}
    change = {"artifactLocation": {"uri": source_uri(fix.span.source.name)}, "replacements": [replacement]}
    return {"description": {"text": fix.message}, "artifactChanges": [change]}


def _location(span: Span) -> dict[str, Any]:
    return {"artifactLocation": {"uri": source_uri(span.source.name)}, "region": _region(span)}


def _region(span: Span) -> dict[str, Any]:
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}
