"""A diagnostic, the exception that carries diagnostics, and the sink that collects them."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Final

import msgspec

from transpiler.diagnostics.source import Span

MAX_KEPT: Final = 1000
"""A sink keeps this many diagnostics, so that a hostile file cannot fill the memory; the rest are counted."""


class Severity(enum.Enum):
    """How bad it is: an error stops the translation, a warning and a note do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Fix(msgspec.Struct, frozen=True):
    """A change of text that would repair what a diagnostic complains about."""

    message: str
    span: Span
    replacement: str


class Diagnostic(msgspec.Struct, frozen=True):
    """One thing to say to the user, and where."""

    code: str
    severity: Severity
    message: str
    span: Span | None = None
    notes: tuple[str, ...] = ()
    related: tuple[tuple[Span, str], ...] = ()
    help: str | None = None
    fixes: tuple[Fix, ...] = ()

    def __str__(self) -> str:
        place = f"{self.span}: " if self.span is not None else ""
        return f"{place}{self.severity.value} {self.code}: {self.message}"


class CompileError(Exception):
    """The translation cannot go on; `diagnostics` says why, in the order found."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        return "\n".join(str(diagnostic) for diagnostic in self.diagnostics)


class Sink(msgspec.Struct, eq=False):
    """Collects diagnostics in order. Errors are remembered even beyond the number that is kept."""

    diagnostics: list[Diagnostic] = msgspec.field(default_factory=list)
    dropped: int = 0
    error_count: int = 0

    @property
    def has_errors(self) -> bool:
        return self.error_count > 0

    def add(self, diagnostic: Diagnostic) -> None:
        """Add a finished diagnostic."""
        is_error = diagnostic.severity is Severity.ERROR
        if len(self.diagnostics) < MAX_KEPT or (is_error and not self.has_errors):
            self.diagnostics.append(diagnostic)
        else:
            self.dropped += 1
        self.error_count += is_error

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Add several finished diagnostics."""
        for diagnostic in diagnostics:
            self.add(diagnostic)

    def error(
        self,
        code: str,
        message: str,
        span: Span | None = None,
        *,
        notes: tuple[str, ...] = (),
        related: tuple[tuple[Span, str], ...] = (),
        help: str | None = None,
        fixes: tuple[Fix, ...] = (),
    ) -> None:
        """Add an error."""
        self.add(Diagnostic(code, Severity.ERROR, message, span, notes, related, help, fixes))

    def warning(
        self,
        code: str,
        message: str,
        span: Span | None = None,
        *,
        notes: tuple[str, ...] = (),
        related: tuple[tuple[Span, str], ...] = (),
        help: str | None = None,
        fixes: tuple[Fix, ...] = (),
    ) -> None:
        """Add a warning."""
        self.add(Diagnostic(code, Severity.WARNING, message, span, notes, related, help, fixes))

    def note(
        self,
        code: str,
        message: str,
        span: Span | None = None,
        *,
        notes: tuple[str, ...] = (),
        related: tuple[tuple[Span, str], ...] = (),
        help: str | None = None,
        fixes: tuple[Fix, ...] = (),
    ) -> None:
        """Add a note."""
        self.add(Diagnostic(code, Severity.NOTE, message, span, notes, related, help, fixes))

    def raise_if_errors(self) -> None:
        """Raise `CompileError` with everything collected if an error is among it."""
        if self.has_errors:
            raise CompileError(self.diagnostics)
