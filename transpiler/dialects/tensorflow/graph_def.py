"""A graph as TensorFlow describes it, as plain records: nodes, attribute values, tensors, functions, signatures.

What must not be here: text, the wire format, and what any op means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import msgspec
import numpy as np

from transpiler.diagnostics import Span
from transpiler.ir.types import DType, Shape

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]


class DataType(str):
    """The name of an element type, as `DT_FLOAT`."""

    __slots__ = ()

    @property
    def value(self) -> str:
        """The type of the elements, also for a reference to a variable."""
        return self.removesuffix("_REF")


class TensorShape(msgspec.Struct, frozen=True):
    """Sizes, None where unknown; `dims` None when not even the rank is known."""

    dims: Shape | None = None


class TensorProto(msgspec.Struct, frozen=True, eq=False):
    """A constant tensor. `array()` decodes it; raises ValueError when its elements do not fit its shape."""

    dtype: DataType
    shape: TensorShape
    load: Callable[[], Array]

    def array(self) -> Array:
        return self.load()


class FunctionRef(msgspec.Struct, frozen=True):
    """A function named by an attribute."""

    name: str


AttrValue: TypeAlias = (
    bool | int | float | str | DataType | TensorShape | TensorProto | FunctionRef | tuple["AttrValue", ...]
)


class NodeDef(msgspec.Struct, frozen=True, eq=False):
    """One node. Inputs are written as in the file: `node`, `node:1`, `^node` (control)."""

    name: str
    op: str
    inputs: tuple[str, ...] = ()
    attrs: Mapping[str, AttrValue] = msgspec.field(default_factory=dict)
    span: Span | None = None

    def get(self, key: str, default: Any = None) -> Any:
        """The value of an attribute."""
        return self.attrs.get(key, default)


class ArgDef(msgspec.Struct, frozen=True, eq=False):
    """An argument or a result of a function. `handle` is the shape of the variable that a resource stands for."""

    name: str
    type: DataType
    shape: TensorShape = TensorShape()
    handle: TensorShape | None = None
    number_attr: str = ""


class FunctionDef(msgspec.Struct, frozen=True, eq=False):
    """A function: nodes over its arguments. `returns` maps a result's name to a tensor inside."""

    name: str
    inputs: tuple[ArgDef, ...]
    outputs: tuple[ArgDef, ...]
    nodes: tuple[NodeDef, ...]
    returns: Mapping[str, str]
    span: Span | None = None


class Signature(msgspec.Struct, frozen=True):
    """What a graph offers to callers: name -> tensor."""

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]


class GraphDef(msgspec.Struct, frozen=True, eq=False):
    """A graph with its functions, and the signatures of the file around it."""

    nodes: tuple[NodeDef, ...]
    functions: Mapping[str, FunctionDef] = msgspec.field(default_factory=dict)
    signatures: Mapping[str, Signature] = msgspec.field(default_factory=dict)
    producer: int = 0
    """The version of TensorFlow's graph format that wrote it; 0 if the file does not say."""
    span: Span | None = None


DTYPES: Mapping[str, DType] = {
    "DT_FLOAT": DType.FLOAT32,
    "DT_HALF": DType.FLOAT16,
    "DT_BFLOAT16": DType.BFLOAT16,
    "DT_DOUBLE": DType.FLOAT64,
    "DT_INT8": DType.INT8,
    "DT_INT16": DType.INT16,
    "DT_INT32": DType.INT32,
    "DT_INT64": DType.INT64,
    "DT_UINT8": DType.UINT8,
    "DT_BOOL": DType.BOOL,
    "DT_STRING": DType.STRING,
}
"""TensorFlow's element types that the IR has."""


def dtype_of(name: object) -> DType | None:
    """The element type of a name such as `DT_FLOAT` or `DT_FLOAT_REF`; None if the IR has none, or it is no name."""
    return DTYPES.get(name.removesuffix("_REF")) if isinstance(name, str) else None
