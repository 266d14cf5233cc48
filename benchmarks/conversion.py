"""Whole conversions in one process: read, lower, all passes with verification, legalize, write.

They are held against the time that Google's reader needs for the file alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import transpiler
from benchmarks.files import Settings, reference_reader
from benchmarks.measure import interleaved, timed
from benchmarks.report import Row, within
from transpiler.diagnostics import Source

_CASES: Final = (
    ("caffe", "soeaver_resnet152_v2.prototxt", 3.0),
    ("tensorflow", "fabrik_GoogleNet.pbtxt", 1.0),
    ("tensorflow", "slim_inception_v1.pbtxt", 1.0),
)
"""Framework, file, and how many times as long as reading alone the conversion to Keras may take."""


def conversion(settings: Settings) -> Iterator[Row]:
    """A network of the size of ResNet-152 as Caffe has it, and GoogLeNet as TensorFlow has it."""
    for framework, name, most in _CASES:
        yield _convert(framework, settings.file(framework, name), settings.rounds, most)


def _convert(framework: str, path: Path, rounds: int, most: float) -> Row:
    text = path.read_text(encoding="utf-8")
    theirs = reference_reader(framework)

    def ours() -> None:
        transpiler.forget()  # reading is part of it
        transpiler.convert(Source(path.name, text), to="keras")

    times = interleaved(
        {
            "ours": timed(ours),
            "theirs": timed(lambda: theirs(text)),
        },
        rounds,
    )
    return within("conversion", f"{path.name} to Keras", times["ours"], times["theirs"], most)
