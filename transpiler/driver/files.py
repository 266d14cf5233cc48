"""Results on disk: a file that appears whole or not at all, and the suffix that a target's files have."""

from __future__ import annotations

import itertools
import os
import socket
import stat
from pathlib import Path
from typing import Final

from transpiler.driver.options import SUFFIXES

TARGET_SUFFIXES: Final = {"keras2": ".json", **{target: suffix for suffix, target in SUFFIXES.items()}}
"""The suffix, with its dot, of the files that are written for a target."""

_serial = itertools.count()


def write_whole(target: Path, content: bytes, scratch: Path | None = None) -> None:
    """Fill a new file and rename it to `target`; devices and pipes are written to directly. Raises OSError.

    The new file grows in the directory `scratch`, which must be on the same file system, or beside the target.
    """
    before = target.stat() if target.exists() else None
    if before is not None and not stat.S_ISREG(before.st_mode):
        target.write_bytes(content)
        return
    partial = (scratch or target.parent) / _partial_name(target)
    try:
        with partial.open("xb") as file:
            file.write(content)
        if before is not None:
            partial.chmod(stat.S_IMODE(before.st_mode))
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _partial_name(target: Path) -> str:
    """A name that nobody else uses now: not another thread, process or machine."""
    return f".{target.name[:120]}.{socket.gethostname()[:60]}.{os.getpid()}.{next(_serial)}.partial"
