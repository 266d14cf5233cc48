"""How a batch is getting on: a bar on a terminal, now and then a plain line elsewhere; failures as they come."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from transpiler.batch.run import Observer
from transpiler.batch.task import Reply, Status
from transpiler.cli.output import print_err
from transpiler.diagnostics.text_report import printable

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_BAR_SECONDS: Final = 0.1
_LINE_SECONDS: Final = 10.0
_SHOWN_FAILURES: Final = 20
"""So many failures are shown; all of them are in the manifest."""


class BatchProgress(Observer, msgspec.Struct):
    """Shows a run on stderr. `begin` starts it, `observe` goes on, `end` takes the bar away."""

    quiet: bool = False
    total: int = 0
    statuses: Counter[Status] = msgspec.field(default_factory=Counter)
    began: float = 0.0
    _shown: float = 0.0
    _bar: Progress | None = None
    _task: TaskID | None = None

    def begin(self, total: int) -> None:
        self.total = total
        self.began = self._shown = time.monotonic()
        if not self.quiet and sys.stderr.isatty():
            self._bar, self._task = _bar(total)

    def observe(self, replies: Sequence[Reply]) -> None:
        for reply in replies:
            self.statuses[reply.status] += 1
            if reply.record is not None and reply.status is not Status.CONVERTED:
                self._failure(reply)
        now = time.monotonic()
        if self._bar is not None and self._task is not None and now - self._shown > _BAR_SECONDS:
            self._shown = now
            self._bar.update(self._task, completed=self.done, rate=self._rate(now), failed=self.failed)
            self._bar.refresh()
        elif self._bar is None and not self.quiet and now - self._shown > _LINE_SECONDS:
            self._shown = now
            print_err(f"{self.done:,} of {self.total:,} files, {self._rate(now)}, {self.failed:,} failed\n")

    def end(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    @property
    def done(self) -> int:
        return self.statuses.total()

    @property
    def failed(self) -> int:
        return self.done - self.statuses[Status.CONVERTED]

    def _rate(self, now: float) -> str:
        return f"{self.done / max(now - self.began, 1e-9):,.1f} files/s"

    def _failure(self, reply: Reply) -> None:
        if self.quiet or self.failed > _SHOWN_FAILURES:
            return
        line = f"{reply.status.value} {_place(reply)}"
        if self.failed == _SHOWN_FAILURES:
            line += "\n(further failures are in the manifest only)"
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            print_err(f"{line}\n")


def _place(reply: Reply) -> str:
    """The first error of a file, as compilers write it, in one line that cannot steer the terminal."""
    assert reply.record is not None
    for one in reply.record.diagnostics:
        if one["severity"] == "error":
            place: Any = one["place"]
            where = f"{place['file']}:{place['line']}:{place['column']}" if place else reply.task.input
            return printable(f"{where}: {one['code']}: {one['message']}".replace("\n", " "))
    return printable(reply.task.input)


def _bar(total: int) -> tuple[Progress, TaskID]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TextColumn("{task.fields[failed]} failed"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        auto_refresh=False,
        transient=True,
    )
    bar.start()
    return bar, bar.add_task("", total=total, rate="", failed=0)
