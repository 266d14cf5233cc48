"""Pausing Python's cyclic garbage collector while a tree is built."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause the collector, if it runs: a tree has no cycles, yet every node allocated makes it look for some.

    That search takes as long as the reading itself. Afterwards all objects count as old, or else the collector would
    walk the whole new tree at once. A program that froze objects itself is left alone.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if gc.get_freeze_count() == 0:
            gc.freeze()
            gc.unfreeze()
        gc.enable()
