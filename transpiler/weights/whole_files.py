"""Files that are written whole or not at all: beside their place first, and moved there when they are complete."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from transpiler.diagnostics import CompileError, Diagnostic, Severity
from transpiler.weights.unreadable import Unreadable, diagnosed, file_span


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A path to write to; what stands there at the end takes the place of `path`, unless something was raised.

    Raises CompileError when the file cannot be written, or when what is to be written cannot be read.
    """
    target = Path(path)
    beside = _beside(target)
    try:
        yield beside
        os.replace(beside, target)  # noqa: PTH105
    except Unreadable:
        with diagnosed(os.fspath(path)):
            raise
    except OSError as error:
        message = f"the file cannot be written: {error.strerror or error}"
        span = file_span(os.fspath(path))
        raise CompileError([Diagnostic("T7010", Severity.ERROR, message, span)]) from error
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def scratch(beside: Path) -> Iterator[Path]:
    """A path for a file that is needed for a while, in the same directory."""
    path = _beside(beside)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
