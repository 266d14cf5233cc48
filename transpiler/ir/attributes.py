"""Plain data that the graph carries: values of op fields in the text form, and `extras`.

Extras hold native fields that no op models (fillers, learning rates, initializers). They are plain so that
they can be compared, printed and read back. An unquoted identifier of a notation is a `Symbol`.
"""

from __future__ import annotations

import enum
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, TypeAlias, Union

from transpiler.syntax.symbol import Symbol

Attr: TypeAlias = Union[None, bool, int, float, str, Symbol, "Sequence[Attr]", "Mapping[str, Attr]"]
"""JSON-like data plus `Symbol`. Sequences are lists or tuples, compared alike by `same`."""

Extras: TypeAlias = Mapping[str, Mapping[str, Attr]]
"""Framework name -> field -> data."""

NO_EXTRAS: Extras = {}

_ATOMS = frozenset({type(None), bool, int, float, str})


def same(left: Attr, right: Attr) -> bool:
    """Structural equality that tells 1 from True and 1 from 1.0, and treats NaN as equal to itself."""
    if type(left) is type(right) and type(left) in _ATOMS:
        return left == right or (left != left and right != right)
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if type(left) is not type(right):
        return False
    return left == right or (left != left and right != right)


def exactly(value: Any) -> Hashable:
    """A key that plain data share only if they are alike to the last bit: types, order of fields, signs of zeros.

    Raises TypeError for what is no plain data, an enumeration or bytes.
    """
    kind = type(value)
    if kind is str or kind is bool or value is None:
        atom: Hashable = value
        return atom
    if kind is float:
        return (float, repr(value))
    if kind is list or kind is tuple:
        return (kind, *map(exactly, value))
    if isinstance(value, (int, str, bytes, enum.Enum)):
        return (kind, value)
    if isinstance(value, Mapping):
        return (dict, *value, *map(exactly, value.values()))
    raise TypeError(f"not plain data: {value!r}")
