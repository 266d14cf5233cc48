"""One fuzz case: a damaged file through the whole command, and whether the command behaved."""

from __future__ import annotations

import contextlib
import io
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Final

import msgspec

from tests.fuzz.mutations import mutated
from transpiler.cli import main

SECONDS: Final = 5.0
"""Nothing may take longer, however broken the file: of the processor's time, as other programs may be running."""
TARGETS: Final = ("keras", "caffe", "ir", "keras2", "tensorflow")


class TookTooLong(BaseException):
    """The alarm went off. Not an Exception: the command must not mistake it for a fault of its own."""


class Outcome(msgspec.Struct, frozen=True):
    """What came of a case. `fault` is None when the command behaved."""

    seed: int
    file: str
    mutations: tuple[str, ...]
    target: str
    seconds: float
    code: int | None
    fault: str | None


def run_case(seed: int, inputs: tuple[Path, ...], folder: Path) -> Outcome:
    """Damage one of the inputs, convert it, and judge; the seed decides all. Scratch files go to `folder`."""
    rng = random.Random(seed)
    original = inputs[rng.randrange(len(inputs))]
    target = rng.choice(TARGETS)
    data, done = mutated(seed, original.read_bytes())
    source, output = folder / f"mutant{original.suffix}", folder / "output"
    source.write_bytes(data)
    output.unlink(missing_ok=True)
    start = time.process_time()
    code, said, fault = _convert(source, output, target)
    seconds = time.process_time() - start
    fault = fault or _judged(code, said, output.exists(), seconds)
    return Outcome(seed, original.name, done, target, seconds, code, fault)


def _convert(source: Path, output: Path, target: str) -> tuple[int | None, str, str | None]:
    stdout, stderr = io.StringIO(), io.StringIO()
    try:
        with _alarm(), contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            code = main(["convert", str(source), "--to", target, "-o", str(output)])
    except TookTooLong:
        return None, stderr.getvalue(), f"took longer than {SECONDS} s"
    except BaseException as error:  # noqa: BLE001 - the point of the exercise: nothing may escape
        return None, stderr.getvalue(), f"{type(error).__name__} escaped: {error}"
    return code, stderr.getvalue(), None if not stdout.getvalue() else "something was written to stdout"


def _judged(code: int | None, said: str, wrote: bool, seconds: float) -> str | None:
    if "T9001" in said:
        return next(line for line in said.splitlines() if "T9001" in line)
    if "Traceback" in said:
        return "a traceback was shown"
    if code not in (0, 1):
        return f"exit code {code}"
    if wrote != (code == 0):
        return f"exit code {code}, but {'an' if wrote else 'no'} output file"
    if code == 1 and "error T" not in said:
        return "exit code 1 without an error"
    return f"took {seconds:.1f} s" if seconds > SECONDS else None


@contextlib.contextmanager
def _alarm() -> Iterator[None]:
    def ring(signum: int, frame: FrameType | None) -> None:
        raise TookTooLong

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, SECONDS + 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
