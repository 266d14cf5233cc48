"""What an editor pays for: a text asked about again, and the text after a small edit.

Both are held against reading the text for the first time in a program that is already warm.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import transpiler
from benchmarks.files import Settings
from benchmarks.measure import Times, interleaved, timed
from benchmarks.report import Row, sides
from transpiler.diagnostics import Source

_FILES: Final = (("caffe", "soeaver_resnet152_v2.prototxt"), ("keras", "fabrik_resnet50.json"))

_UNITS: Final = re.compile(r'(?:num_output|"units"|"output_dim"): (\d+)')


def editing(settings: Settings) -> Iterator[Row]:
    """A deep network in each notation that people edit by hand."""
    for framework, name in _FILES:
        path = settings.file(framework, name)
        text = path.read_text(encoding="utf-8")
        times = interleaved(
            {
                "first": _first(path, text),
                "asked again": _again(path, text),
                "after an edit": _edited(path, text),
            },
            settings.rounds,
        )
        for side in ("asked again", "after an edit"):
            ratio = times[side].cpu / times["first"].cpu
            details = sides(times[side], times["first"])
            yield Row("editing", f"{name}, {side}", ratio, "x the time", details=details)


def _inspect(path: Path, text: str) -> object:
    return transpiler.inspect(Source(path.name, text))


def _first(path: Path, text: str) -> Callable[[], Times]:
    def read() -> None:
        transpiler.forget()
        _inspect(path, text)

    return timed(read)


def _again(path: Path, text: str) -> Callable[[], Times]:
    def read() -> None:
        _inspect(path, text)

    return timed(read)


def _edited(path: Path, text: str) -> Callable[[], Times]:
    """Each time the last layer has another number of units."""
    numbers = itertools.count(2000)
    last = list(_UNITS.finditer(text))[-1]

    def read() -> None:
        _inspect(path, f"{text[: last.start(1)]}{next(numbers)}{text[last.end(1) :]}")

    return timed(read)
