"""Tables of results in Markdown, and their places in a page: between `<!-- NAME: … -->` and `<!-- /NAME -->`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import Enum

import msgspec


class Verdict(Enum):
    """What there is to say of one conversion."""

    SAME = "same"
    REFUSED = "refused"
    WRONG = "wrong"
    """Too far off, or written and not run."""


class Cell(msgspec.Struct, frozen=True):
    """What a table says in one place. `note` stands below the table, with a number that refers to it."""

    text: str
    note: str = ""
    verdict: Verdict = Verdict.SAME


class Line(msgspec.Struct, frozen=True):
    """One line of a table; its verdict is the worst of its cells."""

    cells: tuple[Cell, ...]

    @property
    def verdict(self) -> Verdict:
        return max((cell.verdict for cell in self.cells), key=list(Verdict).index)


class Table(msgspec.Struct):
    """A table of a page, filled line by line."""

    name: str
    heads: tuple[str, ...]
    made: list[str] = msgspec.field(default_factory=list)
    notes: list[str] = msgspec.field(default_factory=list)
    verdicts: Counter[Verdict] = msgspec.field(default_factory=Counter)

    def count(self, verdict: Verdict) -> int:
        """How many lines are such."""
        return self.verdicts[verdict]

    def text(self, lines: Iterable[Line]) -> Iterator[str]:
        """The table as Markdown, line by line as they come, then the notes, then how many lines are how."""
        for text in self._text(lines):
            self.made.append(text)
            yield text

    def _text(self, lines: Iterable[Line]) -> Iterator[str]:
        yield f"| {' | '.join(self.heads)} |"
        yield f"|{'---|' * len(self.heads)}"
        for line in lines:
            self.verdicts[line.verdict] += 1
            yield f"| {' | '.join(map(self._shown, line.cells))} |"
        yield ""
        for i, note in enumerate(self.notes, 1):
            yield f"{i}. {note}"
        if self.notes:
            yield ""
        counts = ", ".join(f"{self.count(verdict)} {verdict.value}" for verdict in Verdict)
        yield f"{self.verdicts.total()} lines: {counts}."

    def _shown(self, cell: Cell) -> str:
        if not cell.note:
            return cell.text
        if cell.note not in self.notes:
            self.notes.append(cell.note)
        return f"{cell.text} [{self.notes.index(cell.note) + 1}]"


def updated(page: str, table: Table) -> str:
    """The text of a page with the table in its place. Raises ValueError if the page has none for it."""
    place = _place(table.name)
    if not place.search(page):
        raise ValueError(f"the page has no place for the table {table.name}")
    made = "\n".join(table.made)
    return place.sub(lambda found: f"{found[1]}\n{made}\n{found[3]}", page)


def rows(page: str, name: str) -> dict[str, list[str]]:
    """The cells of a table in a page, by the first of their line. Raises ValueError if there is no such table."""
    found = _place(name).search(page)
    if found is None:
        raise ValueError(f"the page has no table {name}")
    _, _, *lines = (line for line in found[2].splitlines() if line.startswith("|"))
    cells = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return {first: rest for first, *rest in cells}


def _place(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {name}: [^\n]*-->)\n(.*?)(<!-- /{name} -->)", re.DOTALL)
