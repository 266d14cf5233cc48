"""Results on disk: a file that appears whole or not at all."""

from __future__ import annotations

import itertools
import os
import platform
import stat
from pathlib import Path

_serial = itertools.count()


def write_whole(target: Path, content: bytes) -> None:
    """Fill a new file beside `target` and rename it; devices and pipes are written to directly. Raises OSError."""
    before = target.stat() if target.exists() else None
    if before is not None and not stat.S_ISREG(before.st_mode):
        target.write_bytes(content)
        return
    partial = target.with_name(_partial_name(target))
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
    return f".{target.name[:120]}.{platform.node()[:60]}.{os.getpid()}.{next(_serial)}.partial"
