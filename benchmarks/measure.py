"""Taking turns: both sides of a comparison are run alternately, and their medians compared."""

from __future__ import annotations

import gc
import os
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

MEGA: Final = 1 << 20
_KILO: Final = 1 << 10


class Times(msgspec.Struct, frozen=True):
    """Seconds that one run took: of the processor, and by the clock on the wall."""

    cpu: float
    wall: float


def interleaved(sides: Mapping[str, Callable[[], Times]], rounds: int) -> dict[str, Times]:
    """The median times of each side over so many rounds, after one run of each that does not count."""
    found: dict[str, list[Times]] = {name: [] for name in sides}
    for run in sides.values():
        run()
    for number in range(rounds):
        names = list(sides)
        for name in names if number % 2 else reversed(names):
            found[name].append(sides[name]())
    return {name: median(times) for name, times in found.items()}


def median(times: Sequence[Times]) -> Times:
    """The medians of both kinds of time."""
    return Times(statistics.median(t.cpu for t in times), statistics.median(t.wall for t in times))


def timed(work: Callable[[], object]) -> Callable[[], Times]:
    """A side that is a call in this process. Garbage is collected before, so that each side pays for its own."""

    def run() -> Times:
        gc.collect()
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        return Times(time.process_time() - cpu, time.perf_counter() - wall)

    return run


def process(command: Sequence[str], env: Mapping[str, str] | None = None) -> Callable[[], Times]:
    """A side that is a whole process. Raises CalledProcessError, with what it wrote, if it fails."""
    whole = {**os.environ, **(env or {})}

    def run() -> Times:
        before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, env=whole, check=True, capture_output=True)
        wall, after = time.perf_counter() - wall, resource.getrusage(resource.RUSAGE_CHILDREN)
        return Times(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall)

    return run


def peak_memory() -> float:
    """The most memory that this process has had so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KILO / MEGA
