"""Branches that data decide: both sides are computed and one is selected, which gives the same numbers.

Obligations for Switch and Merge: every merge joins the two sides of one condition, and nothing leaves a side without
being merged. Branches that the phase decides are gone before (`tensorflow_view`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from transpiler.dialects.tensorflow.functions import FlatNode, Tensor
from transpiler.dialects.tensorflow.ops_table import BRANCHES, MERGES, SWITCHES
from transpiler.passes.lower.tensorflow_order import Loop
from transpiler.passes.lower.tensorflow_view import View

MOST_NESTED: Final = 64
Sides = frozenset[tuple[Tensor, int]]
"""On which sides of which conditions something is computed."""


class Choice(msgspec.Struct, frozen=True):
    """One result: `then` if the condition holds, `other` if not."""

    condition: Tensor
    other: Tensor
    then: Tensor


def sides_read(view: View, node: FlatNode) -> tuple[Tensor, ...] | None:
    """What an If-node reads when it is a choice: its condition and the results of both sides. None for other nodes."""
    branches = view.flat.branches.get(node.name) if node.op in BRANCHES else None
    if branches is None:
        return None
    condition, other, then = branches
    return tuple(map(view.resolve, (condition, *other, *then))) if len(other) == len(then) else None


def choices_of(view: View, node: FlatNode) -> tuple[Choice, ...] | None:
    """The results of an If-node as choices."""
    read = sides_read(view, node)
    if read is None:
        return None
    count = (len(read) - 1) // 2
    return tuple(Choice(read[0], read[1 + i], read[1 + count + i]) for i in range(count))


def merged_choices(
    view: View,
    steps: Sequence[FlatNode | Loop],
    reads: Mapping[str, tuple[Tensor, ...]],
    outputs: Iterable[Tensor],
) -> dict[str, Choice] | None:
    """Merge-node -> what it chooses; None if one of the obligations does not hold anywhere."""
    finder = _Finder(view, reads)
    found: dict[str, Choice] = {}
    for step in steps:
        if isinstance(step, Loop):
            sides = finder.of_all(step.inputs)
            finder.known.update((node.name, sides) for node in step.nodes)
        elif step.op in MERGES:
            made = finder.merge(step)
            if made is None:
                return None
            found[step.name] = made
        else:
            sides = finder.of_all(reads[step.name]) | finder.of_controls(step)
            if len(sides) > MOST_NESTED:
                return None
            finder.known[step.name] = sides
    return None if any(finder.of(tensor) for tensor in outputs) else found


class _Finder:
    def __init__(self, view: View, reads: Mapping[str, tuple[Tensor, ...]]) -> None:
        self.view = view
        self.reads = reads
        self.known: dict[str, Sides] = {}

    def of(self, tensor: Tensor) -> Sides:
        """The sides that a tensor is on; one that leaves a switch is on that side."""
        node = self.view.flat.nodes.get(tensor[0])
        known = self.known.get(tensor[0], frozenset())
        if node is None or node.op not in SWITCHES or len(node.inputs) != 2:
            return known
        condition = self.view.resolve(node.inputs[1])
        return known | {(condition, tensor[1])} if self.view.number(condition) is None else known

    def of_all(self, tensors: Iterable[Tensor]) -> Sides:
        found: Sides = frozenset()
        for tensor in tensors:
            found |= self.of(tensor)
        return found

    def of_controls(self, node: FlatNode) -> Sides:
        """Constants inside a branch only wait for its pivot."""
        return self.of_all(self.view.resolve((name, 0)) for name in node.controls)

    def merge(self, node: FlatNode) -> Choice | None:
        """The condition whose two sides a merge joins."""
        inputs = self.reads[node.name]
        if len(inputs) != 2:
            return None
        first, second = (self._waiting(tensor) for tensor in inputs)
        for mine, theirs, (a, b) in ((first, second, inputs), (second, first, inputs[::-1])):
            for condition, side in sorted(mine):
                opposite, same = (condition, 1 - side), (condition, side)
                if opposite in mine or same in theirs:
                    continue
                if opposite in theirs or not any(one == condition for one, _ in theirs):
                    both = {same, opposite}
                    self.known[node.name] = (first | second) - both
                    return Choice(condition, a, b) if side == 0 else Choice(condition, b, a)
        return None

    def _waiting(self, tensor: Tensor) -> Sides:
        """The sides of a merge's operand, which may be a constant that nothing else computes."""
        node = self.view.flat.nodes.get(tensor[0])
        return self.of(tensor) | (frozenset() if node is None else self.of_controls(node))
