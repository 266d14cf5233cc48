"""Messages between bytes or text and records: fields by name, scalars as Python values, not interpreted yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from transpiler.diagnostics import Span
from transpiler.dialects.tensorflow.schema import SCHEMA, SKIPPED, FieldSchema


class Raw(msgspec.Struct, eq=False):
    """One message: field -> its values in order. Bytes may be given as functions that decode them."""

    fields: dict[str, list[Any]]
    span: Span | None = None

    def all(self, name: str) -> list[Any]:
        return self.fields.get(name, [])

    def last(self, name: str, default: Any = None) -> Any:
        """The value that counts for a field that is not repeated."""
        found = self.fields.get(name)
        return found[-1] if found else default

    def entries(self, name: str) -> dict[str, Any]:
        """A map field: key -> value; entries without one of them are left out."""
        rows = ((entry.last("key"), entry.last("value")) for entry in self.all(name))
        return {key: value for key, value in rows if key is not None and value is not None}


Lazy = Callable[[], bytes]


def now(value: bytes | Lazy) -> bytes:
    """The bytes of a field that may be decoded late."""
    return value() if callable(value) else value


def wanted(message: str, field: str) -> FieldSchema | None:
    """What is known of a field, None for one that is not in the schema."""
    return SCHEMA[message].get(field)


def skipped(schema: FieldSchema) -> bool:
    return schema.kind == SKIPPED
