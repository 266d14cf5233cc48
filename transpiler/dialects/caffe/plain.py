"""Records as nested dictionaries, and back to protobuf text's syntax tree.

The dictionaries are what the rows between Caffe's layers and the IR compare and build: a field name gives its
value, or a list of values where the field is repeated; `Symbol` marks enum values and other bare words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from transpiler.dialects.caffe.record import Record, Single, Value
from transpiler.dialects.caffe.schema import MESSAGES, FieldSpec, MessageSpec
from transpiler.syntax.symbol import Symbol
from transpiler.syntax.textproto import Field, Message

__all__ = ["Plain", "PlainMessage", "from_plain", "to_plain"]

Plain: TypeAlias = "int | float | bool | str | bytes | Mapping[str, Plain] | Sequence[Plain]"
PlainMessage: TypeAlias = Mapping[str, Plain]


def to_plain(record: Record) -> dict[str, Plain]:
    """The fields that are written: in the schema's order, then those of forks, then unknown ones."""
    known = {**record.values, **record.fork} if record.fork else record.values
    plain: dict[str, Plain] = {
        name: _plain_value(known[name]) for name in sorted(known, key=record.spec.place.__getitem__)
    }
    if record.unknown:
        plain.update(_plain_fields(record.unknown))
    return plain


def from_plain(plain: PlainMessage, spec: MessageSpec) -> Message:
    """The message that a dictionary describes: fields in the schema's order, those it does not know last.

    Raises:
        TypeError: a value is of no type that protobuf text can write.
        ValueError: a field name or a symbol is not an identifier.
    """
    known = [name for name in spec.field_names if name in plain]
    unknown = [name for name in plain if spec.field(name) is None]
    fields: list[Field] = []
    for name in known + unknown:
        value = plain[name]
        items = value if isinstance(value, list | tuple) else (value,)
        fields.extend(_field(name, item, spec.field(name)) for item in items)
    return Message(tuple(fields))


def _plain_value(value: Value) -> Plain:
    if isinstance(value, tuple):
        return [_plain_single(item) for item in value]
    return _plain_single(value)


def _plain_single(value: Single) -> Plain:
    return to_plain(value) if isinstance(value, Record) else value


def _plain_fields(fields: Iterable[Field]) -> dict[str, Plain]:
    """Fields without a schema: a name written once gives its value, one written more often a list."""
    groups: dict[str, list[Plain]] = {}
    for field in fields:
        value = field.value
        plain: Plain = _plain_fields(value.fields) if isinstance(value, Message) else value.value
        groups.setdefault(field.name, []).append(plain)
    return {name: values[0] if len(values) == 1 else values for name, values in groups.items()}


def _field(name: str, value: Plain, spec: FieldSpec | None) -> Field:
    if isinstance(value, Mapping):
        message = MESSAGES[spec.message] if spec is not None and spec.message is not None else _NO_SCHEMA
        return Field.make(name, from_plain(value, message))
    if isinstance(value, str | bytes | int | float):
        return Field.make(name, _as_written(value, spec))
    raise TypeError(f"not a value of protobuf text: {value!r}")


def _as_written(value: str | bytes | float, spec: FieldSpec | None) -> str | bytes | float:
    """The value as its field wants it written: an enum value bare, whatever kind of `str` it is."""
    if spec is None:
        return value
    if spec.enum is not None and not spec.enum.open and isinstance(value, str):
        return Symbol(value)
    return value


_NO_SCHEMA = MessageSpec("unknown", ())
