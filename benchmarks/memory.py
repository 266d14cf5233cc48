"""The peak of memory while the largest files are converted, per byte of the file.

Each file runs in a process of its own (`python -m benchmarks.memory FILE TARGET`), which writes the peak as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import transpiler
from benchmarks.files import Settings
from benchmarks.measure import MEGA, peak_memory
from benchmarks.report import Row

_LARGEST: Final = 3


def memory(settings: Settings) -> Iterator[Row]:
    """The largest files that Caffe and TensorFlow wrote, to Keras."""
    for framework, pattern in (("caffe", "*.prototxt"), ("tensorflow", "*.pbtxt")):
        for path in settings.largest(framework, pattern, _LARGEST):
            yield _peak(path)


def _peak(path: Path) -> Row:
    command = [sys.executable, "-m", "benchmarks.memory", str(path), "keras"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    traced, resident = json.loads(done.stdout)
    size = path.stat().st_size
    details = (
        f"{traced / MEGA:.1f} MiB of objects for {size / MEGA:.2f} MiB; whole process {resident:.0f} MiB"
    )
    return Row("memory", path.name, traced / size, "bytes a byte of the file", details=details)


def measure(path: str, target: str) -> tuple[int, float]:
    """Bytes of objects at the peak of a conversion in this process, and MiB that the process had at most."""
    tracemalloc.start()
    with suppress(
        transpiler.CompileError
    ):  # what has no exact form in the target took its memory all the same
        transpiler.convert(path, to=target)
    return tracemalloc.get_traced_memory()[1], peak_memory()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(sys.argv[1], sys.argv[2])))
