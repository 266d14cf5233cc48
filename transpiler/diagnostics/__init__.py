"""Where in a text something is, what is wrong there, and how to show it to people and programs.

This room knows nothing of any notation or framework: every other room reports through it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from transpiler.diagnostics.codes import CODES
from transpiler.diagnostics.diagnostic import CompileError, Diagnostic, Fix, Severity, Sink
from transpiler.diagnostics.source import Source, Span

if TYPE_CHECKING:
    from transpiler.diagnostics.json_report import render_json
    from transpiler.diagnostics.lsp_report import render_lsp
    from transpiler.diagnostics.sarif_report import render_sarif
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

_REPORTS: Final = {"render_json": "json", "render_lsp": "lsp", "render_sarif": "sarif", "render_text": "text"}
"""Reports are loaded when they are first asked for: most runs need one of them, or none."""


def __getattr__(name: str) -> Any:
    if name not in _REPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_REPORTS[name]}_report"), name)
    globals()[name] = found
    return found
