"""What a model is converted to now: the texts that are compared with the golden ones, and the graph they came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from transpiler.diagnostics import CompileError, Diagnostic, Severity, Sink, Source
from transpiler.driver.convert import convert_source
from transpiler.driver.faults import INTERNAL_ERROR
from transpiler.driver.forms import text_form
from transpiler.driver.options import Options
from transpiler.driver.reading import read_module
from transpiler.driver.trace import Trace
from transpiler.ir import Module

SUMMARY: Final = "summary"
"""The graph as it was read, every layer with its fields and shapes: what the semantic comparison starts from."""
REFUSED: Final = ".refused.txt"
"""What the file with the reasons is called, behind the target's name."""


class Capture(msgspec.Struct, frozen=True):
    """The texts of one model by the names of their golden files.

    `module` is the graph as read: without shapes if they make no sense, None if the file cannot be read at all.
    """

    files: Mapping[str, str]
    module: Module | None


def capture(path: Path, targets: Sequence[str], options: Options) -> Capture:
    """Convert a model to every target. What is refused is captured too: the reasons take the place of the text.

    Raises CompileError for a fault of this program, which is nothing to be compared with.
    """
    files: dict[str, str] = {}
    try:
        read = convert_source(path, "ir", options)
    except CompileError as error:
        return Capture({SUMMARY + REFUSED: _reasons(error.diagnostics)}, _unshaped(path, options))
    files[file_name(SUMMARY, "ir")] = read.text
    for target in targets:
        try:
            files[file_name(target, target)] = convert_source(path, target, options).text
        except CompileError as error:
            files[target + REFUSED] = _reasons(error.diagnostics)
    return Capture(files, None if read.legal is None else read.legal.module)


def file_name(what: str, target: str) -> str:
    """The name of the golden file that holds a text of a target."""
    return what + text_form(target).suffix


def read_back(text: str, name: str) -> Module | None:
    """The graph of a captured text; None if it is none, or none that can be read."""
    if name.endswith(REFUSED):
        return None
    try:
        legal = convert_source(Source(name, text), "ir").legal
    except CompileError:
        return None
    return None if legal is None else legal.module


def _unshaped(path: Path, options: Options) -> Module | None:
    try:
        return read_module(path, options, Sink(), Trace())
    except CompileError:
        return None


def _reasons(diagnostics: Iterable[Diagnostic]) -> str:
    """The errors, a line each and without places: a comment above a layer is no change."""
    errors = [one for one in diagnostics if one.severity is Severity.ERROR]
    if any(one.code == INTERNAL_ERROR for one in errors):
        raise CompileError(errors)
    return "".join(f"{one.code}: {' '.join(one.message.split())}\n" for one in errors)
