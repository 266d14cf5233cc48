"""A message of Caffe as plain typed data that still knows where each field was written.

A record holds only what was written; defaults come from the schema when asked for. Records never change: the
upgrades build new ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import msgspec

from transpiler.diagnostics import Span
from transpiler.diagnostics.compared import Compared
from transpiler.dialects.caffe.schema import MESSAGES, FieldSpec, MessageSpec
from transpiler.syntax.symbol import Symbol
from transpiler.syntax.textproto import Field

__all__ = ["Record", "Single", "Value"]

Single: TypeAlias = "int | float | bool | str | bytes | Record"
"""One value: a scalar (an enum value is a `Symbol`) or a record."""

Value: TypeAlias = "Single | tuple[Single, ...]"
"""What a field holds: one value, or a tuple of values where it is repeated."""

Places: TypeAlias = Mapping[str, tuple[Span | None, ...]]


class Record(Compared, frozen=True, eq=False):
    """A message read against its schema.

    `values` holds the fields of BVLC Caffe, `fork` those known from forks, `unknown` the fields of neither,
    as written. `places` gives, for each field of `values` and `fork`, where each of its values is written;
    None for a value that no text gives.
    """

    beside = frozenset({"span", "places"})

    spec: MessageSpec
    values: Mapping[str, Value] = msgspec.field(default_factory=dict)
    fork: Mapping[str, Value] = msgspec.field(default_factory=dict)
    unknown: tuple[Field, ...] = ()
    span: Span | None = None
    places: Places = msgspec.field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Whether the field is written; a repeated field is when it holds something."""
        return name in self.values or name in self.fork

    def get(self, name: str) -> Value | None:
        """The field's value, else its default: `()` where it is repeated, None where it is a message.

        Raises:
            KeyError: the message has no field of that name.
        """
        if name in self.values:
            return self.values[name]
        if name in self.fork:
            return self.fork[name]
        spec = self._field(name)
        if spec.is_repeated:
            return ()
        default = spec.default_value
        return Symbol(str(default)) if spec.enum is not None else default

    def span_of(self, name: str, index: int = -1) -> Span | None:
        """Where the field, or value `index` of a repeated one, is written; else where the message is."""
        places = self.places.get(name, ())
        place = places[index] if -len(places) <= index < len(places) else None
        return place if place is not None else self.span

    def integer(self, name: str) -> int:
        """The value or default of an integer field."""
        value = self.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        raise self._wrong_type(name, "an integer")

    def number(self, name: str) -> float:
        """The value or default of a float field."""
        value = self.get(name)
        if isinstance(value, float):
            return value
        raise self._wrong_type(name, "a float")

    def flag(self, name: str) -> bool:
        """The value or default of a bool field."""
        value = self.get(name)
        if isinstance(value, bool):
            return value
        raise self._wrong_type(name, "a bool")

    def text(self, name: str) -> str:
        """The value or default of a string or enum field."""
        value = self.get(name)
        if isinstance(value, str):
            return value
        raise self._wrong_type(name, "a string")

    def integers(self, name: str) -> tuple[int, ...]:
        """The values of a repeated integer field."""
        return tuple([value for value in self._items(name) if isinstance(value, int)])

    def numbers(self, name: str) -> tuple[float, ...]:
        """The values of a repeated float field."""
        return tuple([value for value in self._items(name) if isinstance(value, float)])

    def texts(self, name: str) -> tuple[str, ...]:
        """The values of a repeated string or enum field."""
        return tuple([value for value in self._items(name) if isinstance(value, str)])

    def record(self, name: str) -> Record:
        """The record in a message field; an empty one where none is written, to read its defaults from."""
        value = self.get(name)
        if isinstance(value, Record):
            return value
        message = self._field(name).message
        if value is not None or message is None:
            raise self._wrong_type(name, "a message")
        return Record(MESSAGES[message], span=self.span)

    def records(self, name: str) -> tuple[Record, ...]:
        """The records of a repeated message field."""
        if name not in self.values and name not in self.fork and self._field(name).is_repeated:
            return ()
        return tuple([value for value in self._items(name) if isinstance(value, Record)])

    def with_value(self, name: str, value: Value, at: Iterable[Span | None] = ()) -> Record:
        """This record with a field of BVLC Caffe set, written at `at`."""
        self._field(name)
        places = {**self.places, name: tuple(at)}
        return msgspec.structs.replace(self, values={**self.values, name: value}, places=places)

    def without(self, *names: str) -> Record:
        """This record with fields of BVLC Caffe taken out."""
        values = {name: value for name, value in self.values.items() if name not in names}
        places = {name: spans for name, spans in self.places.items() if name not in names}
        return msgspec.structs.replace(self, values=values, places=places)

    def _field(self, name: str) -> FieldSpec:
        spec = self.spec.field(name)
        if spec is None:
            raise KeyError(f"{self.spec.name} has no field {name!r}")
        return spec

    def _items(self, name: str) -> tuple[Single, ...]:
        value = self.get(name)
        if isinstance(value, tuple):
            return value
        raise self._wrong_type(name, "repeated")

    def _wrong_type(self, name: str, wanted: str) -> TypeError:
        return TypeError(f"{self.spec.name}.{name} is not {wanted}")
