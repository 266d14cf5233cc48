"""The bytes of a file, or of a part of it, read where and when somebody asks: never the whole file at once."""

from __future__ import annotations

import os
import stat
import threading
import weakref
from typing import IO, TYPE_CHECKING, Any

from transpiler.weights.unreadable import damaged, unsupported

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[Any, np.dtype[Any]]

_BUFFER = 1 << 16


class _Shared:
    """An open file for reading from several places; closed when nobody holds it any more."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.lock = threading.Lock()
        weakref.finalize(self, stream.close)


class FileBytes:
    """`size` bytes of a file from `start`. Reading outside them raises Unreadable, as does a file that has shrunk."""

    def __init__(self, shared: _Shared, start: int, size: int) -> None:
        self._shared = shared
        self._start = start
        self.size = size

    def read(self, offset: int, count: int) -> bytes:
        """Exactly `count` bytes from `offset`."""
        self._check(offset, count)
        with self._shared.lock:
            self._shared.stream.seek(self._start + offset)
            data = self._shared.stream.read(count)
        if len(data) != count:
            raise damaged("the file has become shorter while it was read")
        return data

    def into(self, offset: int, target: Numbers) -> None:
        """Fill a contiguous array with the bytes from `offset`, without a second copy of them."""
        self._check(offset, target.nbytes)
        if not target.nbytes:
            return
        view = target.reshape(-1).view("u1").data
        done = 0
        with self._shared.lock:
            self._shared.stream.seek(self._start + offset)
            while done < len(view):
                count = self._shared.stream.readinto(view[done:])  # type: ignore[attr-defined]
                if not count:
                    raise damaged("the file has become shorter while it was read")
                done += count

    def part(self, offset: int, size: int) -> FileBytes:
        """A part of these bytes, as bytes of its own."""
        self._check(offset, size)
        return FileBytes(self._shared, self._start + offset, size)

    def _check(self, offset: int, count: int) -> None:
        if offset < 0 or count < 0 or offset + count > self.size:
            raise damaged(f"the file ends after {self.size} bytes, but {count} are wanted from {offset}")


def opened(path: str | os.PathLike[str]) -> FileBytes:
    """The bytes of a file. Raises OSError, and Unreadable for what is no file of a fixed size (a pipe, a device)."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116
    except ValueError as error:  # a NUL in the path
        raise FileNotFoundError(str(error)) from error
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise unsupported("weights are read from files, not from pipes or devices")
    stream = open(path, "rb", buffering=_BUFFER)  # noqa: SIM115, PTH123 - closed with the last array that needs it
    return of_stream(stream)


def of_stream(stream: IO[bytes]) -> FileBytes:
    """The bytes of an open file, which is closed when nobody holds them any more."""
    shared = _Shared(stream)
    return FileBytes(shared, 0, stream.seek(0, os.SEEK_END))


class Cursor:
    """Little-endian numbers read one after the other from bytes in memory."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        end = self.at + count
        if count < 0 or end > len(self.data):
            raise damaged("a structure of the file ends too early")
        found = self.data[self.at : end]
        self.at = end
        return found

    def number(self, count: int) -> int:
        """The next `count` bytes as an unsigned number."""
        return int.from_bytes(self.take(count), "little")

    def skip(self, count: int) -> None:
        self.take(count)

    def text(self, count: int) -> str:
        """The next `count` bytes as text up to the first NUL."""
        return as_text(self.take(count))

    @property
    def left(self) -> int:
        return len(self.data) - self.at


def as_text(data: bytes) -> str:
    """Bytes as text up to the first NUL. Raises Unreadable for what is not UTF-8."""
    try:
        return data.split(b"\0", 1)[0].decode("utf-8")
    except UnicodeDecodeError:
        raise damaged("a name in the file is not valid UTF-8") from None
