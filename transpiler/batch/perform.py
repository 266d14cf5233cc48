"""One task from beginning to end: read, compare with what is known, convert, write, account for it."""

from __future__ import annotations

import errno
import itertools
import json
import os
import socket
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from transpiler import __version__
from transpiler.batch.engine import results_of, translate
from transpiler.batch.locations import beside, digest, fault, fetched, file_digest, is_url, located, put
from transpiler.batch.task import Job, Known, Record, Status, Task, Written
from transpiler.diagnostics import CompileError, Diagnostic, Severity, Sink, render_json
from transpiler.driver.faults import INTERNAL_ERROR, contained
from transpiler.driver.options import Options, UsageError

_NOT_THE_FILES_FAULT: Final = frozenset({"T0001", "T0002", "T0003", INTERNAL_ERROR}) | {
    f"T80{number:02}" for number in range(1, 10)
}
"""Codes of errors that say nothing about the model itself."""
_serial = itertools.count()


def perform(task: Task, job: Job) -> Record | None:
    """Do a task. The record says what came of it; None: an earlier run did it, and nothing has changed since.

    Nothing but an exit request is raised: every failure is the file's own record.
    """
    work = _Work(task, job, time.perf_counter())
    try:
        with contained(Sink()):
            return work.done()
    except CompileError as error:
        if _ran_out_of_memory(error):
            error = fault("T8002", task.input, "this took more memory than the limit")
            return work.record(Status.MEMORY, error.diagnostics)
        return work.record(_status(error), error.diagnostics)


def record_of_fault(task: Task, job: Job, status: Status, error: CompileError, seconds: float) -> Record:
    """The record of a task whose worker did not survive it."""
    work = _Work(task, job, time.perf_counter() - seconds)
    return work.record(status, error.diagnostics)


def _ran_out_of_memory(error: BaseException | None) -> bool:
    """Whether memory was short somewhere on the way to an error."""
    while error is not None:
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
            return True
        error = error.__cause__ or error.__context__
    return False


def _status(error: CompileError) -> Status:
    codes = {one.code for one in error.diagnostics if one.severity is Severity.ERROR}
    return Status.FAILED if codes & _NOT_THE_FILES_FAULT else Status.REFUSED


class _Work(msgspec.Struct):
    """One task while it is done."""

    task: Task
    job: Job
    began: float
    sha256: str | None = None
    weights_sha256: str | None = None
    local: str = ""

    def done(self) -> Record | None:
        task, job = self.task, self.job
        if job.compiler != __version__:
            message = (
                f"this worker is version {__version__} of the compiler; the run is for version {job.compiler}"
            )
            raise fault("T8007", task.input, message, help="install the same version everywhere")
        with ExitStack() as files:
            source = files.enter_context(fetched(located(task.input, job.base), task.input))
            self.local = str(source)
            before = _stamp(source)
            self.sha256 = file_digest(source)
            options = self._with_weights(files)
            if task.known is not None and self._holds(task.known):
                return None
            suffixes = results_of(job.target, job.weights)
            stem = files.enter_context(_workplace(job.scratch, suffixes))
            diagnostics = self._translated(source, options, suffixes, stem)
            if _stamp(source) != before:
                raise fault("T8005", task.input, "the file changed while it was read")
            written = tuple(self._delivered(stem, suffix) for suffix in suffixes)
        return self.record(Status.CONVERTED, diagnostics, written)

    def _holds(self, known: Known) -> bool:
        """Whether input and outputs are still what the earlier run read and wrote."""
        same = (self.sha256, self.weights_sha256) == (known.sha256, known.weights_sha256)
        is_weighed = self.job.weights is None or self.weights_sha256 is not None
        return (
            same
            and is_weighed
            and all(digest(located(path, self.job.base)) == expected for path, expected in known.outputs)
        )

    def _with_weights(self, files: ExitStack) -> Options:
        """The options, with the path of this input's own weights."""
        if self.job.weights is None:
            return self.job.options
        name = beside(self.job.weights, self.task.input)
        place = located(name, self.job.base)
        if is_url(place):
            place = str(files.enter_context(fetched(place, name)))
        if Path(place).is_file():
            self.weights_sha256 = file_digest(Path(place))
        return msgspec.structs.replace(self.job.options, weights=place)

    def _translated(
        self, source: Path, options: Options, suffixes: Sequence[str], stem: Path
    ) -> Sequence[Diagnostic]:
        try:
            return translate(source, self.job.target, options, suffixes, stem)
        except UsageError as error:
            raise fault("T8006", self.task.input, f"the options do not suit this file: {error}") from error
        except OSError as error:
            reason = error.strerror or error
            raise fault("T8004", self.task.input, f"the result cannot be written: {reason}") from error

    def _delivered(self, stem: Path, suffix: str) -> Written:
        """Bring one result from the workplace to where it belongs."""
        made, name = Path(f"{stem}{suffix}"), self.task.output + suffix
        found = Written(name, file_digest(made), made.stat().st_size)
        put(made, located(name, self.job.base), self.task.input)
        return found

    def record(
        self, status: Status, diagnostics: Sequence[Diagnostic], outputs: tuple[Written, ...] = ()
    ) -> Record:
        return Record(
            input=self.task.input,
            input_sha256=self.sha256,
            weights_sha256=self.weights_sha256,
            to=self.job.target,
            options=self.job.settings(),
            compiler=self.job.compiler,
            status=status,
            seconds=time.perf_counter() - self.began,
            diagnostics=self._plain(diagnostics),
            outputs=outputs,
        )

    def _plain(self, diagnostics: Sequence[Diagnostic]) -> Sequence[Mapping[str, Any]]:
        """Diagnostics as plain data, about the input by the name that the user gave it, wherever it was read from."""
        if not diagnostics:
            return ()
        found: list[dict[str, Any]] = json.loads(render_json(diagnostics))
        for place in _places(found):
            if place["file"] == self.local:
                place["file"] = self.task.input
        return found


def _places(diagnostics: Iterable[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    for one in diagnostics:
        for holder in (one, *one["related"], *one["fixes"]):
            if holder["place"] is not None:
                yield holder["place"]


@contextmanager
def _workplace(scratch: str | None, suffixes: Sequence[str]) -> Iterator[Path]:
    """A path without suffix that results can grow at; what is left there is removed."""
    if scratch is None:
        with tempfile.TemporaryDirectory(prefix="transpiler-") as folder:
            yield Path(folder, "result")
        return
    name = f"{socket.gethostname()}-{os.getpid()}-{next(_serial)}"
    try:
        yield Path(scratch, name)
    finally:
        for suffix in suffixes:
            Path(scratch, name + suffix).unlink(missing_ok=True)


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns
