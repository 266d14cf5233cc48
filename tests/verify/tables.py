"""Conversions against the real thing, as tables: `python -m tests.verify.tables kit|nets|old-keras [NAME …]`.

| table | a line | a cell |
|---|---|---|
| `kit` | a small net that covers something of Caffe | largest relative difference from what a real Caffe computed |
| `nets` | a whole net of the corpus, with seeded weights | the same, and the blob that is farthest off |
| `old-keras` | a file of Keras 1 or 2 | how far its Keras 3 is from itself in tf-keras, or why that does not run it |

Nets run one after the other; the largest take minutes and a few gigabytes. The exit code is 1 if a cell is not well.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import attrs

from tests.verify.recorded import SHARED, Recording, compare, kit, nets
from transpiler.diagnostics import CompileError, Severity, Sink
from transpiler.dialects.keras.model import Generation
from transpiler.dialects.keras.reader import generation_of
from transpiler.parsers.json import parse_source
from transpiler.parsers.load import read_source
from transpiler.verify.api import verify_source
from transpiler.verify.runtime import Unusable

OLD_KERAS_TOLERANCE: Final = 1e-3


@attrs.frozen
class Table:
    """Which nets, through which targets, and how far off is too far."""

    recordings: Callable[[], Sequence[Recording]]
    targets: tuple[str, ...]
    tolerance: float


TABLES: Final = {
    "kit": Table(kit, ("keras", "keras2", "tensorflow"), 1e-4),
    "nets": Table(nets, ("keras", "tensorflow"), 1e-3),
}


def cell(recording: Recording, target: str, tolerance: float) -> tuple[bool, str]:
    """Whether all is well, and what the table says."""
    try:
        compared = compare(recording, target)
    except CompileError as error:
        return False, said(error)
    except Unusable as error:
        return False, str(error)
    blob, worst = compared.worst
    total = len(compared.differences) + len(compared.fused)
    return worst <= tolerance, f"{worst:.1e} ({blob}; {len(compared.differences)} of {total} blobs)"


def said(error: CompileError) -> str:
    """The first error of several."""
    return next(one.message for one in error.diagnostics if one.severity is Severity.ERROR)


def old_keras() -> list[Path]:
    """The files of the corpus that Keras 1 or 2 wrote."""
    files = sorted((SHARED / "corpus" / "keras").glob("*.json"))
    return [path for path in files if generation(path) is not Generation.KERAS3]


def generation(path: Path) -> Generation:
    """Which Keras wrote a file."""
    return generation_of(parse_source(read_source(path), Sink()))


def old_keras_cells(path: Path) -> tuple[bool, tuple[str, ...]]:
    """Whether all is well; who wrote the file, what ran it, how far off its Keras 3 is, over how many tensors."""
    writer = generation(path).value
    try:
        report = verify_source(path, "keras", tolerance=OLD_KERAS_TOLERANCE)
    except CompileError as error:
        return False, (writer, "", said(error), "")
    worst = report.worst
    ran = report.reference + "".join(f" ({note})" for note in report.notes)
    far = (
        report.verdict
        if worst is None or not report.agrees
        else f"{worst.difference.relative:.1e} ({worst.tensor})"
    )
    return report.agrees, (writer, ran, far, str(len(report.rows)))


def rows(name: str, chosen: Sequence[str]) -> Iterator[tuple[bool, tuple[str, ...]]]:
    """The lines of a table: whether every cell is well, and the cells."""
    if name == "old-keras":
        for path in old_keras():
            if not chosen or path.stem in chosen:
                is_well, cells = old_keras_cells(path)
                yield is_well, (path.stem, *cells)
        return
    table = TABLES[name]
    for recording in table.recordings():
        if not chosen or recording.name in chosen:
            found = [cell(recording, target, table.tolerance) for target in table.targets]
            yield all(is_well for is_well, _ in found), (recording.name, *(text for _, text in found))


def main(name: str, chosen: Sequence[str]) -> int:
    """Write the table to stdout."""
    heads = ("writer", "source run by", "Keras 3", "tensors") if name == "old-keras" else TABLES[name].targets
    sys.stdout.write(f"| net | {' | '.join(heads)} |\n|---|{'---|' * len(heads)}\n")
    count = wrong = 0
    for is_well, cells in rows(name, chosen):
        sys.stdout.write(f"| {' | '.join(cells)} |\n")
        sys.stdout.flush()
        count, wrong = count + 1, wrong + (not is_well)
    sys.stdout.write(f"\n{count} nets, {wrong} of them refused or too far off\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
