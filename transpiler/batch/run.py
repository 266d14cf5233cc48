"""A whole run: plan, engine and manifest put together."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import Final, Protocol

import msgspec

from transpiler.batch.engine import results_of
from transpiler.batch.inline import Inline
from transpiler.batch.interrupts import interruptible
from transpiler.batch.locations import file_system, is_url, lives_in_process, without_scheme
from transpiler.batch.locking import scratch_directory
from transpiler.batch.manifest import Manifest
from transpiler.batch.plan import Item, plan
from transpiler.batch.pool import Pool
from transpiler.batch.task import Job, Reply, Status, Task
from transpiler.driver.options import Options, UsageError

DEFAULT_MANIFEST: Final = "manifest.jsonl"
DEFAULT_TIMEOUT: Final = 300.0
DEFAULT_MEMORY: Final = 4 << 30


class Engine(Protocol):
    """Whatever does tasks."""

    def run(self, tasks: Iterable[Task], count: int) -> Iterator[list[Reply]]:
        """Do `count` tasks; the replies as they come, in any order."""
        ...

    def stop(self) -> None:
        """Let `run` end soon, with nothing half done."""
        ...


class Observer:
    """Is told how a run goes on. This one keeps it to itself."""

    def begin(self, total: int) -> None:
        """So many files are to be converted."""

    def observe(self, replies: Sequence[Reply]) -> None:
        """This came of some of them."""


EngineFactory = Callable[[Job], AbstractContextManager[Engine]]


class Request(msgspec.Struct, frozen=True):
    """What is to be done. `out` and `sources` are paths or URLs; a manifest is always a local file."""

    sources: tuple[str, ...]
    target: str
    out: str
    options: Options = msgspec.field(default_factory=Options)
    weights: str | None = None
    exclude: tuple[str, ...] = ()
    manifest: str | None = None
    resume: bool = False
    sort: bool = True
    timeout: float | None = DEFAULT_TIMEOUT
    memory: int | None = DEFAULT_MEMORY


class Summary(msgspec.Struct, frozen=True):
    """What came of a run."""

    total: int
    statuses: Counter[Status]
    """Of all files, those included that were as an earlier run left them."""
    unchanged: int
    seconds: float
    signal: int | None = None
    """The signal that interrupted the run."""

    @property
    def done(self) -> int:
        return self.statuses.total()

    @property
    def failed(self) -> int:
        return self.done - self.statuses[Status.CONVERTED]

    @property
    def is_complete(self) -> bool:
        return self.done == self.total


def local_engine(jobs: int) -> EngineFactory:
    """Worker processes on this machine."""
    return lambda job: Pool(job, jobs)


def run_batch(request: Request, engine: EngineFactory, observer: Observer | None = None) -> Summary:
    """Do what is asked.

    Raises UsageError, before anything is converted, if it cannot be meant, and OSError if the manifest cannot be kept.
    SIGINT and SIGTERM end the run when the files at hand are done; whatever is done is in the manifest then.
    """
    items = plan(
        request.sources, request.out, results_of(request.target, request.weights)[-1], request.exclude
    )
    out = without_scheme(request.out)
    names = [*request.sources, request.out]
    job = Job(
        request.target,
        request.options,
        request.weights,
        base=str(Path.cwd()),
        timeout=request.timeout,
        memory=request.memory,
    )
    with ExitStack() as held:
        place = _manifest_path(request, out)
        if not is_url(out):
            job = msgspec.structs.replace(
                job, scratch=str(held.enter_context(scratch_directory(Path(out).absolute())))
            )
        manifest = Manifest.open(place, job, resume=request.resume)
        held.callback(manifest.close)
        in_process = any(map(lives_in_process, names))
        chosen = held.enter_context(nullcontext(Inline(job)) if in_process else engine(job))
        summary = _run(items, manifest, chosen, observer or Observer())
        if request.sort and summary.is_complete:
            manifest.sort()
    return summary


def _run(items: Sequence[Item], manifest: Manifest, engine: Engine, observer: Observer) -> Summary:
    observer.begin(len(items))
    began = time.monotonic()
    statuses: Counter[Status] = Counter()
    unchanged = 0
    tasks = (Task(item.input, item.output, manifest.known.get(item.input)) for item in items)
    with interruptible(engine.stop) as interruption:
        for replies in engine.run(tasks, len(items)):
            manifest.add([reply.record for reply in replies if reply.record is not None])
            statuses.update(reply.status for reply in replies)
            unchanged += sum(reply.record is None for reply in replies)
            observer.observe(replies)
    return Summary(len(items), statuses, unchanged, time.monotonic() - began, interruption.number)


def _manifest_path(request: Request, out: str) -> Path:
    if request.manifest is not None:
        path = without_scheme(request.manifest)
        if is_url(path):
            raise UsageError(f"{path}: the manifest grows line by line and must be a local file")
        return Path(path)
    if is_url(out):
        file_system(out)
        raise UsageError(f"say with --report where the manifest goes: {out} is not a local directory")
    return Path(out, DEFAULT_MANIFEST)
