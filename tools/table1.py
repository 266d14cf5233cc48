"""Bring the table of verified conversions in README.md up to date: `python -m tools.table1 [--missing] [NETWORK …]`.

Each network is exported for each framework, and what was exported is read as a file again, with seeded weights. That
file is a source: for each target it is converted, source and target are run in their real frameworks, and every tensor
is compared. A cell is the largest relative difference of any tensor, its note how it was compared where not directly.

Every network runs in a process of its own, one after the other: an hour of two cores, and some gigabytes of memory.
Its row is written as soon as it is measured. With names, only those rows are measured; with `--missing`, only those
that are not there or faulty.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tools.measured import Cell, Table, faulty, run
from transpiler.diagnostics import CompileError, Severity, Source
from transpiler.driver.convert import convert_source
from transpiler.driver.options import Options
from transpiler.verify.api import verify_each
from transpiler.verify.report import Report
from transpiler.verify.runtime import RUNTIMES
from transpiler.zoo import NETWORKS, build

FRAMEWORKS: Final = {"caffe": "Caffe", "keras": "Keras", "tensorflow": "TensorFlow"}
TOLERANCE: Final = 1e-3
COUNT: Final = 13
"""How many networks of the zoo the table has: its first ones."""
BATCH: Final = {"fcn32s": 1}
"""Examples that are run of networks whose tensors take gigabytes; of others as many as the verifier takes."""
TABLE: Final = Table(
    Path(__file__).resolve().parents[1] / "README.md",
    "<!-- verified: made by tools/table1.py -->",
    "<!-- /verified -->",
    (
        "network",
        *(f"{source} → {target}" for source in FRAMEWORKS.values() for target in FRAMEWORKS.values()),
    ),
)


def names() -> list[str]:
    """The table's networks."""
    return [entry.name for entry in NETWORKS[:COUNT]]


def cells(name: str) -> Iterator[Cell]:
    """All conversions of one network of the zoo."""
    network = build(name)
    for source in FRAMEWORKS:
        try:
            text = convert_source(network, source).text
        except CompileError as error:
            yield from (faulty("refused", said(error)) for _ in FRAMEWORKS)
            continue
        file = Source(f"<{name} for {source}>", text)
        yield from verified(file, list(FRAMEWORKS), Options(source_format=source, batch=BATCH.get(name)))


def verified(source: Source, targets: Sequence[str], options: Options) -> Iterator[Cell]:
    """Conversions of one source, run on both sides."""
    try:
        yield from map(_cell, verify_each(source, targets, options, tolerance=TOLERANCE))
    except CompileError as error:  # of the source itself, before there is any report
        yield from (faulty("refused", said(error)) for _ in targets)


def _cell(report: Report | CompileError) -> Cell:
    if isinstance(report, CompileError):
        return faulty("refused", said(report))
    text = "none" if report.worst is None else f"{report.worst.difference.relative:.0e}"
    return Cell(text, noted(report)) if report.agrees else faulty(text, report.verdict)


MEANT: Final = {"kernel[i] > 0": "OpenCV does not know round_mode of Pooling"}
"""What OpenCV says, and what that means."""
_LACKS: Final = re.compile(r"Can't create layer \S+ of type \"(\w+)\"")
_UNLIKE: Final = re.compile(r"OpenCV computes \w+ `\S+` otherwise than Caffe: ([^);]*)")
_FAILS: Final = re.compile(r"OpenCV [\d.]+ does not \w+ the \w+: (?:error: )?([^);]*)")


def noted(report: Report) -> str:
    """Why a conversion was not run as it is, and what was compared instead; nothing where both sides were run."""
    if not report.notes:
        return ""
    said = "; ".join(report.notes)
    if found := _LACKS.search(said):
        reason = f"OpenCV has no layer {found[1]}"
    elif found := _UNLIKE.search(said):
        reason = f"OpenCV computes otherwise than Caffe ({found[1]})"
    else:
        failure = _FAILS.search(said)
        reason = said if failure is None else MEANT.get(failure[1], f"OpenCV fails ({failure[1]})")
    detours = (("the source", report.reference), ("what was written", report.candidate))
    ways = [f"{side} ran {way}" for side, run in detours if (way := run.partition(", ")[2])]
    return f"{reason}: {' and '.join(ways)}"


def said(error: CompileError) -> str:
    """Why there is no conversion: the first error's sentence."""
    return next(one.message for one in error.diagnostics if one.severity is Severity.ERROR)


def preload() -> None:
    """Import the frameworks, so that no row has to; none of them computes before it is asked."""
    os.environ.update(CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3")
    for runtime in RUNTIMES.values():
        runtime.load()


def main(arguments: Sequence[str]) -> None:
    preload()
    run(TABLE, names(), arguments, cells)


if __name__ == "__main__":
    main(sys.argv[1:])
