"""A worker process as its parent sees it: tasks are written to it, replies are read from it, neither ever blocks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

import transpiler
from transpiler.batch.task import Job, Record, Reply, Task
from transpiler.driver.faults import DEBUG_VARIABLE

_UNREAD: Final = 12_000
"""Bytes of tasks that a worker may not have read yet: less than the pipe of any system holds."""
_PIECE: Final = 1 << 18
_SHOWN: Final = 2000


class Worker(msgspec.Struct, eq=False):
    """One process, the tasks that it has been given, and since when it is at the first of them."""

    process: subprocess.Popen[bytes]
    complaints: BinaryIO
    """What it wrote to standard error."""
    tasks: deque[Task] = msgspec.field(default_factory=deque)
    is_ready: bool = False
    since: float = msgspec.field(default_factory=time.monotonic)
    """Since when it is starting, or at its first task."""
    finished: int = 0
    """How many tasks it has done."""
    last_words: str = ""
    """The end of what it wrote to standard error, once it has ended."""
    _sizes: deque[int] = msgspec.field(default_factory=deque)
    _buffer: bytearray = msgspec.field(default_factory=bytearray)

    @classmethod
    def start(cls, job: Job) -> Worker:
        complaints = tempfile.TemporaryFile()  # noqa: SIM115 - `end` closes it
        process = subprocess.Popen(
            [sys.executable, "-m", "transpiler.batch.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if os.environ.get(DEBUG_VARIABLE) == "1" else complaints,
            env=_environment(),
            bufsize=0,
        )
        worker = cls(process, complaints)
        worker._write(job.as_dict())
        return worker

    def fileno(self) -> int:
        """The end of the pipe that replies come from."""
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    def has_room(self, task_count: int) -> bool:
        """Whether it may be given another task, with at most `task_count` waiting."""
        return not self.tasks or (len(self.tasks) < task_count and sum(self._sizes) < _UNREAD)

    def give(self, task: Task) -> None:
        """Hand over a task; `has_room` must have said that it may be."""
        if not self.tasks and self.is_ready:
            self.since = time.monotonic()
        self.tasks.append(task)
        self._sizes.append(self._write(task.as_dict()))

    def replies(self) -> Iterator[Reply]:
        """What has come in, without waiting. Raises EOFError, after the last reply, when the process has ended."""
        piece = os.read(self.fileno(), _PIECE)
        self._buffer += piece
        *lines, rest = self._buffer.split(b"\n")
        self._buffer = bytearray(rest)
        for line in lines:
            data = json.loads(bytes(line))
            self.since = time.monotonic()
            if not self.is_ready:
                self.is_ready = True
                continue
            self.finished += 1
            self._sizes.popleft()
            yield Reply(self.tasks.popleft(), None if data is None else Record.from_dict(data))
        if not piece:
            raise EOFError

    def finish(self) -> None:
        """Ask it to end after the task at hand."""
        if self.process.poll() is None:
            self.process.terminate()
        self._hang_up()

    def end(self, grace: float = 0.0) -> int:
        """End it, whatever it does, if it does not end by itself within `grace` seconds; the exit status."""
        self._hang_up()
        try:
            self.process.wait(grace)
        except subprocess.TimeoutExpired:
            self.process.kill()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.last_words = _last_line(self.complaints)
        self.complaints.close()
        return self.process.wait()

    def _hang_up(self) -> None:
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.stdin.close()

    def _write(self, value: Any) -> int:
        assert self.process.stdin is not None
        line = json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n"
        rest = memoryview(line)
        try:
            while rest:
                rest = rest[self.process.stdin.write(rest) :]
        except BrokenPipeError:
            pass  # it has died: reading from it says so, with what it still had to say
        return len(line)


def _last_line(file: BinaryIO) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _SHOWN))
    lines = file.read().decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _environment() -> dict[str, str]:
    """The process's own environment, with this very package on the path, and one thread for linear algebra."""
    home = str(Path(transpiler.__file__).parents[1])
    path = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH"))))
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return {**os.environ, **one_thread, "PYTHONPATH": path}
