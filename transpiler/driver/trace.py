"""What one run did and when: filled as the run goes on, so that it can be shown even when the run fails."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import attrs

from transpiler.passes.trail import Trail


@attrs.frozen
class Stage:
    """One finished step of a run. `phase` is "" for steps that serve all phases."""

    name: str
    phase: str
    seconds: float


@attrs.frozen
class Snapshot:
    """The graph as IR text after one pass."""

    name: str
    phase: str
    text: str


@attrs.define
class Trace:
    """Collects the stages of a run, and the graph after each pass named in `print_after`."""

    print_after: frozenset[str] = frozenset()
    stages: list[Stage] = attrs.field(factory=list, init=False)
    snapshots: list[Snapshot] = attrs.field(factory=list, init=False)
    trails: dict[str, Trail] = attrs.field(factory=dict, init=False)
    """Where the passes put the tensors of each phase."""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time one step that is not a pass."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.stages.append(Stage(name, "", time.perf_counter() - start))
