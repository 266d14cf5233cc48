"""From a path or standard input to a text or a binary model: whatever is neither is told apart here."""

from __future__ import annotations

import codecs
import os
import stat
import sys
from typing import BinaryIO, Final, NoReturn

import msgspec

from transpiler.diagnostics import CompileError, Diagnostic, Severity, Sink, Source, Span
from transpiler.parsers.binary import BinaryKind, binary_kind

MAX_BYTES: Final = 512 * 1024 * 1024
"""Larger inputs are refused: no description of a network in text comes near."""
STDIN: Final = "<stdin>"
_PIECE: Final = 1 << 20

SAVED_MODEL: Final = ("saved_model.pb", "saved_model.pbtxt")
"""The files that a SavedModel's directory has its graph in."""


class Binary(msgspec.Struct, frozen=True):
    """A whole model in binary form. `path` is None for standard input."""

    name: str
    kind: BinaryKind
    data: bytes
    path: str | None = None


_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read_source(path: str | os.PathLike[str], sink: Sink | None = None) -> Source:
    """Return the text of a file, or of standard input for `-`.

    Line endings stay as they are, so that offsets fit the file; a byte order mark is dropped. Text that is not UTF-8
    is read as Latin-1, with a warning in the sink, if one is given. Raises CompileError when there is no text to read.
    """
    name, data = _bytes(path)
    return decode(data, name, sink)


def read_input(path: str | os.PathLike[str], sink: Sink | None = None) -> Source | Binary:
    """Return the text of a file as `read_source` does, or what it holds if that is a whole model in binary form.

    A directory is read as a TensorFlow SavedModel. Raises CompileError when the file is neither.
    """
    place = os.fspath(path)
    if place != "-" and os.path.isdir(place):
        inside = (os.path.join(place, name) for name in SAVED_MODEL)
        place = next(filter(os.path.isfile, inside), place)
    name, data = _bytes(place)
    kind = None if _mark(data) else binary_kind(data, os.path.splitext(name)[1])
    if kind is not None and kind.holds is not None:
        return Binary(name, kind, data, None if place == "-" else place)
    return decode(data, name, sink)


def _bytes(path: str | os.PathLike[str]) -> tuple[str, bytes]:
    """What diagnostics call the input, and what is in it."""
    name = os.fspath(path)
    if name != "-":
        return name, _read_file(name)
    if sys.stdin is None:
        _fail("T0003", STDIN, "standard input is closed", help="give the name of a file")
    return STDIN, _read_limited(sys.stdin.buffer, STDIN)


def _mark(data: bytes) -> tuple[bytes, str] | None:
    """The byte order mark that the data begin with, and the encoding that it announces."""
    return next(((mark, encoding) for mark, encoding in _MARKS if data.startswith(mark)), None)


def decode(data: bytes, name: str, sink: Sink | None = None) -> Source:
    """Return the text that bytes encode; `name` is what diagnostics call it. Raises CompileError if it is no text."""
    if not data:
        _fail("T0004", name, "the file is empty", help=None)
    marked = _mark(data)
    if marked is not None:
        return _checked(name, _decode_marked(data[len(marked[0]) :], marked[1], name))
    kind = binary_kind(data)
    if kind is not None:
        _fail("T0008", name, f"this is {kind.name}, not a text description of a network", help=kind.advice)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        text = data.decode("latin-1")
        source = _checked(name, text)
        _warn_of_latin1(source, error.start, sink)
        return source
    return _checked(name, text)


def _read_file(name: str) -> bytes:
    try:
        status = os.stat(name)
        if stat.S_ISDIR(status.st_mode):
            _fail("T0002", name, "this is a directory, not a file", help=None)
        if status.st_size > MAX_BYTES:
            _fail_size(name)
        with open(name, "rb") as stream:
            return _read_limited(stream, name)
    except FileNotFoundError:
        _fail("T0001", name, "there is no such file", help="check the spelling and the directory")
    except PermissionError:
        _fail("T0003", name, "the file cannot be read: permission denied", help=None)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        _fail("T0003", name, f"the file cannot be read: {reason}", help=None)


def _read_limited(stream: BinaryIO, name: str) -> bytes:
    """All of a stream, in pieces: a single large read would set as much memory aside for the smallest file."""
    pieces: list[bytes] = []
    size = 0
    while piece := stream.read(_PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > MAX_BYTES:
            _fail_size(name)
    return b"".join(pieces)


def _decode_marked(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        _fail(
            "T0009",
            name,
            f"the file announces {encoding.upper()} by a byte order mark, but its byte {error.start} does not fit",
            help="save it as UTF-8",
        )


def _checked(name: str, text: str) -> Source:
    """Return the source of a text that holds something and holds no NUL."""
    source = Source(name, text)
    nul = text.find("\0")
    if nul >= 0:
        raise CompileError(
            [
                Diagnostic(
                    "T0006",
                    Severity.ERROR,
                    "the file contains NUL bytes, so it is not text",
                    Span(source, nul, nul + 1),
                    help="is it a binary file, or text saved as UTF-16? Save it as UTF-8",
                )
            ]
        )
    if not text.strip():
        _fail("T0004", name, "the file holds only white space", help=None)
    return source


def _warn_of_latin1(source: Source, offset: int, sink: Sink | None) -> None:
    if sink is not None:
        sink.warning(
            "T0007",
            "the file is not valid UTF-8 from here on; it is read as Latin-1",
            source.span(offset, offset + 1),
            help="save it as UTF-8 if names or comments look wrong",
        )


def _fail_size(name: str) -> NoReturn:
    _fail("T0005", name, f"the input is larger than {MAX_BYTES // (1024 * 1024)} MiB", help=None)


def _fail(code: str, name: str, message: str, *, help: str | None) -> NoReturn:
    """Raise the error, placed at the beginning of the named input: there is no text to point into."""
    place = Span(Source(name, ""), 0, 0)
    raise CompileError([Diagnostic(code, Severity.ERROR, message, place, help=help)])
