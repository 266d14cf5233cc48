"""One written value against the type its field has, by the rules of protobuf's text format.

A value that does not fit is described, not raised: reading goes on.
"""

from __future__ import annotations

import math

import msgspec

from transpiler.diagnostics import Fix, Span
from transpiler.dialects.caffe.schema_types import (
    BOOL,
    BYTES,
    DOUBLE,
    FLOAT,
    INT32,
    INT64,
    STRING,
    UINT32,
    EnumSpec,
    FieldSpec,
    FieldType,
)
from transpiler.syntax.symbol import Symbol
from transpiler.syntax.textproto import Scalar, ScalarKind
from transpiler.syntax.textproto_literals import string_value

__all__ = ["Misfit", "read_scalar"]

_RANGES: dict[FieldType, tuple[int, int]] = {
    INT32: (-(2**31), 2**31 - 1),
    UINT32: (0, 2**32 - 1),
    INT64: (-(2**63), 2**63 - 1),
}
_BOOLS: dict[str, bool] = {"true": True, "True": True, "t": True, "false": False, "False": False, "f": False}
_FLOAT_WORDS: dict[str, float] = {"inf": math.inf, "infinity": math.inf, "nan": math.nan}
_FLOAT32_LIMIT = 2.0**128
_FLOAT64_LIMIT = 2**1024
_LONGEST_QUOTE = 40


class Misfit(msgspec.Struct, frozen=True):
    """Why a value does not fit its field, as the parts of a diagnostic."""

    code: str
    message: str
    span: Span | None
    help: str | None = None
    fixes: tuple[Fix, ...] = ()


def read_scalar(value: Scalar, spec: FieldSpec) -> int | float | bool | str | bytes | Misfit:
    """The value as its field's type: enum values as `Symbol`, floats beyond float32 as infinity."""
    kind = spec.type
    if kind is STRING:
        return string_value(value.text) if value.is_string else _unquoted(value, spec)
    if kind in _RANGES:
        return _integer(value, spec)
    if kind is FLOAT or kind is DOUBLE:
        return _float(value, spec)
    if spec.enum is not None:
        return _enum(value, spec, spec.enum)
    if kind is BOOL:
        return _bool(value, spec)
    if kind is BYTES:
        return value.bytes_value if value.is_string else _unquoted(value, spec)
    return Misfit("T1003", f"`{spec.name}` is a message: write `{spec.name} {{ ... }}`", value.span)


def _integer(value: Scalar, spec: FieldSpec) -> int | Misfit:
    number = _number(value)
    if not isinstance(number, int):
        return _wrong_kind(value, spec, "a whole number", _whole_number(value))
    low, high = _RANGES[spec.type]
    if low <= number <= high:
        return number
    help = f"it must lie between {low} and {high}"
    return Misfit("T1004", f"`{spec.name}` cannot hold {_quoted(value)}", value.span, help)


def _whole_number(value: Scalar) -> str | None:
    """What the author of a value that is no integer most likely meant: `"3"` or `3.0` for 3."""
    number = value.value
    if isinstance(number, float) and number.is_integer() and abs(number) < 2**63:
        return str(int(number))
    if isinstance(number, str) and number.isascii() and number.isdigit():
        return number
    return None


def _float(value: Scalar, spec: FieldSpec) -> float | Misfit:
    number = _number(value)
    if number is None and value.kind is ScalarKind.IDENTIFIER:
        number = _FLOAT_WORDS.get(value.text.lower())
    if number is None:
        return _wrong_kind(value, spec, "a number")
    limit = _FLOAT32_LIMIT if spec.type is FLOAT else math.inf
    if _exceeds(number, limit):
        return math.inf if number > 0 else -math.inf
    return float(number)


def _exceeds(number: float, limit: float) -> bool:
    """Whether a number is too large for its type; an int may be too large even for Python's float."""
    return abs(number) >= min(limit, _FLOAT64_LIMIT)


def _bool(value: Scalar, spec: FieldSpec) -> bool | Misfit:
    number = _number(value)
    if isinstance(number, int) and number in (0, 1):
        return bool(number)
    if value.kind is ScalarKind.IDENTIFIER and value.text in _BOOLS:
        return _BOOLS[value.text]
    meant = str(value.value).lower()
    return _wrong_kind(value, spec, "`true` or `false`", meant if meant in ("true", "false") else None)


def _enum(value: Scalar, spec: FieldSpec, enum: EnumSpec) -> str | Misfit:
    written = value.value
    if isinstance(written, int):
        name = enum.name_of(written)
        return Symbol(name) if name is not None else _unknown_value(value, spec, enum)
    if enum.open and isinstance(written, str):
        return written
    if value.kind is ScalarKind.IDENTIFIER and (value.text in enum.names or value.text in enum.fork_names):
        return Symbol(value.text)
    if value.kind is ScalarKind.IDENTIFIER:
        return _unknown_value(value, spec, enum)
    return _wrong_kind(value, spec, "a name without quotes", written if written in enum.names else None)


def _unknown_value(value: Scalar, spec: FieldSpec, enum: EnumSpec) -> Misfit:
    from difflib import get_close_matches

    close = get_close_matches(value.text.upper(), enum.names, n=1)
    help = f"it can be {', '.join(enum.names)}"
    message = f"{_quoted(value)} is not a value of `{spec.name}`"
    return Misfit("T1006", message, value.span, help, _replacement(value, close[0]) if close else ())


def _unquoted(value: Scalar, spec: FieldSpec) -> Misfit:
    return _wrong_kind(value, spec, "a string in quotes", f'"{value.text}"')


def _wrong_kind(value: Scalar, spec: FieldSpec, wanted: object, meant: object = None) -> Misfit:
    message = f"`{spec.name}` needs {wanted}, not {_quoted(value)}"
    fixes = _replacement(value, str(meant)) if meant is not None else ()
    return Misfit("T1003", message, value.span, fixes=fixes)


def _replacement(value: Scalar, text: str) -> tuple[Fix, ...]:
    return (Fix(f"write `{text}`", value.span, text),) if value.span is not None else ()


def _number(value: Scalar) -> int | float | None:
    number = value.value
    return number if isinstance(number, int | float) else None


def _quoted(value: Scalar) -> str:
    text = value.text if len(value.text) <= _LONGEST_QUOTE else value.text[:_LONGEST_QUOTE] + "…"
    return f"`{text}`"
