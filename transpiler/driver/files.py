"""Results on disk: a file that appears whole or not at all."""

from __future__ import annotations

import itertools
import os
import platform
import stat
from contextlib import suppress

_serial = itertools.count()


def write_whole(target: str | os.PathLike[str], content: bytes) -> None:
    """Fill a new file beside `target` and rename it; devices and pipes are written to directly. Raises OSError."""
    place = os.fspath(target)
    before = os.stat(place) if os.path.exists(place) else None
    if before is not None and not stat.S_ISREG(before.st_mode):
        with open(place, "wb") as file:
            file.write(content)
        return
    partial = os.path.join(os.path.dirname(place), _partial_name(os.path.basename(place)))
    try:
        with open(partial, "xb") as file:
            file.write(content)
        if before is not None:
            os.chmod(partial, stat.S_IMODE(before.st_mode))
        os.replace(partial, place)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(partial)
        raise


def _partial_name(name: str) -> str:
    """A name that nobody else uses now: not another thread, process or machine."""
    return f".{name[:120]}.{platform.node()[:60]}.{os.getpid()}.{next(_serial)}.partial"
