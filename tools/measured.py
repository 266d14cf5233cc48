"""Tables in Markdown whose rows are measured one by one, each in a process of its own, and kept between runs.

A table stands between two markers of a document. A cell is a short text and, where more is to be said, a note: notes
stand below the table, numbered, each once. The text of a faulty cell is bold. Rows that are measured replace those of
the same name; all others stay as they are, so that a long run may be done in parts and gone on with.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn, TextIO

import msgspec

MISSING: Final = "--missing"
"""How a person asks for those rows only that are not there or faulty."""
POLITE: Final = 10
"""The niceness of a run that takes hours."""
_CELL: Final = re.compile(r"(?P<text>.*?)(?: \[(?P<note>\d+)\])?")
_NOTE: Final = re.compile(r"(?P<number>\d+)\. (?P<text>.*)")


class Cell(msgspec.Struct, frozen=True):
    """What a cell shows, and what is to be said about it."""

    text: str
    note: str = ""

    @property
    def is_faulty(self) -> bool:
        return self.text.startswith("**")


def faulty(text: str, note: str) -> Cell:
    """A cell that says what should not be."""
    return Cell(f"**{text}**", note)


def is_whole(cells: Sequence[Cell]) -> bool:
    """Whether a row is there and without a fault."""
    return bool(cells) and not any(cell.is_faulty for cell in cells)


Rows = Mapping[str, tuple[Cell, ...]]


class Table(msgspec.Struct, frozen=True):
    """Where a table stands and what its columns are called; the first is the row's name."""

    document: Path
    begin: str
    end: str
    heads: tuple[str, ...]

    def read(self) -> Rows:
        """The rows that stand there."""
        _, _, rest = self.document.read_text(encoding="utf-8").partition(self.begin)
        return parsed(rest.partition(self.end)[0])

    def write(self, rows: Rows) -> None:
        """Put rows there."""
        text = self.document.read_text(encoding="utf-8")
        before, _, rest = text.partition(self.begin)
        _, _, after = rest.partition(self.end)
        made = markdown(self.heads, rows)
        self.document.write_text(f"{before}{self.begin}\n{made}\n{self.end}{after}", encoding="utf-8")


def markdown(heads: Sequence[str], rows: Rows) -> str:
    """The table with its notes below it."""
    notes = list(dict.fromkeys(cell.note for cells in rows.values() for cell in cells if cell.note))
    numbers = {note: number for number, note in enumerate(notes, 1)}
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, cells in rows.items():
        shown = (f"{cell.text} [{numbers[cell.note]}]" if cell.note else cell.text for cell in cells)
        lines.append(f"| {name} | {' | '.join(shown)} |")
    return "\n".join((*lines, *([""] if notes else []), *(f"{numbers[note]}. {note}" for note in notes)))


def parsed(text: str) -> Rows:
    """The rows of such a table."""
    lines = text.splitlines()
    notes = {found["number"]: found["text"] for line in lines if (found := _NOTE.fullmatch(line))}
    rows: dict[str, tuple[Cell, ...]] = {}
    for line in [line for line in lines if line.startswith("| ")][1:]:
        name, *cells = line.strip("| ").split(" | ")
        rows[name] = tuple(_cell(cell, notes) for cell in cells)
    return rows


def _cell(shown: str, notes: dict[str, str]) -> Cell:
    found = _CELL.fullmatch(shown)
    assert found is not None
    return Cell(found["text"], notes[found["note"]] if found["note"] else "")


def measure(cells: Callable[[str], Iterable[Cell]], name: str, count: int) -> tuple[Cell, ...]:
    """One row of `count` cells, from a process of its own: a network takes gigabytes, and frameworks keep them.

    The process is a fork: frameworks that are imported before take no time in it.
    """
    with tempfile.TemporaryFile("w+") as result:
        child = os.fork()
        if child == 0:
            _answer(cells, name, result)
        _, status = os.waitpid(child, 0)
        result.seek(0)
        said = result.read()
    if status or not said:
        code = os.waitstatus_to_exitcode(status)
        return tuple(faulty("failed", f"the process ended with {code}") for _ in range(count))
    return tuple(Cell(**fields) for fields in json.loads(said))


def _answer(cells: Callable[[str], Iterable[Cell]], name: str, result: TextIO) -> NoReturn:
    """Measure a row, write it down, and end this process."""
    code = 1
    try:
        json.dump([msgspec.structs.asdict(cell) for cell in cells(name)], result)
        result.flush()
        code = 0
    finally:
        if code:
            traceback.print_exc()
        os._exit(code)


def run(
    table: Table, names: Iterable[str], arguments: Sequence[str], cells: Callable[[str], Iterable[Cell]]
) -> None:
    """The command line of a program that keeps a table: the names of rows, or none for all of `names`; `--missing`."""
    os.nice(max(0, POLITE - os.nice(0)))
    order = list(names)
    asked = [argument for argument in arguments if not argument.startswith("-")] or order
    for name in asked:
        if MISSING in arguments and is_whole(table.read().get(name, ())):
            continue
        made = measure(cells, name, len(table.heads) - 1)
        rows = {**table.read(), name: made}
        table.write({known: rows[known] for known in order if known in rows})
        sys.stderr.write(markdown(table.heads, {name: made}).split("\n", 2)[2] + "\n")
