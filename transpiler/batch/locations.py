"""Where files are: local paths, which need nothing, and URLs of whatever fsspec knows.

Names are as the user gives them; locations are absolute. A URL is fetched to a local file before it is read.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from transpiler.diagnostics import CompileError, Diagnostic, Severity, Source, Span
from transpiler.driver.options import UsageError

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+://")
_WHOLE_PUTS: Final = frozenset(
    {"memory", "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "r2"}
)
"""Stores in which an object appears whole or not at all; elsewhere a partial file is renamed."""
_CHUNK: Final = 1 << 20


def is_url(name: str) -> bool:
    return _URL.match(name) is not None


def lives_in_process(name: str) -> bool:
    """Whether other processes cannot see what is there."""
    return name.startswith("memory://")


def without_scheme(name: str) -> str:
    """A `file://` URL as the path that it means; anything else as it is."""
    if not name.startswith("file://"):
        return name
    parts = urlsplit(name)
    if parts.netloc not in ("", "localhost"):
        raise UsageError(f"{name} names a file of another machine")
    return unquote(parts.path)


def located(name: str, base: str) -> str:
    """A name as a location: a URL as it is, a path below `base` if it is relative."""
    return name if is_url(name) else str(Path(base, name))


def beside(pattern: str, input: str) -> str:
    """The file that a pattern names for an input: `{dir}` is its directory, `{stem}` its name without suffix."""
    head, _, tail = input.rpartition("/")
    words = {"{input}": input, "{dir}": head or ".", "{stem}": PurePosixPath(tail).stem}
    return re.sub(r"\{(?:input|dir|stem)\}", lambda match: words[match[0]], pattern)


def file_system(url: str) -> tuple[Any, str]:
    """The fsspec file system of a URL, and the URL's path in it. Raises UsageError where a package is missing."""
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise UsageError(f"{url} needs fsspec: pip install 'transpiler[batch]'") from error
    try:
        system, path = url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise UsageError(f"{url} cannot be used: {error}") from error
    return system, path


@contextmanager
def fetched(location: str, name: str) -> Iterator[Path]:
    """A local file with the content of a location. Raises CompileError, about `name`, if there is none to read."""
    if not is_url(location):
        with _reported(name):
            if not stat.S_ISREG(Path(location).stat().st_mode):
                raise fault("T0003", name, "this is not a regular file")
            os.close(os.open(location, os.O_RDONLY))
        yield Path(location)
        return
    with tempfile.TemporaryDirectory(prefix="transpiler-") as folder:
        with _reported(name):
            system, path = file_system(location)
            local = Path(folder, PurePosixPath(path).name)
            system.get_file(path, str(local))
        yield local


def put(local: Path, location: str, name: str) -> None:
    """Move a finished local file to where it belongs, so that it appears there whole; directories are made as needed.

    Raises CompileError, about `name`, if that cannot be.
    """
    try:
        if is_url(location):
            _put_remote(local, location)
            return
        target = Path(location)
        target.parent.mkdir(parents=True, exist_ok=True)
        local.replace(target)
    except OSError as error:
        raise fault("T8004", name, f"the result cannot be written: {error.strerror or error}") from error


def _put_remote(local: Path, location: str) -> None:
    system, path = file_system(location)
    if urlsplit(location).scheme in _WHOLE_PUTS:
        system.put_file(str(local), path)
        return
    system.makedirs(str(PurePosixPath(path).parent), exist_ok=True)
    partial = f"{path}.{socket.gethostname()}.{os.getpid()}.partial"
    system.put_file(str(local), partial)
    system.mv(partial, path)


def digest(location: str) -> str | None:
    """The SHA-256 of a file's content; None if there is no such file."""
    try:
        if is_url(location):
            system, path = file_system(location)
            return hashlib.sha256(system.cat_file(path)).hexdigest()
        return file_digest(Path(location))
    except OSError:
        return None


def file_digest(path: Path) -> str:
    """The SHA-256 of a local file's content, which is never held whole. Raises OSError."""
    found = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while piece := file.read(_CHUNK):
            found.update(piece)
    return found.hexdigest()


def fault(code: str, name: str, message: str, help: str | None = None) -> CompileError:
    """An error about a whole file."""
    place = Span(Source(name, ""), 0, 0)
    return CompileError([Diagnostic(code, Severity.ERROR, message, place, help=help)])


@contextmanager
def _reported(name: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise fault("T0001", name, "there is no such file") from error
    except IsADirectoryError as error:
        raise fault("T0002", name, "this is a directory, not a file") from error
    except (OSError, UsageError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise fault("T0003", name, f"the file cannot be read: {reason}") from error
