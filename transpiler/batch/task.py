"""What is to be done with one file, and what came of it: values that travel between processes and machines as JSON."""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from transpiler import __version__
from transpiler.driver.option_data import given, options_from
from transpiler.driver.options import Options


class Status(enum.Enum):
    """What became of a file. The first two depend on the file alone; the others may go better another time."""

    CONVERTED = "converted"
    REFUSED = "refused"
    FAILED = "failed"
    TIMEOUT = "timeout"
    MEMORY = "memory"

    @property
    def is_final(self) -> bool:
        """Whether trying again, with the same file, options and compiler, would give the same."""
        return self in (Status.CONVERTED, Status.REFUSED)


class Written(msgspec.Struct, frozen=True):
    """One file that was written."""

    path: str
    """As the user named it: below the output directory as given."""
    sha256: str
    size: int
    """In bytes."""

    def as_dict(self) -> dict[str, Any]:
        return _plain(self)


class Known(msgspec.Struct, frozen=True):
    """What an earlier run made of the same input: if the contents still agree, nothing is to be done."""

    sha256: str
    weights_sha256: str | None
    status: Status
    outputs: tuple[tuple[str, str], ...]
    """Path and SHA-256 of each output."""


class Task(msgspec.Struct, frozen=True):
    """One input, and where its results go: `output` and the suffix of each result make a path."""

    input: str
    output: str
    known: Known | None = None

    def as_dict(self) -> dict[str, Any]:
        return _plain(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Task:
        known = data["known"]
        if known is not None:
            outputs = tuple((path, digest) for path, digest in known["outputs"])
            known = Known(known["sha256"], known["weights_sha256"], Status(known["status"]), outputs)
        return cls(data["input"], data["output"], known)


class Job(msgspec.Struct, frozen=True):
    """What all tasks of a run have in common."""

    target: str
    options: Options = msgspec.field(default_factory=Options)
    weights: str | None = None
    """A pattern for the weight file of each input; see `locations.beside`."""
    base: str = ""
    """The directory that relative paths start from."""
    scratch: str | None = None
    """A directory for files that are not whole yet; None: beside the results."""
    memory: int | None = None
    """Bytes that one file may take beyond what an idle worker has."""
    timeout: float | None = None
    """Seconds that one file may take."""
    compiler: str = __version__

    def settings(self) -> dict[str, Any]:
        """The options that were given, as the manifest has them: results depend on these and on nothing else."""
        settings = given(self.options)
        return settings if self.weights is None else {**settings, "weights": self.weights}

    def as_dict(self) -> dict[str, Any]:
        own = msgspec.structs.asdict(self)
        return {**own, "options": given(self.options)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Job:
        return cls(**{**data, "options": options_from(data["options"])})


class Record(msgspec.Struct, frozen=True):
    """One line of the manifest. Only `seconds` differs between two runs over the same files."""

    input: str
    input_sha256: str | None
    """None if the input could not be read at all."""
    weights_sha256: str | None
    """None if there is no weight file, or none that is a single file."""
    to: str
    options: Mapping[str, Any]
    compiler: str
    status: Status
    seconds: float
    diagnostics: Sequence[Mapping[str, Any]] = ()
    outputs: tuple[Written, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "input": self.input,
            "input_sha256": self.input_sha256,
            "weights_sha256": self.weights_sha256,
            "to": self.to,
            "options": dict(self.options),
            "compiler": self.compiler,
            "status": self.status.value,
            "seconds": round(self.seconds, 4),
            "diagnostics": list(self.diagnostics),
            "outputs": [output.as_dict() for output in self.outputs],
        }

    def as_line(self) -> bytes:
        """The record as one line of ASCII; undecodable bytes of file names survive as escapes."""
        return json.dumps(self.as_dict(), separators=(",", ":")).encode("ascii") + b"\n"

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Record:
        """Raises KeyError, TypeError or ValueError if the data are no record."""
        return cls(
            **{
                **data,
                "status": Status(data["status"]),
                "outputs": tuple(Written(**output) for output in data["outputs"]),
            }
        )


class Reply(msgspec.Struct, frozen=True):
    """A finished task and its record; None: input and outputs are as they were, nothing was done."""

    task: Task
    record: Record | None

    @property
    def status(self) -> Status:
        """What became of the file, now or in the run that is not repeated."""
        if self.record is not None:
            return self.record.status
        return self.task.known.status if self.task.known is not None else Status.FAILED


def _plain(record: msgspec.Struct) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(record)
    return plain
