"""Runs of a source, kept: each way of running it is gone once, for any number of targets that are compared with it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

import msgspec

from transpiler.diagnostics import Sink
from transpiler.ir import Value
from transpiler.verify.keras_side import Received
from transpiler.verify.runs import DETOURS, run_detour, run_own
from transpiler.verify.runtime import Unusable
from transpiler.verify.subject import Subject

if TYPE_CHECKING:
    from transpiler.ir.arrays import Array as Numbers

OWN = "own"
"""The way that needs no conversion."""


class Reference(msgspec.Struct, frozen=True):
    """One run: what ran, and the tensors that it gave; or why it did not."""

    runtime: str = ""
    tensors: dict[Value, Numbers] = msgspec.field(default_factory=dict)
    failure: str = ""


class References(msgspec.Struct):
    """The runs of a subject. Of the tensors of a run those in `wanted` are kept (None: all)."""

    subject: Subject
    wanted: Collection[Value] | None = None
    known: dict[str, Reference] = msgspec.field(default_factory=dict)

    def own(self, sink: Sink) -> Reference:
        """The source run as its own file. Raises Unusable."""
        return self._run(OWN, lambda receive: str(run_own(self.subject, sink, receive)))

    def detour(self, avoid: Collection[str]) -> tuple[Reference, str]:
        """The source run as what it becomes for a target not to be avoided; also says which. Raises Unusable."""
        said: list[str] = []
        for name in DETOURS:
            if name in avoid:
                continue
            try:
                return self._run(name, self._by_way_of(name)), name
            except Unusable as error:
                said.append(f"{name}: {error}")
        raise Unusable("; ".join(said))

    def _by_way_of(self, name: str) -> Callable[[Received], str]:
        return lambda receive: str(run_detour(self.subject, name, receive))

    def _run(self, name: str, run: Callable[[Received], str]) -> Reference:
        found = self.known.get(name)
        if found is None:
            tensors: dict[Value, Numbers] = {}

            def keep(value: Value, array: Numbers) -> None:
                if self.wanted is None or value in self.wanted:
                    tensors[value] = array

            try:
                found = Reference(run(keep), tensors)
            except Unusable as error:
                found = Reference(failure=str(error))
            self.known[name] = found
        if found.failure:
            raise Unusable(found.failure)
        return found
