"""The peak of memory while a large caffemodel becomes a `.keras`, and the other way round.

The file is made here, of the size and proportions of VGG-16's (one matrix is three quarters of it). Each direction runs
in a process of its own (`python -m benchmarks.weights_memory SOURCE TARGET`), which writes its peak as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks.files import Settings
from benchmarks.measure import MEGA, peak_memory
from benchmarks.report import Row
from transpiler.diagnostics import Sink
from transpiler.ir import DType, LazyArray
from transpiler.weights.layer_arrays import LayerArrays
from transpiler.weights.lazy import moved
from transpiler.weights.reading import read_weights
from transpiler.weights.writing import write_caffemodel, write_keras_archive

_INPUTS: Final = 24_000
_UNITS: Final = (4096, 4096, 4096)
"""Layers that take 393, 67 and 67 million bytes."""
_SLACK: Final = 200.0
_FACTOR: Final = 1.5


def weights_memory(settings: Settings) -> Iterator[Row]:
    """Both directions. Wanted: no more than one and a half times the file, and 200 MiB."""
    with tempfile.TemporaryDirectory() as place:
        caffe, keras, again = (
            str(Path(place) / name) for name in ("net.caffemodel", "net.keras", "back.caffemodel")
        )
        write_caffemodel(caffe, "net", made())
        for source, target in ((caffe, keras), (keras, again)):
            yield _peak(source, target)


def _peak(source: str, target: str) -> Row:
    command = [sys.executable, "-m", "benchmarks.weights_memory", source, target]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    size = Path(source).stat().st_size / MEGA
    resident = float(json.loads(done.stdout))
    details = f"{resident:.0f} MiB for {size:.0f} MiB"
    limit = _FACTOR + _SLACK / size
    subject = f"{Path(source).suffix} to {Path(target).suffix}"
    ratio = resident / size
    unit = "bytes a byte of the file"
    return Row("weights memory", subject, ratio, unit, f"<= {limit:.2f}", ratio <= limit, details)


def made() -> Iterator[LayerArrays]:
    """Layers with random numbers, each made when it is asked for."""
    inputs = _INPUTS
    for number, units in enumerate(_UNITS):
        kernel = LazyArray((units, inputs), DType.FLOAT32, _random((units, inputs), number))
        bias = LazyArray((units,), DType.FLOAT32, _random((units,), number))
        yield LayerArrays(f"fc{number}", "InnerProduct", (kernel, bias))
        inputs = units


def _random(shape: tuple[int, ...], seed: int) -> Any:
    def load() -> Any:
        import numpy as np

        return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)

    return load


def convert(source: str, target: str) -> float:
    """Convert in this process; the answer is the MiB that it had at most. Dense kernels change their order of axes."""
    file = read_weights(source, Sink())
    layers = (
        LayerArrays(path, "Dense", (moved(stored[0].array, (1, 0)), stored[1].array))
        for path, stored in file.layers.items()
    )
    if target.endswith(".keras"):
        write_keras_archive(target, json.dumps(_model()), layers)
    else:
        write_caffemodel(target, "net", layers)
    return peak_memory()


def _model() -> dict[str, Any]:
    """The JSON of the Keras model that these weights belong to."""
    dense = [
        {"module": "keras.layers", "class_name": "Dense", "config": {"name": f"fc{i}", "units": units}}
        for i, units in enumerate(_UNITS)
    ]
    return {"module": "keras", "class_name": "Sequential", "config": {"name": "net", "layers": dense}}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(convert(sys.argv[1], sys.argv[2])))
