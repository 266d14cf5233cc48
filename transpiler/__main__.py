"""The process of the command `transpiler`, also `python -m transpiler`: it starts fast, and ends fast."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
from importlib import import_module
from typing import Final, NoReturn

OBJECTS_BEFORE_COLLECTION: Final = 100_000
"""Loading modules makes tens of thousands of objects and no garbage. At Python's own threshold, 700, it would look
for some again and again: a tenth of the time that a small conversion takes."""


def run() -> NoReturn:
    """Run the command with the arguments of the process, and leave with its exit code."""
    gc.set_threshold(OBJECTS_BEFORE_COLLECTION)
    _load_records()
    from transpiler.cli import main

    _leave(main())


def _load_records() -> None:
    """Load msgspec without typing_extensions.

    Where that is installed, msgspec takes it for annotations newer than this Python. There are none here, and it loads
    `inspect` with all that belongs to it: a tenth of what a conversion loads. Whoever asks for it later gets it.
    """
    unwanted = "typing_extensions"
    if unwanted in sys.modules:
        return
    sys.modules[unwanted] = None  # type: ignore[assignment]  # documented: an import of it fails at once
    try:
        import_module("msgspec")
    finally:
        del sys.modules[unwanted]


def _leave(code: int) -> NoReturn:
    """End the process.

    Taking every object down takes another tenth, so that is left out where nobody waits for it: no function is
    registered for the end, no other thread runs, and what was printed is out.
    """
    if atexit._ncallbacks() == 0 and threading.active_count() == 1 and _is_printed():  # noqa: SLF001 - the only way to know
        os._exit(code)
    sys.exit(code)


def _is_printed() -> bool:
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    run()
