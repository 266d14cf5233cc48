"""Time and memory per layer as networks grow: flat where everything is linear.

Each size runs in a process of its own (`python -m benchmarks.growth SHAPE LAYERS TARGET KIND`), which writes what it
measured as JSON. Memory is what Python allocated at the peak; watching it takes time, hence processes of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from typing import Final

import transpiler
from benchmarks.files import Settings
from benchmarks.nets import NETS
from benchmarks.report import Row
from transpiler.diagnostics import Source

_FLAT: Final = 1.5
_TARGETS: Final = ("keras", "caffe")
_MICRO: Final = 1_000_000


def growth(settings: Settings) -> Iterator[Row]:
    """Every shape of network to Keras and back to Caffe text, at every size."""
    for shape in NETS:
        for target in _TARGETS:
            yield from _compared(shape, target, "time", settings)
            yield from _compared(shape, target, "memory", settings)


def _compared(shape: str, target: str, kind: str, settings: Settings) -> Iterator[Row]:
    per_layer = {size: _measured(shape, size, target, kind) / size for size in settings.sizes}
    shares = ", ".join(f"{size}: {_shown(value, kind)}" for size, value in per_layer.items())
    first, *others = per_layer.values()
    ratio = max(others, default=first) / first
    subject = f"{shape} to {target}, {kind} a layer"
    yield Row("growth", subject, ratio, "times that of the smallest", f"<= {_FLAT}", ratio <= _FLAT, shares)


def _shown(value: float, kind: str) -> str:
    return f"{value * _MICRO:.0f} us" if kind == "time" else f"{value:.0f} bytes"


def _measured(shape: str, layers: int, target: str, kind: str) -> float:
    command = [sys.executable, "-m", "benchmarks.growth", shape, str(layers), target, kind]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: float = json.loads(done.stdout)
    return found


def measure(shape: str, layers: int, target: str, kind: str) -> float:
    """Processor seconds (the better of two runs), or bytes at the peak, of one conversion in this process."""
    source = Source(f"{shape}.prototxt", NETS[shape](layers))
    transpiler.convert(Source("small.prototxt", NETS[shape](12)), to=target)  # loads what is loaded on demand
    if kind == "memory":
        tracemalloc.start()
        transpiler.convert(source, to=target)
        return tracemalloc.get_traced_memory()[1]
    return min(_seconds(source, target) for _ in range(2))


def _seconds(source: Source, target: str) -> float:
    transpiler.forget()  # or else the second run would find a small text read already
    start = time.process_time()
    transpiler.convert(source, to=target)
    return time.process_time() - start


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])))
