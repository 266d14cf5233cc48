"""What verifying found, for programs and for the tables that people read."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from transpiler.diagnostics import Diagnostic
from transpiler.verify.comparison import Difference

SCHEMA: Final = 1


class Row(msgspec.Struct, frozen=True):
    """One tensor of the source: the layer that gives it, its name there, and how far the target's is from it."""

    layer: str
    type: str
    tensor: str
    shape: tuple[int, ...]
    difference: Difference
    is_output: bool = False


class Report(msgspec.Struct, frozen=True):
    """A source and a target run side by side. `reference` and `candidate` say what ran each."""

    source: str
    target: str
    reference: str
    candidate: str
    weights: str
    seed: int
    tolerance: float
    rows: tuple[Row, ...]
    """Every tensor that both sides have, in the source's order."""
    unmatched: tuple[str, ...] = ()
    """Tensors of the source that the target does not compute by themselves: fused into others, or not needed."""
    missing: tuple[str, ...] = ()
    """Outputs of the source that could not be compared."""
    notes: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    def diverges(self, row: Row) -> bool:
        """Whether a tensor is farther from the source's than the tolerance."""
        return not row.difference.relative <= self.tolerance

    @property
    def first_divergent(self) -> Row | None:
        """The first tensor, in the source's order, that is farther off than the tolerance."""
        return next((row for row in self.rows if self.diverges(row)), None)

    @property
    def worst(self) -> Row | None:
        """The tensor with the largest relative difference."""
        return max(self.rows, key=lambda row: row.difference.relative, default=None)

    @property
    def agrees(self) -> bool:
        """Whether every tensor is within the tolerance and every output was compared."""
        return bool(self.rows) and self.first_divergent is None and not self.missing

    @property
    def verdict(self) -> str:
        """One sentence."""
        first, worst = self.first_divergent, self.worst
        if first is not None:
            count = sum(map(self.diverges, self.rows))
            return (
                f"DIVERGES: {count} of {len(self.rows)} tensors differ by more than {self.tolerance:g}, first "
                f"{first.tensor} of layer {first.layer}"
            )
        if worst is None:
            return "NOT VERIFIED: not one tensor could be compared"
        if self.missing:
            return f"NOT VERIFIED: outputs that could not be compared: {', '.join(self.missing)}"
        return (
            f"SAME: {len(self.rows)} tensors within {self.tolerance:g}, the farthest {worst.tensor} of layer "
            f"{worst.layer} with {worst.difference.relative:.1e}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data: numbers that JSON has no word for (infinity) are null."""
        first, worst = self.first_divergent, self.worst
        return {
            "schema": SCHEMA,
            "source": self.source,
            "target": self.target,
            "reference": self.reference,
            "candidate": self.candidate,
            "weights": self.weights,
            "seed": self.seed,
            "tolerance": self.tolerance,
            "agrees": self.agrees,
            "verdict": self.verdict,
            "first_divergent": None if first is None else first.tensor,
            "worst": None if worst is None else worst.tensor,
            "tensors": [self._row(row) for row in self.rows],
            "unmatched": list(self.unmatched),
            "missing": list(self.missing),
            "notes": list(self.notes),
        }

    def _row(self, row: Row) -> dict[str, Any]:
        found = row.difference
        return {
            "layer": row.layer,
            "type": row.type,
            "tensor": row.tensor,
            "shape": list(row.shape),
            "output": row.is_output,
            "absolute": _finite(found.absolute),
            "relative": _finite(found.relative),
            "scale": _finite(found.scale),
            "diverges": self.diverges(row),
        }

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"

    def to_text(self) -> str:
        """A table with a line for each tensor, and the verdict."""
        head = ("layer", "type", "tensor", "shape", "absolute", "relative", "")
        lines = [head, *(self._line(row) for row in self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
        right = (4, 5)
        table = [
            "  ".join(
                cell.rjust(width) if column in right else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]
        said = [
            f"source:    {self.source}, run by {self.reference}",
            f"target:    {self.target}, run by {self.candidate}",
        ]
        said.append(f"weights:   {self.weights}; inputs: seed {self.seed}")
        said += [f"note:      {note}" for note in self.notes]
        if self.unmatched:
            count = len(self.unmatched)
            tensors = "1 tensor" if count == 1 else f"{count} tensors"
            said.append(f"not apart: {tensors} that the target fuses with others or does not need")
        return "\n".join((*table, "", *said, "", self.verdict)) + "\n"

    def _line(self, row: Row) -> Sequence[str]:
        shape = " x ".join(map(str, row.shape))
        mark = "<- differs" if self.diverges(row) else ""
        found = row.difference
        return (row.layer, row.type, row.tensor, shape, _short(found.absolute), _short(found.relative), mark)


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _short(number: float) -> str:
    return "0" if number == 0 else f"{number:.1e}" if math.isfinite(number) else "not finite"
