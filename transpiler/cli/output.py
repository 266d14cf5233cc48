"""Where results go, a file that appears whole or not at all, or stdout; and how people are told of it."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from transpiler.driver.files import write_whole
from transpiler.driver.options import UsageError


class Failure(Exception):
    """What was asked for cannot be done here and now; the message is for the user."""


class CannotWrite(Failure):
    """The output file could not be written; what was there before is unchanged."""


def check_output(path: str | None, source: str) -> None:
    """Refuse an output that cannot be meant, before any work is done. Raises UsageError."""
    if path is None or path == "-":
        return
    if os.path.isdir(path) and not path.endswith(os.sep):
        raise UsageError(f"the output {path} is a directory; name a file in it")
    folder = os.path.dirname(path.rstrip(os.sep)) or os.curdir
    if not os.path.isdir(folder):
        raise UsageError(f"the directory {folder} of the output does not exist")
    both = source != "-" and os.path.exists(path) and os.path.exists(source)
    if both and os.path.samefile(path, source):
        raise UsageError(f"the output {path} is the source itself; it is not overwritten")


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


def print_out(text: str) -> None:
    """Show a text for people on stdout, if that is open."""
    _show(sys.stdout, text)


def print_err(text: str) -> None:
    """Show a text for people on stderr, if that is open."""
    _show(sys.stderr, text)


def _show(stream: TextIO | None, text: str) -> None:
    """Characters that the stream cannot say (names of files may hold some) are escaped."""
    if stream is None:
        return
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, errors="backslashreplace").decode(encoding))
    stream.flush()
