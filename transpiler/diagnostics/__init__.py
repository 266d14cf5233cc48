"""Where in a text something is, what is wrong there, and how to show it to people and programs.

This room knows nothing of any notation or framework: every other room reports through it.
"""

from transpiler.diagnostics.codes import CODES
from transpiler.diagnostics.diagnostic import CompileError, Diagnostic, Fix, Severity, Sink
from transpiler.diagnostics.json_report import render_json
from transpiler.diagnostics.lsp_report import render_lsp
from transpiler.diagnostics.sarif_report import render_sarif
from transpiler.diagnostics.source import Source, Span
from transpiler.diagnostics.text_report import render_text

__all__ = [
    "CODES",
    "CompileError",
    "Diagnostic",
    "Fix",
    "Severity",
    "Sink",
    "Source",
    "Span",
    "render_json",
    "render_lsp",
    "render_sarif",
    "render_text",
]
