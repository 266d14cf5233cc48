"""Conversions against the real thing, as tables: `python -m tests.verify.tables kit|nets|old-keras [--write] [NAME …]`.

| table | a line | a cell |
|---|---|---|
| `kit` | a small net that covers something of Caffe | largest relative difference from what a real Caffe computed |
| `nets` | a whole net of the corpus, with seeded weights | the same, and the blob that is farthest off |
| `old-keras` | a file of Keras 1 or 2 | how far its Keras 3 is from itself in tf-keras, or why that does not run it |

The table goes to stdout; `--write` also puts it in its place in docs/verification.md. Nets run one after the other; the
largest take minutes and a few gigabytes. The exit code is 1 if a conversion computes something else or does not run.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from tests.verify.pages import Cell, Line, Table, Verdict, updated
from tests.verify.recorded import SHARED, Recording, compare, kit, nets, subject_of
from transpiler.diagnostics import CompileError, Severity, Sink
from transpiler.dialects.keras.model import Generation
from transpiler.dialects.keras.reader import generation_of
from transpiler.ops.core import Input
from transpiler.parsers.json import parse_source
from transpiler.parsers.load import read_source
from transpiler.verify.api import verify_source
from transpiler.verify.report import Report
from transpiler.verify.runtime import RUNTIMES, Unusable

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "verification.md"
OLD_KERAS_TOLERANCE: Final = 1e-3
WRITERS: Final = {Generation.KERAS1: "Keras 1", Generation.KERAS2: "Keras 2", Generation.TF_KERAS: "tf.keras"}
_DETOUR: Final = re.compile(r"the source itself could not be run \((.*)\): what is compared .*")
_CONFIG: Final = re.compile(r" using config=\{.*(\}(?=\.)|…$)")
"""The whole of a layer, which Keras tells before it tells what is wrong with it."""


class Recorded(msgspec.Struct, frozen=True):
    """Which nets, through which targets, and how far off is too far."""

    recordings: Callable[[], Sequence[Recording]]
    targets: tuple[str, ...]
    tolerance: float


RECORDED: Final = {
    "kit": Recorded(kit, ("keras", "keras2", "tensorflow"), 1e-4),
    "nets": Recorded(nets, ("keras", "tensorflow"), 1e-3),
}


def kit_line(recording: Recording) -> Line:
    """A small net: what is in it, and the largest difference by target."""
    table = RECORDED["kit"]
    graph = subject_of(recording).graph
    types = dict.fromkeys(node.origin.type for node in graph.nodes if not isinstance(node.op, Input))
    cells = [recorded_cells(recording, target, table.tolerance)[0] for target in table.targets]
    return Line((Cell(recording.name), Cell(", ".join(types)), *cells))


def nets_line(recording: Recording) -> Line:
    """A whole net: largest difference and farthest blob by target."""
    table = RECORDED["nets"]
    cells = [recorded_cells(recording, target, table.tolerance) for target in table.targets]
    return Line((Cell(recording.name), *(cell for pair in cells for cell in pair)))


def recorded_cells(recording: Recording, target: str, tolerance: float) -> tuple[Cell, Cell]:
    """The largest difference, and at which blob of how many."""
    try:
        compared = compare(recording, target)
    except CompileError as error:
        return Cell("refused", said(error), Verdict.REFUSED), Cell("")
    except Unusable as error:
        return Cell("does not run", str(error), Verdict.WRONG), Cell("")
    blob, worst = compared.worst
    fused = f"not computed apart: {', '.join(compared.fused)}" if compared.fused else ""
    count = f"{len(compared.differences)} of {compared.total}" if compared.fused else str(compared.total)
    verdict = Verdict.SAME if worst <= tolerance else Verdict.WRONG
    return Cell(number(worst), fused, verdict), place(blob, worst, count)


def number(difference: float) -> str:
    """A difference as tables show it."""
    return "0" if difference == 0 else f"{difference:.1e}"


def place(tensor: str, difference: float, count: str) -> Cell:
    """Which tensor is farthest off, if any is, and how many were compared."""
    return Cell(f"{tensor}, of {count}" if difference else f"none, of {count}")


def said(error: CompileError) -> str:
    """The first error of several."""
    return next(one.message for one in error.diagnostics if one.severity is Severity.ERROR)


def old_keras() -> list[Path]:
    """The files of the corpus that Keras 1 or 2 wrote; none where the corpus is absent."""
    files = sorted((SHARED / "corpus" / "keras").glob("*.json"))
    return [path for path in files if generation(path) is not Generation.KERAS3]


def generation(path: Path) -> Generation:
    """Which Keras wrote a file."""
    return generation_of(parse_source(read_source(path), Sink()))


def old_keras_line(path: Path) -> Line:
    """Who wrote the file, what ran it, how far off its Keras 3 is, and where, of how many tensors."""
    first = (Cell(path.stem), Cell(WRITERS[generation(path)]))
    try:
        report = verify_source(path, "keras", tolerance=OLD_KERAS_TOLERANCE)
    except CompileError as error:
        return Line((*first, Cell(""), Cell("refused", said(error), Verdict.REFUSED), Cell("")))
    return Line((*first, _ran(report), *_far(report)))


def _ran(report: Report) -> Cell:
    """What ran the source, and why not tf-keras where that did not."""
    (detour, *_) = (*(match[1] for note in report.notes if (match := _DETOUR.fullmatch(note))), "")
    return Cell(report.reference, _CONFIG.sub("", detour))


def _far(report: Report) -> tuple[Cell, Cell]:
    worst = report.worst
    if worst is None or not report.agrees:
        return Cell("differs", report.verdict, Verdict.WRONG), Cell("")
    relative = worst.difference.relative
    return Cell(number(relative)), place(worst.tensor, relative, str(len(report.rows)))


KERAS, KERAS2, TENSORFLOW = (str(RUNTIMES[name]) for name in ("keras", "keras2", "tensorflow"))
TABLES: Final = {
    "kit": Table("kit", ("net", "layers", KERAS, KERAS2, TENSORFLOW)),
    "nets": Table("nets", ("net", KERAS, "at blob", TENSORFLOW, "at blob")),
    "old-keras": Table("old-keras", ("file", "written by", "run by", KERAS, "at tensor")),
}


def lines(name: str, chosen: Sequence[str]) -> Iterator[Line]:
    """The lines of a table, as they are found."""
    if name == "old-keras":
        yield from (old_keras_line(path) for path in old_keras() if not chosen or path.stem in chosen)
        return
    line = kit_line if name == "kit" else nets_line
    yield from (line(one) for one in RECORDED[name].recordings() if not chosen or one.name in chosen)


def main(arguments: Sequence[str]) -> int:
    """Write the table to stdout, and where it is asked for into the page."""
    name, *chosen = (argument for argument in arguments if not argument.startswith("-"))
    if chosen and "--write" in arguments:
        sys.stderr.write("only a whole table is written into the page\n")
        return 2
    table = TABLES[name]
    for text in table.text(lines(name, chosen)):
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    if "--write" in arguments:
        PAGE.write_text(updated(PAGE.read_text(encoding="utf-8"), table), encoding="utf-8")
    return 1 if table.count(Verdict.WRONG) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
