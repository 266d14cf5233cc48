"""What ops infer, remembered: ops and types are values, and networks repeat themselves.

The answers depend on nothing else, so they hold across graphs, versions of a graph, and runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from transpiler.ir.graph import Value
from transpiler.ir.op import Op, ParamSpec
from transpiler.ir.types import TensorType

MOST_KEPT: Final = 1 << 14
"""How many answers are kept; those asked for least recently are forgotten."""

Types = tuple[TensorType, ...]


def types_of(values: Iterable[Value]) -> Types:
    """The types of values, in order."""
    return tuple([value.type for value in values])


def infer_types(op: Op, operands: Types) -> Types:
    """As `op.infer`: the result types of an op from its operands' types. Raises ShapeError on nonsense."""
    if not op.remembered:
        return tuple(op.infer(operands))
    try:
        return _types(op, operands)
    except TypeError:  # a field that has no hash
        return tuple(op.infer(operands))


def infer_params(op: Op, operands: Types) -> Mapping[str, ParamSpec]:
    """As `op.params`: role -> learned array. Raises ShapeError on nonsense. The answer is shared: do not change it."""
    if not op.remembered:
        return op.params(operands)
    try:
        return _params(op, operands)
    except TypeError:
        return op.params(operands)


@lru_cache(MOST_KEPT)
def _types(op: Op, operands: Types) -> Types:
    return tuple(op.infer(operands))


@lru_cache(MOST_KEPT)
def _params(op: Op, operands: Types) -> Mapping[str, ParamSpec]:
    return op.params(operands)
