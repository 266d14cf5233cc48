"""What a benchmark found, as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.measure import Times

_MILLI: Final = 1000


class Row(msgspec.Struct, frozen=True):
    """One comparison. `value` is what the goal is about; `goal` says what is wanted of it."""

    benchmark: str
    subject: str
    value: float
    unit: str
    goal: str = ""
    is_met: bool | None = None
    details: str = ""


def faster(benchmark: str, subject: str, ours: Times, other: Times, least: float) -> Row:
    """How many times longer the other side takes; `least`: what is wanted."""
    ratio = other.cpu / ours.cpu
    return Row(benchmark, subject, ratio, "x faster", f">= {least:g}", ratio >= least, sides(ours, other))


def within(benchmark: str, subject: str, ours: Times, other: Times, most: float) -> Row:
    """How many times as long as the other side we take; `most`: what is wanted."""
    ratio = ours.cpu / other.cpu
    return Row(benchmark, subject, ratio, "x the time", f"<= {most:g}", ratio <= most, sides(ours, other))


def sides(ours: Times, other: Times) -> str:
    """The times behind a ratio, and the ratio by the clock on the wall."""
    milliseconds = f"{ours.cpu * _MILLI:.1f} against {other.cpu * _MILLI:.1f} ms"
    return f"{milliseconds}; by the clock {ours.wall / other.wall:.2f} times"


def rendered(rows: Sequence[Row]) -> str:
    """The rows as aligned text."""
    cells = [
        (
            row.benchmark,
            row.subject,
            f"{row.value:.2f} {row.unit}",
            row.goal,
            {True: "yes", False: "NO", None: ""}[row.is_met],
            row.details,
        )
        for row in rows
    ]
    table = [("benchmark", "subject", "measured", "wanted", "met", ""), *cells]
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    return "\n".join(_line(line, widths) for line in table) + "\n"


def _line(cells: Iterable[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def write_json(rows: Sequence[Row], path: Path) -> None:
    """The rows for programs."""
    path.write_text(
        json.dumps([msgspec.structs.asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8"
    )
