"""A layer while its config is being rewritten: the class, the arguments, and where each argument came
from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from transpiler.diagnostics import Sink, Span
from transpiler.dialects.keras.model import Generation
from transpiler.syntax.json import JsonValue, span_at


class UpgradeContext(msgspec.Struct, frozen=True):
    """What is the same for all layers of a file."""

    generation: Generation
    sink: Sink
    data_format: str | None = None
    """What every layer that says it says of the order of dimensions; None if they say nothing or differ."""
    assumed_data_format: list[tuple[str, Span | None]] = msgspec.field(default_factory=list)
    """The layers that do not say it, and so take what the others say: filled while layers are upgraded."""

    @property
    def is_old(self) -> bool:
        """Whether the file is older than Keras 3."""
        return self.generation is not Generation.KERAS3


class LayerUpgrade(msgspec.Struct):
    """A layer config being rewritten in place by the functions of the upgrade modules."""

    class_name: str
    name: str
    config: dict[str, Any]
    context: UpgradeContext
    ast: JsonValue | None = None
    module: str | None = None
    registered_name: str | None = None
    span: Span | None = None
    origins: dict[str, str] = msgspec.field(default_factory=dict)
    call_kwargs: dict[str, Any] = msgspec.field(default_factory=dict)
    """What Keras 3 wants to be told at every call instead."""

    def rename(self, names: Mapping[str, str]) -> None:
        """Rename arguments. A new name that is already there wins, and the old one is dropped."""
        for old, new in names.items():
            if old not in self.config:
                continue
            value = self.config.pop(old)
            if new not in self.config:
                self.put(new, value, origin=old)

    def put(self, argument: str, value: Any, *, origin: str | None = None) -> None:
        """Set an argument; `origin` is the key of the file that the value comes from."""
        self.config[argument] = value
        if origin is not None:
            self.origins[argument] = self.origins.get(origin, origin)

    def take(self, argument: str, default: Any = None) -> Any:
        """Remove an argument and return its value."""
        return self.config.pop(argument, default)

    def drop(self, *arguments: str) -> None:
        """Remove arguments that mean nothing any more."""
        for argument in arguments:
            self.config.pop(argument, None)

    def make_explicit(self, defaults: Mapping[str, Any]) -> None:
        """Write down defaults that hold where the file was written but not in Keras 3."""
        for argument, value in defaults.items():
            self.config.setdefault(argument, value)

    def place(self, argument: str) -> Span | None:
        """Return where an argument is written, or the place of the layer."""
        if self.ast is None:
            return self.span
        found = span_at(self.ast, [self.origins.get(argument, argument)])
        return self.span if found is None or found == self.ast.span else found

    def lost(self, argument: str, reason: str) -> None:
        """Warn that an argument's meaning is not carried over."""
        self.context.sink.warning(
            "T2013", f"layer '{self.name}': {argument} is not carried over: {reason}", self.place(argument)
        )

    def unclear(self, argument: str, value: Any, expected: str) -> None:
        """Report a value that is not one of those the argument can have."""
        self.context.sink.error(
            "T2014",
            f"layer '{self.name}': {argument} is {value!r}, which is not {expected}",
            self.place(argument),
        )
