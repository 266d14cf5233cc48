"""Conversion: read, shape, make legal for the target, write."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from transpiler.diagnostics import Diagnostic, Sink
from transpiler.diagnostics.compared import Compared
from transpiler.driver.faults import contained
from transpiler.driver.legal import Legal, legal_model
from transpiler.driver.losses import note_losses, note_numbers
from transpiler.driver.options import Options, UsageError
from transpiler.driver.reading import Input, read_model
from transpiler.driver.running import printed
from transpiler.driver.targets import TARGETS, Target
from transpiler.driver.trace import Trace
from transpiler.parsers.collector import collector_paused

if TYPE_CHECKING:
    from transpiler.driver.forms import Form


class Conversion(Compared, frozen=True, eq=False):
    """The text in the target's notation, and the warnings and notes on the way to it."""

    beside = frozenset({"legal", "target"})

    text: str
    diagnostics: tuple[Diagnostic, ...] = ()
    legal: Legal | None = None
    """What the text was written from; None for a graph as IR text between two passes."""
    target: Target = TARGETS["ir"]

    def __str__(self) -> str:
        return self.text

    @property
    def has_weights(self) -> bool:
        """Whether the source, or a file given beside it, holds the numbers of its learned arrays."""
        return self.legal is not None and self.legal.store is not None

    def save(self, path: str | os.PathLike[str]) -> tuple[Diagnostic, ...]:
        """Write the model, or its weights, to a file of the form that the path's suffix names.

        The file appears whole or not at all. Raises UsageError for a form that the target does not have or that
        needs weights which are not there, OSError, and CompileError when weights turn out to be unreadable.
        Returns what is to be said about it.
        """
        form, place = self.form(path), os.path.realpath(path)
        sink = Sink()
        with contained(sink):
            if form.is_text or self.legal is None:
                from transpiler.driver.files import write_whole

                write_whole(place, encoded(self.text))
            else:
                form.write(self.legal, place, sink)
        sink.raise_if_errors()
        return tuple(sink.diagnostics)

    def form(self, path: str | os.PathLike[str]) -> Form:
        """The form that a path asks for. Raises UsageError where that cannot be written."""
        from transpiler.driver.forms import form_of

        form = form_of(os.fspath(path), self.target.name)
        if form.needs_weights and not self.has_weights:
            raise UsageError(
                f"{os.fspath(path)} holds weights, and there are none: give a file with --weights"
            )
        return form


def encoded(text: str) -> bytes:
    """Text as the bytes of a file."""
    return text.encode("utf-8", errors="backslashreplace")


def convert_source(
    source: Input, to: str, options: Options | None = None, trace: Trace | None = None
) -> Conversion:
    """Convert a model to the target `to`, or to IR text after the pass `options.stop_after`.

    Raises CompileError with every diagnostic when the model has errors or no exact form in the target, and
    UsageError when target or pass do not exist.
    """
    options, trace, sink = options or Options(), trace or Trace(), Sink()
    target = target_named(to)
    with contained(sink), collector_paused():
        model = read_model(source, options, sink, trace)
        sink.raise_if_errors()
        legal = legal_model(model, target, options, sink, trace)
        sink.raise_if_errors()
        if options.stop_after is not None:
            return Conversion(printed(legal.module), tuple(sink.diagnostics))
        note_losses(legal.module, target.name, sink)
        if legal.store is None:
            note_numbers(model.module, legal.module, target.name, sink)
        with trace.stage("write"):
            text = target.write(legal.module, sink)
    return Conversion(text, tuple(sink.diagnostics), legal, target)


def target_named(name: str) -> Target:
    """The target of that name. Raises UsageError."""
    if name not in TARGETS:
        raise UsageError(f"unknown target {name!r}; there are {', '.join(TARGETS)}")
    return TARGETS[name]
