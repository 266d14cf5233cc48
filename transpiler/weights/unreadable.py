"""What readers of weight files raise, and how it becomes a diagnostic.

Readers meet the fault deep inside a file, and again when an array is decoded: there it must be a ValueError
(`LazyArray.load`), and at the door a CompileError with the file's name.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from transpiler.diagnostics import CompileError, Diagnostic, Severity, Source, Span


class Unreadable(ValueError):
    """Something of a weight file cannot be read; `code`, the message and `help` are those of the diagnostic."""

    def __init__(self, code: str, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.help = help


def foreign(message: str, help: str | None = None) -> Unreadable:
    """The file is of no format that is read here."""
    return Unreadable("T7001", message, help)


def damaged(message: str) -> Unreadable:
    """The file ends too early, or its parts contradict each other."""
    return Unreadable("T7002", message, "the file may be incomplete: compare its size with the original's")


def hostile(message: str) -> Unreadable:
    """The file asks for far more than it holds, or points outside itself."""
    return Unreadable("T7003", message)


def unsupported(message: str, help: str | None = None) -> Unreadable:
    """The file uses a part of its format, or an element type, that is not read here."""
    return Unreadable("T7004", message, help)


def misshapen(message: str) -> Unreadable:
    """An array's declared shape does not fit its data."""
    return Unreadable("T7005", message)


def unmatched(message: str, help: str | None = None) -> Unreadable:
    """The file's arrays cannot be told apart by layer."""
    return Unreadable("T7006", message, help)


MAX_EXPANSION = 100
"""An array may be this many times larger than what is stored of it."""
FREE_EXPANSION = 1 << 28
"""Bytes that an array may have in any case: zeros compress well."""


def check_expansion(declared: int, stored: int, what: str) -> None:
    """Refuse an array of `declared` bytes of which only `stored` bytes are in the file."""
    if declared > FREE_EXPANSION and declared > MAX_EXPANSION * max(stored, 1):
        raise hostile(f"{what} would take {declared} bytes, but the file holds only {stored} of them")


def file_span(name: str) -> Span:
    """The place of a diagnostic about a whole file."""
    return Span(Source(name, ""), 0, 0)


@contextmanager
def diagnosed(name: str) -> Iterator[None]:
    """Turn what goes wrong with the file of this name into a CompileError."""
    try:
        yield
    except Unreadable as error:
        raise CompileError([_diagnostic(error.code, name, str(error), error.help)]) from error
    except FileNotFoundError as error:
        raise CompileError(
            [_diagnostic("T0001", name, "there is no such file", "check the spelling and the directory")]
        ) from error
    except IsADirectoryError as error:
        raise CompileError([_diagnostic("T0002", name, "this is a directory, not a file", None)]) from error
    except RecursionError as error:
        message = "the model in the file is nested too deeply"
        raise CompileError([_diagnostic("T7002", name, message, None)]) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise CompileError(
            [_diagnostic("T0003", name, f"the file cannot be read: {reason}", None)]
        ) from error


def _diagnostic(code: str, name: str, message: str, help: str | None) -> Diagnostic:
    return Diagnostic(code, Severity.ERROR, message, file_span(name), help=help)
