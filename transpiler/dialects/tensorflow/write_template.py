"""How one node of the IR is said in GraphDef: a short list of TensorFlow ops, without its place in a graph."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from transpiler.dialects.rows import Array
from transpiler.ir import DType, Shape


class Dims(msgspec.Struct, frozen=True):
    """A shape as an attribute."""

    shape: Shape | None


class Numbers(msgspec.Struct, frozen=True):
    """A tensor of fixed numbers as an attribute; a single number fills it."""

    dtype: DType
    shape: tuple[int, ...]
    values: tuple[float | int | bool, ...]


class TypeName(msgspec.Struct, frozen=True):
    """An element type that the IR does not have, by TensorFlow's name."""

    name: str


AttrValue = bool | int | float | str | DType | TypeName | Dims | Numbers | tuple[int, ...] | tuple[Dims, ...]
"""The value of one attribute of a TensorFlow op."""


class Operand(msgspec.Struct, frozen=True):
    """The node's operand of that number."""

    index: int


class Variable(msgspec.Struct, frozen=True):
    """The handle of the variable that holds the learned array of this role."""

    role: str


class Made(msgspec.Struct, frozen=True):
    """Output `output` of the step of that name."""

    step: str
    output: int = 0


Source = Operand | Variable | Made


class Step(msgspec.Struct, frozen=True):
    """One TensorFlow op. `name` is relative to the layer's scope; "" is the node's own name."""

    name: str
    op: str
    inputs: tuple[Source, ...]
    attributes: Mapping[str, AttrValue]


class Template(msgspec.Struct, frozen=True):
    """What a node becomes: its steps in order, which tensors are its results, and how its learned arrays lie."""

    steps: tuple[Step, ...]
    results: tuple[Source, ...]
    arrays: tuple[Array, ...] = ()
    shapes: Mapping[str, tuple[int, ...]] = msgspec.field(default_factory=dict)
    """Role -> the shape of the array as it is stored."""
    dtypes: Mapping[str, DType] = msgspec.field(default_factory=dict)
    """Role -> the element type of the array as it is stored."""
