"""The engine of one machine: worker processes that are kept warm, watched, and replaced when they hang or die."""

from __future__ import annotations

import selectors
import signal
import time
from collections import deque
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Final, Self

import msgspec

from transpiler.batch.locations import fault
from transpiler.batch.perform import record_of_fault
from transpiler.batch.task import Job, Reply, Status, Task
from transpiler.batch.worker import Worker

_WAITING: Final = 24
"""At most so many tasks wait at a worker, so that it never waits for the parent."""
_TICK: Final = 0.2
"""Seconds after which stopping and time limits are looked at, if nothing else happens."""
_START_SECONDS: Final = 120.0
_START_FAILURES: Final = 3
_GRACE_SECONDS: Final = 5.0
"""How long a process that has closed its output may take to be gone."""


class NoWorkers(RuntimeError):
    """Worker processes cannot be started at all."""


class Pool(msgspec.Struct, eq=False):
    """Runs tasks in `jobs` processes. To be used as a context; `run` may be called again and again."""

    job: Job
    jobs: int
    _workers: list[Worker] = msgspec.field(default_factory=list)
    _selector: selectors.BaseSelector = msgspec.field(default_factory=selectors.DefaultSelector)
    _stopping: bool = False
    _failed_starts: int = 0
    _last_words: str = ""
    _again: deque[Task] = msgspec.field(default_factory=deque)
    """Tasks to be given out once more, because the worker that had them died before it came to them."""
    _suspects: deque[Task] = msgspec.field(default_factory=deque)
    """Tasks whose worker died at them. It may not have been their fault: each gets one fresh worker to itself."""
    _alone: dict[Worker, Task] = msgspec.field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all processes, whatever they do."""
        for worker in self._workers:
            self._selector.unregister(worker)
            worker.end()
        self._workers.clear()
        self._selector.close()

    def stop(self) -> None:
        """Let `run` end when the tasks that workers are at are done. May be called by a signal handler."""
        self._stopping = True

    def run(self, tasks: Iterable[Task], count: int) -> Iterator[list[Reply]]:
        """Do `count` tasks; the replies as they come, in no order. Raises NoWorkers."""
        source = iter(tasks)
        left = count
        asked = False
        while left > 0:
            if self._stopping and not asked:
                asked = True
                for worker in self._workers:
                    worker.finish()
            if asked and not self._workers:
                return
            if not asked:
                self._staff(left)
                self._feed(source, left)
            replies = [*self._received(), *self._overdue()]
            left -= len(replies)
            if replies:
                yield replies

    def _staff(self, left: int) -> None:
        while len(self._workers) < (self.jobs if self._suspects else min(self.jobs, left)):
            if self._failed_starts >= _START_FAILURES:
                raise NoWorkers(
                    f"worker processes end before they begin: {self._last_words or 'nobody knows why'}"
                )
            worker = Worker.start(self.job)
            self._workers.append(worker)
            self._selector.register(worker, selectors.EVENT_READ)

    def _feed(self, source: Iterator[Task], left: int) -> None:
        """Give out tasks: many at first, one by one towards the end, so that all workers end together."""
        share = max(1, min(_WAITING, left // (4 * self.jobs)))
        for worker in self._workers:
            if self._suspects and not worker.finished and not worker.tasks:
                suspect = self._suspects.popleft()
                self._alone[worker] = suspect
                worker.give(suspect)
            while worker not in self._alone and worker.has_room(share):
                task = self._again.popleft() if self._again else next(source, None)
                if task is None:
                    break
                worker.give(task)

    def _received(self) -> Iterator[Reply]:
        for key, _ in self._selector.select(_TICK):
            worker = key.fileobj
            assert isinstance(worker, Worker)
            try:
                for reply in worker.replies():
                    self._failed_starts = 0
                    if self._is_suspicious(worker, reply):
                        self._suspects.append(reply.task)
                    else:
                        yield reply
                    self._alone.pop(worker, None)
            except EOFError:
                yield from self._died(worker)

    def _is_suspicious(self, worker: Worker, reply: Reply) -> bool:
        """Whether it may be earlier tasks that took the memory which this one did not get."""
        return reply.status is Status.MEMORY and reply.record is not None and worker.finished > 1

    def _died(self, worker: Worker) -> Iterator[Reply]:
        """Account for a worker that has ended: by itself after it ran out of memory or was asked to, or by a crash."""
        was_asked = self._stopping
        code = self._remove(worker, _GRACE_SECONDS)
        if not worker.is_ready:
            self._failed_starts += 1
        if was_asked:
            return
        if worker.tasks and worker.is_ready and code != 0:
            task = worker.tasks.popleft()
            if worker.finished == 0 and worker in self._alone:
                yield self._lost(task, _how(code), time.monotonic() - worker.since)
            else:
                self._suspects.append(task)
        self._alone.pop(worker, None)
        self._return(worker)

    def _overdue(self) -> Iterator[Reply]:
        """Account for workers that take too long, and end them."""
        now = time.monotonic()
        for worker in tuple(self._workers):
            taken = now - worker.since
            if not worker.is_ready:
                if taken > _START_SECONDS:
                    self._remove(worker)
                    self._failed_starts += 1
                    self._alone.pop(worker, None)
                    self._return(worker)
            elif worker.tasks and self.job.timeout is not None and taken > self.job.timeout:
                self._remove(worker)
                task = worker.tasks.popleft()
                error = fault("T8001", task.input, f"this took longer than {self.job.timeout:g} seconds")
                self._alone.pop(worker, None)
                self._return(worker)
                yield Reply(task, record_of_fault(task, self.job, Status.TIMEOUT, error, taken))

    def _lost(self, task: Task, how: str, seconds: float) -> Reply:
        error = fault("T8003", task.input, f"the worker process {how} at this file, twice")
        return Reply(task, record_of_fault(task, self.job, Status.FAILED, error, seconds))

    def _return(self, worker: Worker) -> None:
        """Take back the tasks that a worker had not come to."""
        self._again.extendleft(reversed(worker.tasks))
        worker.tasks.clear()

    def _remove(self, worker: Worker, grace: float = 0.0) -> int:
        self._workers.remove(worker)
        self._selector.unregister(worker)
        code = worker.end(grace)
        self._last_words = worker.last_words
        return code


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with status {code}"
    try:
        return f"died of {signal.Signals(-code).name}"
    except ValueError:
        return f"died of signal {-code}"
