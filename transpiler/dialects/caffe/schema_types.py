"""What a protobuf schema is made of: fields, messages and enums, as frozen values with short constructors.

The tables of `schema_net`, `schema_layers`, `schema_legacy`, `schema_solver` and `schema_forks` are written
with these constructors; `schema` assembles them. Nothing here knows a name of Caffe.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from functools import cached_property
from typing import TypeAlias

import msgspec

__all__ = [
    "BOOL",
    "BYTES",
    "DOUBLE",
    "FLOAT",
    "INT32",
    "INT64",
    "STRING",
    "UINT32",
    "Default",
    "EnumSpec",
    "FieldSpec",
    "FieldType",
    "Label",
    "MessageSpec",
    "enumeration",
    "fork_message",
    "fork_optional",
    "fork_repeated",
    "message",
    "open_enumeration",
    "optional",
    "repeated",
    "required",
]

Default: TypeAlias = int | float | bool | str | bytes


class FieldType(enum.Enum):
    """The kind of value a field holds; the value is protobuf's own word for it."""

    INT32 = "int32"
    UINT32 = "uint32"
    INT64 = "int64"
    FLOAT = "float"
    DOUBLE = "double"
    BOOL = "bool"
    STRING = "string"
    BYTES = "bytes"
    ENUM = "enum"
    MESSAGE = "message"


class Label(enum.Enum):
    """How often a field may appear."""

    OPTIONAL = "optional"
    REPEATED = "repeated"
    REQUIRED = "required"


INT32 = FieldType.INT32
UINT32 = FieldType.UINT32
INT64 = FieldType.INT64
FLOAT = FieldType.FLOAT
DOUBLE = FieldType.DOUBLE
BOOL = FieldType.BOOL
STRING = FieldType.STRING
BYTES = FieldType.BYTES

_ZERO: dict[FieldType, Default] = {
    INT32: 0,
    UINT32: 0,
    INT64: 0,
    FLOAT: 0.0,
    DOUBLE: 0.0,
    BOOL: False,
    STRING: "",
    BYTES: b"",
}


class EnumSpec(msgspec.Struct, frozen=True, dict=True):
    """An enum: its full name (`Message.Enum`, or `Enum` at the top level) and its values in order.

    `fork_names` are further value names that forks of Caffe write. An `open` enum keeps every name, also a
    quoted one: the enum of V1 layer types, which every fork extended and which its reader must judge.
    """

    name: str
    values: tuple[tuple[str, int], ...]
    fork_names: tuple[str, ...] = ()
    open: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The value names, in declaration order."""
        return tuple(name for name, _ in self.values)

    def name_of(self, number: int) -> str | None:
        """The first name with this number, or None."""
        return next((name for name, value in self.values if value == number), None)


class FieldSpec(msgspec.Struct, frozen=True, dict=True):
    """One field of a message.

    `default` is the default the schema states, or None where it states none. `enum` is set for ENUM fields,
    `message` (a message's name) for MESSAGE fields. `fork` marks a field that BVLC Caffe does not have.
    """

    name: str
    number: int
    type: FieldType
    label: Label
    default: Default | None = None
    enum: EnumSpec | None = None
    message: str | None = None
    packed: bool = False
    deprecated: bool = False
    fork: bool = False

    @cached_property
    def is_repeated(self) -> bool:
        """Whether the field collects every value written."""
        return self.label is Label.REPEATED

    @cached_property
    def default_value(self) -> Default | None:
        """What an absent field reads as: the stated default, else protobuf's zero; None for a message."""
        if self.default is not None or self.type is FieldType.MESSAGE:
            return self.default
        if self.enum is not None:
            return self.enum.values[0][0]
        return _ZERO[self.type]


class MessageSpec(msgspec.Struct, frozen=True, dict=True):
    """A message: its fields in the order in which they are conventionally written."""

    name: str
    fields: tuple[FieldSpec, ...]
    fork_fields: tuple[FieldSpec, ...] = ()
    fork: bool = False

    @cached_property
    def _by_name(self) -> dict[str, FieldSpec]:
        return {spec.name: spec for spec in (*self.fork_fields, *self.fields)}

    def field(self, name: str) -> FieldSpec | None:
        """The field of that name, BVLC's own before a fork's, or None."""
        return self._by_name.get(name)

    @cached_property
    def field_names(self) -> tuple[str, ...]:
        """Every field name, BVLC's own before those of forks."""
        return tuple(spec.name for spec in (*self.fields, *self.fork_fields))

    @cached_property
    def place(self) -> dict[str, int]:
        """Where each field stands among `field_names`."""
        return {name: i for i, name in enumerate(self.field_names)}

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The names of the fields that must be written."""
        return tuple(spec.name for spec in self.fields if spec.label is Label.REQUIRED)


def enumeration(name: str, *names: str, start: int = 0, forks: str = "") -> EnumSpec:
    """An enum whose `names` count up from `start`; `forks` lists further names of forks, split by spaces."""
    values = tuple((value, start + index) for index, value in enumerate(names))
    return EnumSpec(name, values, tuple(forks.split()))


def open_enumeration(name: str, values: Iterable[tuple[str, int]]) -> EnumSpec:
    """An enum with its numbers given one by one, which keeps names it does not know."""
    return EnumSpec(name, tuple(values), open=True)


def message(name: str, *fields: FieldSpec) -> MessageSpec:
    """A message of BVLC Caffe."""
    return MessageSpec(name, fields)


def _field(
    name: str,
    number: int,
    kind: FieldType | EnumSpec | str,
    label: Label,
    default: Default | None = None,
    packed: bool = False,
    deprecated: bool = False,
    fork: bool = False,
) -> FieldSpec:
    enum, message, type = None, None, FieldType.MESSAGE
    if isinstance(kind, EnumSpec):
        enum, type = kind, FieldType.ENUM
    elif isinstance(kind, str):
        message = kind
    else:
        type = kind
        if default is not None and kind in (FLOAT, DOUBLE):
            default = float(default)
    return FieldSpec(name, number, type, label, default, enum, message, packed, deprecated, fork)


def optional(
    name: str,
    number: int,
    kind: FieldType | EnumSpec | str,
    default: Default | None = None,
    *,
    deprecated: bool = False,
) -> FieldSpec:
    """A field written at most once; `kind` is a scalar type, an enum, or the name of a message."""
    return _field(name, number, kind, Label.OPTIONAL, default, deprecated=deprecated)


def required(name: str, number: int, kind: FieldType | EnumSpec | str) -> FieldSpec:
    """A field that must be written."""
    return _field(name, number, kind, Label.REQUIRED)


def repeated(
    name: str,
    number: int,
    kind: FieldType | EnumSpec | str,
    *,
    packed: bool = False,
    deprecated: bool = False,
) -> FieldSpec:
    """A field written any number of times."""
    return _field(name, number, kind, Label.REPEATED, packed=packed, deprecated=deprecated)


def fork_optional(name: str, kind: FieldType | EnumSpec | str, default: Default | None = None) -> FieldSpec:
    """An optional field of a fork. Forks number one field differently, so its number is 0: not known."""
    return _field(name, 0, kind, Label.OPTIONAL, default, fork=True)


def fork_repeated(name: str, kind: FieldType | EnumSpec | str) -> FieldSpec:
    """A repeated field of a fork."""
    return _field(name, 0, kind, Label.REPEATED, fork=True)


def fork_message(name: str, *fields: FieldSpec) -> MessageSpec:
    """A message that only forks have."""
    return MessageSpec(name, (), fork_fields=fields, fork=True)
