"""Locks and scratch directories: how a run knows that no other run is at work in the same place.

A lock ends with the process that holds it, however that ends; so what an unlocked scratch directory holds is rubbish.
"""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from transpiler.driver.options import UsageError

_PREFIX: Final = ".partial-"
_LOCK: Final = "lock"
_GRACE_SECONDS: Final = 60


def lock(file: IO[Any]) -> bool:
    """Lock an open file for as long as it is open; False if another process holds it."""
    try:
        import fcntl
    except ImportError:  # a system without file locks of this kind: runs must keep apart by themselves
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def scratch_directory(out: Path) -> Iterator[Path]:
    """A directory in `out` for files that are not whole yet; those that killed runs have left are removed.

    Raises UsageError if there cannot be one.
    """
    scratch = out / f"{_PREFIX}{uuid.uuid4().hex[:12]}"
    try:
        scratch.mkdir(parents=True)
    except OSError as error:
        raise UsageError(f"the directory {out} cannot be written: {error.strerror or error}") from error
    for stale in out.glob(f"{_PREFIX}*"):
        if stale != scratch and _is_abandoned(stale):
            shutil.rmtree(stale, ignore_errors=True)
    with (scratch / _LOCK).open("w") as held:
        lock(held)
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _is_abandoned(scratch: Path) -> bool:
    try:
        descriptor = os.open(scratch / _LOCK, os.O_RDWR)
    except FileNotFoundError:  # a run is about to lock it, or died before it could: leave it for the next run
        return time.time() - scratch.stat().st_mtime > _GRACE_SECONDS
    except OSError:
        return False
    with os.fdopen(descriptor) as file:
        return lock(file)
