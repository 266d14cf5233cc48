"""Declarations of op fields: each gives a converter and one line of help.

Converters accept what the text form and the dialects hold (lists, symbols) and give the field's own type; a value
that cannot be meant raises ValueError, which readers turn into a diagnostic at the value's place.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from typing import Any, TypeVar

from transpiler.ir.op import REQUIRED, OpField
from transpiler.ir.types import DType, Shape

Member = TypeVar("Member", bound=enum.Enum)

MAX_DIM = 2**31 - 1


def _field(default: Any, help: str, convert: Callable[[Any], Any], kind: str) -> Any:
    return OpField(convert, help, kind, default)


def to_int(value: Any) -> int:
    """An exact integer from an int or an integral float (not a bool)."""
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or value != value
        or value in (math.inf, -math.inf)
        or int(value) != value
    ):
        raise ValueError(f"{value!r} is not an integer")
    return int(value)


def to_float(value: Any) -> float:
    if isinstance(value, str) and value in ("inf", "-inf", "nan"):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{value!r} is not a number")
    return float(value)


def integer(help: str, default: Any = REQUIRED, *, least: int | None = None) -> Any:
    """A whole number, at least `least`."""

    def convert(value: Any) -> int:
        number = to_int(value)
        if least is not None and number < least:
            raise ValueError(f"{number} is less than {least}")
        if abs(number) > 2**63:
            raise ValueError(f"{number} is out of range")
        return number

    return _field(default, help, convert, "integer")


def optional_integer(help: str, default: int | None = None, *, least: int | None = None) -> Any:
    """A whole number or None."""

    def convert(value: Any) -> int | None:
        if value is None:
            return None
        number = to_int(value)
        if least is not None and number < least:
            raise ValueError(f"{number} is less than {least}")
        return number

    return _field(default, help, convert, "integer or none")


def number(help: str, default: Any = REQUIRED) -> Any:
    """A real number."""
    return _field(default, help, to_float, "number")


def optional_number(help: str, default: float | None = None) -> Any:
    """A real number or None."""
    return _field(default, help, lambda v: None if v is None else to_float(v), "number or none")


def rate(help: str, default: Any = REQUIRED) -> Any:
    """A share between 0 and 1."""

    def convert(value: Any) -> float:
        share = to_float(value)
        if not 0 <= share <= 1:
            raise ValueError(f"{share} is not between 0 and 1")
        return share

    return _field(default, help, convert, "number from 0 to 1")


def flag(help: str, default: Any = REQUIRED) -> Any:
    """True or false."""

    def convert(value: Any) -> bool:
        if not isinstance(value, bool):
            raise ValueError(f"{value!r} is not true or false")
        return value

    return _field(default, help, convert, "true or false")


def text(help: str, default: Any = REQUIRED) -> Any:
    """A string."""

    def convert(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is not a string")
        return str(value)

    return _field(default, help, convert, "text")


def optional_text(help: str, default: str | None = None) -> Any:
    """A string or None."""
    return _field(default, help, lambda v: None if v is None else str(v), "text or none")


def integers(help: str, default: Any = REQUIRED, *, least: int | None = None) -> Any:
    """A tuple of whole numbers, each at least `least`."""

    def convert(value: Any) -> tuple[int, ...]:
        if not isinstance(value, (list, tuple)):
            raise ValueError(f"{value!r} is not a list of integers")
        numbers = tuple(to_int(item) for item in value)
        for item in numbers:
            if least is not None and item < least:
                raise ValueError(f"{item} is less than {least}")
            if abs(item) > MAX_DIM:
                raise ValueError(f"{item} is out of range")
        return numbers

    return _field(default, help, convert, "list of integers")


def optional_integers(help: str, default: tuple[int, ...] | None = None, *, least: int | None = None) -> Any:
    """A tuple of whole numbers or None."""

    def convert(value: Any) -> tuple[int, ...] | None:
        if value is None:
            return None
        numbers = tuple(to_int(item) for item in value)
        if least is not None and any(item < least for item in numbers):
            raise ValueError(f"{list(numbers)} has a number less than {least}")
        return numbers

    return _field(default, help, convert, "list of integers or none")


def numbers(help: str, default: Any = REQUIRED) -> Any:
    """A tuple of real numbers."""
    return _field(default, help, lambda v: tuple(to_float(item) for item in v), "list of numbers")


def pairs(help: str, default: Any = REQUIRED, *, least: int | None = 0) -> Any:
    """A tuple of (before, after) pairs, one an axis."""

    def convert(value: Any) -> tuple[tuple[int, int], ...]:
        made = tuple((to_int(before), to_int(after)) for before, after in value)
        if least is not None and any(end < least for pair in made for end in pair):
            raise ValueError(f"{[list(p) for p in made]} has a number less than {least}")
        return made

    return _field(default, help, convert, "list of pairs")


def choice(kind: type[Member], help: str, default: Any = REQUIRED) -> Any:
    """A member of an enumeration, given as the member or its value."""

    def convert(value: Any) -> Member:
        try:
            return value if isinstance(value, kind) else kind(str(value))
        except ValueError:
            raise ValueError(f"{value!r} is none of {', '.join(m.value for m in kind)}") from None

    return _field(default, help, convert, "one of " + ", ".join(m.value for m in kind))


def to_shape(value: Any) -> Shape:
    """A shape from a list of ints and Nones. Raises ValueError on negative or absurd dimensions."""
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"{value!r} is not a shape")
    shape = tuple(None if item is None else to_int(item) for item in value)
    if any(item is not None and not 0 <= item <= MAX_DIM for item in shape):
        raise ValueError(f"{list(shape)} has a dimension that is negative or too large")
    if len(shape) > 32:
        raise ValueError(f"{len(shape)} dimensions are more than the 32 that any framework has")
    return shape


def shape(help: str, default: Any = REQUIRED) -> Any:
    """A shape: a tuple of dimensions, each an int or None."""
    return _field(default, help, to_shape, "shape")


def optional_shape(help: str, default: Shape | None = None) -> Any:
    """A shape, or None when not even the rank is known."""
    return _field(default, help, lambda v: None if v is None else to_shape(v), "shape or none")


def shapes(help: str, default: Any = REQUIRED) -> Any:
    """A tuple of shapes, each possibly None (unknown rank)."""
    return _field(
        default, help, lambda v: tuple(None if s is None else to_shape(s) for s in v), "list of shapes"
    )


def dtype(help: str, default: Any = DType.FLOAT32) -> Any:
    """An element type."""
    return choice(DType, help, default)


def anything(help: str, convert: Callable[[Any], Any], kind: str, default: Any = REQUIRED) -> Any:
    """A field of a special type with its own converter."""
    return _field(default, help, convert, kind)
