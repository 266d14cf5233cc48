"""Where passes put the tensors of a graph, so that a tensor of the source can be found again in what was made of it.

A tensor that a pass computes differently keeps its value's name. Passes that change a name, or the order of a tensor's
elements, note it here.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from transpiler.passes.layouts import Layout


class Moved(msgspec.Struct, frozen=True):
    """The value that holds a tensor from now on, and the order of its elements relative to before."""

    name: str
    layout: Layout = None


class Trail(msgspec.Struct):
    """What the passes of one run noted, in order."""

    steps: list[Mapping[str, Moved | None]] = msgspec.field(default_factory=list)

    def note(self, moved: Mapping[str, Moved | None]) -> None:
        """Name before a pass -> where its tensor went; None: it is computed no more. All other values stay."""
        if moved:
            self.steps.append(moved)

    def follow(self, name: str) -> Moved | None:
        """Where the tensor of a source value is after all passes; the value of that name may have been dropped."""
        layout: Layout = None
        for step in self.steps:
            if name not in step:
                continue
            moved = step[name]
            if moved is None or (layout is not None and moved.layout is not None):
                return None
            name, layout = moved.name, moved.layout if layout is None else layout
        return Moved(name, layout)
