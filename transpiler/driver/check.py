"""Checking: everything there is to say about a model, and about saying it in other frameworks."""

from __future__ import annotations

from collections.abc import Sequence

from transpiler.diagnostics import CompileError, Diagnostic, Sink
from transpiler.driver.convert import target_named
from transpiler.driver.faults import contained
from transpiler.driver.legal import legal_module
from transpiler.driver.options import Options
from transpiler.driver.reading import Input, read_module
from transpiler.driver.running import run_passes
from transpiler.driver.targets import Target
from transpiler.driver.trace import Trace
from transpiler.ir import Module
from transpiler.parsers.collector import collector_paused


def check_source(
    source: Input, targets: Sequence[str] = (), options: Options | None = None
) -> tuple[Diagnostic, ...]:
    """All diagnostics of reading and shaping a model, and of making it legal for each target.

    Errors are returned, not raised. Raises UsageError for an unknown target.
    """
    from transpiler.passes.pipelines import READ

    options, sink = options or Options(), Sink()
    chosen = [target_named(name) for name in targets]
    try:
        with contained(sink), collector_paused():
            module = read_module(source, options, sink, Trace())
            sink.raise_if_errors()
            run_passes(module, READ, options, sink, Trace())
            sink.raise_if_errors()
    except CompileError as error:
        return tuple(dict.fromkeys(error.diagnostics))
    found = [one for target in chosen for one in _for_target(module, target, options)]
    return tuple(dict.fromkeys((*sink.diagnostics, *found)))


def _for_target(module: Module, target: Target, options: Options) -> tuple[Diagnostic, ...]:
    """What there is to say about writing a sound module for one target."""
    sink = Sink()
    try:
        with contained(sink), collector_paused():
            legal_module(module, target, options, sink, Trace())
    except CompileError as error:
        return error.diagnostics
    return tuple(sink.diagnostics)
