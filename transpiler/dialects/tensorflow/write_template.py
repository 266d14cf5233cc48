"""How one node of the IR is said in GraphDef: a short list of TensorFlow ops, without its place in a graph."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from transpiler.dialects.rows import Array
from transpiler.ir import DType, Shape


@attrs.frozen
class Dims:
    """A shape as an attribute."""

    shape: Shape | None


@attrs.frozen
class Numbers:
    """A tensor of fixed numbers as an attribute; a single number fills it."""

    dtype: DType
    shape: tuple[int, ...]
    values: tuple[float | int | bool, ...]


@attrs.frozen
class TypeName:
    """An element type that the IR does not have, by TensorFlow's name."""

    name: str


AttrValue = bool | int | float | str | DType | TypeName | Dims | Numbers | tuple[int, ...] | tuple[Dims, ...]
"""The value of one attribute of a TensorFlow op."""


@attrs.frozen
class Operand:
    """The node's operand of that number."""

    index: int


@attrs.frozen
class Variable:
    """The handle of the variable that holds the learned array of this role."""

    role: str


@attrs.frozen
class Made:
    """Output `output` of the step of that name."""

    step: str
    output: int = 0


Source = Operand | Variable | Made


@attrs.frozen
class Step:
    """One TensorFlow op. `name` is relative to the layer's scope; "" is the node's own name."""

    name: str
    op: str
    inputs: tuple[Source, ...]
    attributes: Mapping[str, AttrValue]


@attrs.frozen
class Template:
    """What a node becomes: its steps in order, which tensors are its results, and how its learned arrays lie."""

    steps: tuple[Step, ...]
    results: tuple[Source, ...]
    arrays: tuple[Array, ...] = ()
    shapes: Mapping[str, tuple[int, ...]] = attrs.field(factory=dict)
    """Role -> the shape of the array as it is stored."""
    dtypes: Mapping[str, DType] = attrs.field(factory=dict)
    """Role -> the element type of the array as it is stored."""
