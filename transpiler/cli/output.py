"""Where results go: a file that appears whole or not at all, or stdout."""

from __future__ import annotations

import os
import sys

import click

from transpiler.driver.files import write_whole


class CannotWrite(click.ClickException):
    """The output file could not be written; what was there before is unchanged."""


def check_output(path: str | None, source: str) -> None:
    """Refuse an output that cannot be meant, before any work is done. Raises click.UsageError."""
    if path is None or path == "-":
        return
    if os.path.isdir(path) and not path.endswith(os.sep):
        raise click.UsageError(f"the output {path} is a directory; name a file in it")
    folder = os.path.dirname(path.rstrip(os.sep)) or os.curdir
    if not os.path.isdir(folder):
        raise click.UsageError(f"the directory {folder} of the output does not exist")
    both = source != "-" and os.path.exists(path) and os.path.exists(source)
    if both and os.path.samefile(path, source):
        raise click.UsageError(f"the output {path} is the source itself; it is not overwritten")


def write_output(path: str | None, text: str) -> None:
    """Write text as UTF-8 to a file, or to stdout if there is none."""
    content = text.encode("utf-8", errors="backslashreplace")
    if path is None or path == "-":
        _write_stdout(content)
        return
    try:
        write_whole(os.path.realpath(path), content)
    except OSError as error:
        raise CannotWrite(f"cannot write {path}: {error.strerror or error}") from error


def _write_stdout(content: bytes) -> None:
    if sys.stdout is None:
        raise CannotWrite("standard output is closed; name a file with -o")
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CannotWrite(f"cannot write to standard output: {error.strerror or error}") from error
