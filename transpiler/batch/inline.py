"""The engine without processes of its own, for places that only this process sees (`memory://`). It has no limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from transpiler.batch.perform import perform
from transpiler.batch.task import Job, Reply, Task


class Inline(msgspec.Struct):
    """Does tasks one after the other."""

    job: Job
    _stopping: bool = False

    def stop(self) -> None:
        self._stopping = True

    def run(self, tasks: Iterable[Task], count: int) -> Iterator[list[Reply]]:
        for task in tasks:
            if self._stopping:
                return
            yield [Reply(task, perform(task, self.job))]
