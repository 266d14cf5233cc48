"""What one run did and when: filled as the run goes on, so that it can be shown even when the run fails."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from transpiler.passes.trail import Trail


class Stage(msgspec.Struct, frozen=True):
    """One finished step of a run. `phase` is "" for steps that serve all phases."""

    name: str
    phase: str
    seconds: float


class Snapshot(msgspec.Struct, frozen=True):
    """The graph as IR text after one pass."""

    name: str
    phase: str
    text: str


class Trace(msgspec.Struct):
    """Collects the stages of a run, and the graph after each pass named in `print_after`."""

    print_after: frozenset[str] = frozenset()
    stages: list[Stage] = msgspec.field(default_factory=list)
    snapshots: list[Snapshot] = msgspec.field(default_factory=list)
    trails: dict[str, Trail] = msgspec.field(default_factory=dict)
    """Where the passes put the tensors of each phase."""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time one step that is not a pass."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.stages.append(Stage(name, "", time.perf_counter() - start))
