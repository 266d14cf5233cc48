"""Bring the table of verified conversions in README.md up to date: `python tools/table1.py [--print] [NETWORK …]`.

Each network is exported for each framework, and what was exported is read as a file again, with seeded weights. That
file is a source: for each target it is converted, source and target are run in their real frameworks, and every tensor
is compared. A cell is the largest relative difference of any tensor. A network is a name of the zoo or a path; without
any, those of the usual table are taken. `--print` writes the table to stdout and leaves the README as it is.

Every network runs in a process of its own, one after the other: an hour of two cores and some gigabytes of memory.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import attrs

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN, END = "<!-- verified: made by tools/table1.py -->", "<!-- /verified -->"
FRAMEWORKS: Final = {"caffe": "Caffe", "keras": "Keras", "tensorflow": "TensorFlow"}
TOLERANCE: Final = 1e-3
NETWORKS: Final = 13
"""How many networks of the zoo the usual table has: its first ones."""


@attrs.frozen
class Cell:
    """One conversion. `note` says how it was compared, where not directly; `fault` why it was not, or not the same."""

    source: str
    target: str
    worst: float | None = None
    tensors: int = 0
    note: str = ""
    fault: str = ""


def cells(name: str) -> Iterator[Cell]:
    """All conversions of one network."""
    from transpiler.diagnostics import CompileError, Source
    from transpiler.driver.convert import convert_source
    from transpiler.driver.options import Options

    network = _network(name)
    for source in FRAMEWORKS:
        try:
            text = convert_source(network, source).text
        except CompileError as error:
            yield from (Cell(source, target, fault=_said(error)) for target in FRAMEWORKS)
            continue
        for target in FRAMEWORKS:
            yield _cell(Source(f"<{name} for {source}>", text), source, target, Options(source_format=source))


def _cell(text: Any, source: str, target: str, options: Any) -> Cell:
    from transpiler.diagnostics import CompileError
    from transpiler.verify.api import verify_source

    try:
        report = verify_source(text, target, options, tolerance=TOLERANCE)
    except CompileError as error:
        return Cell(source, target, fault=_said(error))
    worst = report.worst
    fault = "" if report.agrees else report.verdict
    relative = None if worst is None else worst.difference.relative
    return Cell(source, target, relative, len(report.rows), "; ".join(report.notes), fault)


def _said(error: Any) -> str:
    return str(error.diagnostics[-1].message)


def _network(name: str) -> Any:
    from transpiler.driver.api import read
    from transpiler.zoo import build

    return read(name) if Path(name).exists() else build(name)


def rows(names: Sequence[str]) -> Iterator[tuple[str, list[Cell]]]:
    """Each network with its cells, from a process of its own."""
    for name in names:
        command = [sys.executable, __file__, "--cells", name]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        lines = done.stdout.splitlines()
        if done.returncode or not lines:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            yield (
                name,
                [Cell(s, t, fault=f"the process died: {last}") for s in FRAMEWORKS for t in FRAMEWORKS],
            )
        else:
            yield name, [Cell(**fields) for fields in json.loads(lines[-1])]


def table(names: Sequence[str]) -> str:
    """The table as Markdown, with its notes below it."""
    pairs = [(source, target) for source in FRAMEWORKS for target in FRAMEWORKS]
    heads = [f"{FRAMEWORKS[source]} → {FRAMEWORKS[target]}" for source, target in pairs]
    lines = [f"| network | {' | '.join(heads)} |", f"|---|{'---|' * len(heads)}"]
    notes: list[str] = []
    for name, found in rows(names):
        by_pair = {(cell.source, cell.target): cell for cell in found}
        shown = [_shown(by_pair[pair], notes) for pair in pairs]
        lines.append(f"| {Path(name).stem} | {' | '.join(shown)} |")
        sys.stderr.write(lines[-1] + "\n")
    return "\n".join((*lines, *([""] if notes else []), *(f"{i}. {note}" for i, note in enumerate(notes, 1))))


def _shown(cell: Cell, notes: list[str]) -> str:
    said = cell.fault or cell.note
    if said and said not in notes:
        notes.append(said)
    mark = f" [{notes.index(said) + 1}]" if said else ""
    if cell.worst is None:
        return f"**refused**{mark}"
    return f"**{cell.worst:.0e}**{mark}" if cell.fault else f"{cell.worst:.0e}{mark}"


def updated(readme: str, made: str) -> str:
    """The text of the README with the table as it should be."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{made}\n{END}{after}"


def main(arguments: Sequence[str]) -> int:
    if "--cells" in arguments:
        print(json.dumps([attrs.asdict(cell) for cell in cells(arguments[-1])]))
        return 0
    names = [argument for argument in arguments if not argument.startswith("-")]
    if not names:
        from transpiler.zoo import NETWORKS as ALL

        names = [entry.name for entry in ALL[:NETWORKS]]
    os.nice(10)
    made = table(names)
    if "--print" in arguments:
        print(made)
    else:
        README.write_text(updated(README.read_text(encoding="utf-8"), made), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
