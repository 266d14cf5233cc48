"""The manifest: one JSON record a line, only ever appended to while a run goes on, so that any run can be gone on with.

A line is written in one piece. A process that dies while it writes leaves a torn last line, which is cut off when the
manifest is opened again; its file is simply converted again. If an input has several lines, the last one counts.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from transpiler.batch.locking import lock
from transpiler.batch.task import Job, Known, Record, Status
from transpiler.driver.options import UsageError

_SYNC_SECONDS: Final = 1.0
"""A power failure costs the records of so long; what they tell of is then converted again."""


class Manifest(msgspec.Struct):
    """An open manifest that nobody else writes."""

    path: Path
    file: BinaryIO
    known: dict[str, Known]
    """What earlier runs with the same settings made of each input, where that is final."""
    _synced: float = msgspec.field(default_factory=time.monotonic)

    @classmethod
    def open(cls, path: Path, job: Job, *, resume: bool) -> Manifest:
        """Begin a manifest, or go on with the one that is there. Raises UsageError if that cannot be."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("a+b", buffering=0)
        except OSError as error:
            raise UsageError(f"the manifest {path} cannot be written: {error.strerror or error}") from error
        if not lock(file):
            file.close()
            raise UsageError(f"another run is writing the manifest {path}")
        if not resume:
            file.truncate(0)
            return cls(path, file, {})
        _cut_torn_line(file)
        return cls(path, file, dict(_known(file, job)))

    def add(self, records: Sequence[Record]) -> None:
        """Append records; they are on disk a second later at most."""
        if not records:
            return
        lines = memoryview(b"".join(record.as_line() for record in records))
        while lines:
            lines = lines[self.file.write(lines) :]
        now = time.monotonic()
        if now - self._synced > _SYNC_SECONDS:
            os.fsync(self.file.fileno())
            self._synced = now

    def close(self) -> None:
        os.fsync(self.file.fileno())
        self.file.close()

    def sort(self) -> None:
        """Rewrite the manifest with one line for each input, its last, in the order of their names."""
        last: dict[str, tuple[int, int]] = {}
        self.file.seek(0)
        offset = 0
        for line in _lines(self.file):
            data = _parsed(line)
            if data is not None:
                last[data["input"]] = offset, len(line)
            offset += len(line)
        sorted_path = self.path.with_name(f".{self.path.name}.sorted")
        with sorted_path.open("wb") as file:
            for name in sorted(last):
                start, size = last[name]
                file.write(os.pread(self.file.fileno(), size, start))
            file.flush()
            os.fsync(file.fileno())
        sorted_path.replace(self.path)


def read_manifest(path: Path) -> Iterator[Record]:
    """Every record of a manifest in the order of its lines; torn or foreign lines are passed over."""
    with path.open("rb") as file:
        for line in _lines(file):
            data = _parsed(line)
            if data is not None:
                yield Record.from_dict(data)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Whole lines, read through a buffer of their own: the manifest itself is unbuffered."""
    with os.fdopen(os.dup(file.fileno()), "rb") as reader:
        for line in reader:
            if line.endswith(b"\n"):
                yield line


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        data = json.loads(line)
        Record.from_dict(data)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return data if isinstance(data, dict) and isinstance(data["input"], str) else None


def _known(file: BinaryIO, job: Job) -> Iterator[tuple[str, Known]]:
    """What the lines say, later ones over earlier ones; a line of another kind of run hides what was known before."""
    found: dict[str, Known] = {}
    file.seek(0)
    settings = json.loads(json.dumps(job.settings()))
    for line in _lines(file):
        data = _parsed(line)
        if data is None:
            continue
        status = Status(data["status"])
        same = (data["to"], data["options"], data["compiler"]) == (job.target, settings, job.compiler)
        if same and status.is_final and isinstance(data["input_sha256"], str):
            outputs = tuple((output["path"], output["sha256"]) for output in data["outputs"])
            found[data["input"]] = Known(data["input_sha256"], data["weights_sha256"], status, outputs)
        else:
            found.pop(data["input"], None)
    yield from found.items()


def _cut_torn_line(file: BinaryIO) -> None:
    """Drop what follows the last newline."""
    end = file.seek(0, os.SEEK_END)
    step = 1 << 16
    while end > 0:
        start = max(0, end - step)
        newline = os.pread(file.fileno(), end - start, start).rfind(b"\n")
        if newline >= 0:
            file.truncate(start + newline + 1)
            return
        end = start
    file.truncate(0)
