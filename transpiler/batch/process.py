"""The worker process: tasks in on standard input, replies out on standard output, one JSON value a line.

The first line is the job. The process says `{"ready": true}` when it has loaded what conversions need, then answers
each task with a record, or with `null` if there was nothing to do. It ends with its input, with its parent, after the
current task when it is sent SIGTERM, and after a task that ran out of memory, since nobody knows what is left in order.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
from contextlib import suppress
from typing import Any, BinaryIO, Final

from transpiler.batch.perform import perform
from transpiler.batch.task import Job, Status, Task
from transpiler.diagnostics import CompileError, Source

_WARMING: Final = "%x = input() {shape = [1, 2]}\nreturn %x\n"
"""The smallest network, as IR text."""
_END: Final = getattr(os, "EX_OK", 0)


class _Stop:
    """Whether somebody asked the process to end."""

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGTERM, self._ask)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides

    def _ask(self, number: int, frame: Any) -> None:
        self.asked = True


def main() -> int:
    """Serve until there is nothing more to serve."""
    stop, parent = _Stop(), os.getppid()
    requests = sys.stdin.buffer
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no reply
    job = Job.from_dict(json.loads(requests.readline()))
    _warm(job)
    _limit_memory(job.memory)
    try:
        _reply(replies, {"ready": True})
        while not stop.asked and os.getppid() == parent and (line := requests.readline()):
            record = perform(Task.from_dict(json.loads(line)), job)
            _reply(replies, None if record is None else record.as_dict())
            if record is not None and record.status is Status.MEMORY:
                break
    except BrokenPipeError:  # the parent is gone, and with it whoever wants to know
        os._exit(_END)
    return _END


def _reply(replies: BinaryIO, value: Any) -> None:
    replies.write(json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n")
    replies.flush()


def _warm(job: Job) -> None:
    """Load what every conversion needs, before time and memory are counted."""
    from transpiler.driver.convert import convert_source
    from transpiler.driver.options import Options

    with suppress(CompileError):  # whatever is wrong, each file shall say so
        convert_source(Source("<warm>", _WARMING), job.target, Options(source_format="ir"))
    gc.collect()
    gc.freeze()


def _limit_memory(limit: int | None) -> None:
    """Let the address space grow by so many bytes and no more, where the system can do that."""
    if limit is None:
        return
    try:
        import resource
    except ImportError:
        return
    total = _address_space() + limit
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        total = min(total, hard)
    resource.setrlimit(resource.RLIMIT_AS, (total, hard))


def _address_space() -> int:
    """Bytes of address space in use now; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - not a file of a user
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


if __name__ == "__main__":
    sys.exit(main())
