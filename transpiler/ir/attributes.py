"""Plain data that the graph carries: values of op fields in the text form, and `extras`.

Extras hold native fields that no op models (fillers, learning rates, initializers). They are plain so that
they can be compared, printed and read back. An unquoted identifier of a notation is a `Symbol`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias, Union

from transpiler.syntax.symbol import Symbol

Attr: TypeAlias = Union[None, bool, int, float, str, Symbol, "Sequence[Attr]", "Mapping[str, Attr]"]
"""JSON-like data plus `Symbol`. Sequences are lists or tuples, compared alike by `same`."""

Extras: TypeAlias = Mapping[str, Mapping[str, Attr]]
"""Framework name -> field -> data."""

NO_EXTRAS: Extras = {}


def same(left: Attr, right: Attr) -> bool:
    """Structural equality that tells 1 from True and 1 from 1.0, and treats NaN as equal to itself."""
    if isinstance(left, Mapping) or isinstance(right, Mapping):
        if not (isinstance(left, Mapping) and isinstance(right, Mapping)) or left.keys() != right.keys():
            return False
        return all(same(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)) or isinstance(right, (list, tuple)):
        if not (isinstance(left, (list, tuple)) and isinstance(right, (list, tuple))):
            return False
        return len(left) == len(right) and all(map(same, left, right))
    if type(left) is not type(right):
        return False
    return left == right or (left != left and right != right)
