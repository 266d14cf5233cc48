"""Conversion: read, shape, make legal for the target, write."""

from __future__ import annotations

from collections.abc import Sequence, Set

import attrs

from transpiler.diagnostics import Diagnostic, Sink
from transpiler.driver.faults import contained
from transpiler.driver.losses import note_losses
from transpiler.driver.options import Options, UsageError
from transpiler.driver.reading import Input, read_module
from transpiler.driver.running import one_phase, printed, run_passes
from transpiler.driver.targets import TARGETS, Target
from transpiler.driver.trace import Trace
from transpiler.ir import Module
from transpiler.passes.manager import Pass


@attrs.frozen
class Conversion:
    """The text in the target's notation, and the warnings and notes on the way to it."""

    text: str
    diagnostics: tuple[Diagnostic, ...] = ()

    def __str__(self) -> str:
        return self.text


def convert_source(
    source: Input, to: str, options: Options | None = None, trace: Trace | None = None
) -> Conversion:
    """Convert a model to the target `to`, or to IR text after the pass `options.stop_after`.

    Raises CompileError with every diagnostic when the model has errors or no exact form in the target, and
    UsageError when target or pass do not exist.
    """
    options, trace, sink = options or Options(), trace or Trace(), Sink()
    target = target_named(to)
    with contained(sink):
        module = read_module(source, options, sink, trace)
        sink.raise_if_errors()
        module = legal_module(module, target, options, sink, trace)
        sink.raise_if_errors()
        if options.stop_after is None:
            note_losses(module, target.name, sink)
        with trace.stage("write"):
            text = printed(module) if options.stop_after else target.write(module, sink)
    return Conversion(text, tuple(sink.diagnostics))


def legal_module(module: Module, target: Target, options: Options, sink: Sink, trace: Trace) -> Module:
    """The module, fresh from lowering, after all passes to `target`; without an exact form the sink has errors."""
    from transpiler.passes.pipelines import READ, pipeline

    if target.name == "caffe" and options.data_format == "channels_last":
        raise UsageError("Caffe has one data format, channels_first")
    steps = (*READ, *pipeline(module.framework, target.name, options.data_format))
    _check_pass_names(trace.print_after | {options.stop_after or steps[0].name}, steps)
    if options.phase or not target.has_phases:
        module = one_phase(module, options.phase)
    return run_passes(module, steps, options, sink, trace)


def _check_pass_names(asked: Set[str], steps: Sequence[Pass]) -> None:
    names = [step.name for step in steps]
    unknown = sorted(asked - set(names))
    if unknown:
        raise UsageError(f"there is no pass {unknown[0]!r} on this way; there are: {', '.join(names)}")


def target_named(name: str) -> Target:
    """The target of that name. Raises UsageError."""
    if name not in TARGETS:
        raise UsageError(f"unknown target {name!r}; there are {', '.join(TARGETS)}")
    return TARGETS[name]
