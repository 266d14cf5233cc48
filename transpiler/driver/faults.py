"""Faults of this program itself: turned into a diagnostic, so that no user ever meets a traceback."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from transpiler.diagnostics import CompileError, Diagnostic, Severity, Sink
from transpiler.driver.options import UsageError

DEBUG_VARIABLE = "TRANSPILER_DEBUG"
"""Set to 1, it lets internal errors through as they are."""
INTERNAL_ERROR = "T9001"


@contextmanager
def contained(sink: Sink) -> Iterator[None]:
    """Turn anything unforeseen into a CompileError that carries what the sink holds and code T9001."""
    try:
        yield
    except (CompileError, UsageError):
        raise
    except Exception as error:  # whatever it is, the user is owed a diagnostic and no traceback
        if os.environ.get(DEBUG_VARIABLE) == "1":
            raise
        raise CompileError((*sink.diagnostics, internal_error(error))) from error


def internal_error(error: BaseException) -> Diagnostic:
    """The diagnostic for a fault of this program."""
    kind = type(error).__name__
    said = " ".join(str(error).split())[:200]
    return Diagnostic(
        INTERNAL_ERROR,
        Severity.ERROR,
        f"internal error: {kind}: {said}" if said else f"internal error: {kind}",
        notes=("this is a fault of the program, not of your file; nothing was written",),
        help=f"please report it with the file that shows it; {DEBUG_VARIABLE}=1 gives the details",
    )
