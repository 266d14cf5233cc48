"""What a stage made of a text, remembered: an editor that asks again pays only for what changed.

Results of stages never change, so they are shared. What a stage reported is reported again each time. A key says
everything that the result depends on; texts are part of it as they are, so that no two are ever taken for one another.
Deeper down, ops remember what they infer (`transpiler.ir.inference`) and rows what they read, in any graph.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import RLock
from typing import Final, Generic, TypeVar

import msgspec

from transpiler.diagnostics import Diagnostic, Sink
from transpiler.ir import Module

Result = TypeVar("Result")
MOST_CHARACTERS: Final = 2_000_000
"""How much text is remembered altogether; the result of reading it takes some fifty times as many bytes."""


class _Entry(msgspec.Struct, Generic[Result], frozen=True):
    result: Result
    diagnostics: tuple[Diagnostic, ...]
    dropped: int
    size: int


class Memo(msgspec.Struct, Generic[Result]):
    """The results of one stage by what they depend on; those asked for least recently are forgotten first."""

    most: int = MOST_CHARACTERS
    size: int = 0
    _entries: OrderedDict[Hashable, _Entry[Result]] = msgspec.field(default_factory=OrderedDict)
    _lock: RLock = msgspec.field(default_factory=RLock)

    def recall(self, text: str, others: Hashable, sink: Sink, work: Callable[[Sink], Result]) -> Result:
        """The result of `work` for a text and the other things that it depends on; what it reports goes to the sink.

        A text that is larger than all that may be remembered is worked on every time, as is one whose work raises.
        """
        key = (text, others)
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                self._entries.move_to_end(key)
        if entry is None:
            own = Sink()
            entry = _Entry(work(own), tuple(own.diagnostics), own.dropped, len(text))
            self._keep(key, entry)
        sink.extend(entry.diagnostics)
        sink.dropped += entry.dropped
        return entry.result

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self.size = 0

    def _keep(self, key: Hashable, entry: _Entry[Result]) -> None:
        with self._lock:
            if entry.size > self.most or key in self._entries:
                return
            self._entries[key] = entry
            self.size += entry.size
            while self.size > self.most:
                _, oldest = self._entries.popitem(last=False)
                self.size -= oldest.size


LOWERED: Final[Memo[Module]] = Memo()
"""Networks as they were lowered from a text. `transpiler.forget` clears it."""
