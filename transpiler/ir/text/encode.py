"""Op fields as plain data, as the text form prints them; op classes' own converters read them back."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, Final

from transpiler.ir.attributes import Attr
from transpiler.ir.op import Op, OpField, fields_of
from transpiler.syntax.symbol import Symbol

_ATOMS: Final = frozenset({type(None), bool, int, float, str})


def encode(value: Any) -> Attr:
    """Plain data for any op field: enumerations become symbols, ops mappings with their name under `op`."""
    if type(value) in _ATOMS:
        atom: Attr = value
        return atom
    match value:
        case None | bool() | int() | float() | str():
            return value
        case enum.Enum():
            return Symbol(value.value)
        case list() | tuple():
            return [encode(item) for item in value]
        case Mapping():
            return {str(key): encode(item) for key, item in value.items()}
        case Op():
            return {"op": Symbol(value.name), **fields(value)}
        case _:
            return _padding(value)


def fields(op: Op) -> dict[str, Attr]:
    """The fields of an op that differ from their defaults, as plain data in declaration order."""
    return {field.name: encode(value) for field, value in stated(op)}


def stated(op: Op) -> list[tuple[OpField, Any]]:
    """The fields of an op that differ from their defaults and their values, in declaration order."""
    found = [(field, getattr(op, field.name)) for field in fields_of(op)]
    return [(field, value) for field, value in found if not _is_default(field.default, value)]


def _is_default(default: Any, value: Any) -> bool:
    return type(default) is type(value) and bool(default == value)


def _padding(value: Any) -> Attr:
    """Sum types of ops spell themselves with a `plain` property."""
    made: Attr = value.plain
    return made
