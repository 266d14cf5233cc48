"""What a file says of the shapes of its inputs and variables."""

from __future__ import annotations

from typing import Any, Final

from transpiler.dialects.tensorflow.functions import FlatNode, Tensor
from transpiler.dialects.tensorflow.graph_def import TensorShape, dtype_of
from transpiler.ir import DType, Shape
from transpiler.passes.lower.tensorflow_view import View

SHAPELESS: Final = 21
"""Up to this version of graphs, a placeholder of rank 0 is one of which no shape is known."""


def declared(node: FlatNode, i: int, producer: int) -> tuple[Shape | None, DType]:
    """Shape and element type of an input."""
    shapes = _listed(node.get("_output_shapes")) or _listed(node.get("output_shapes"))
    types = _listed(node.get("output_types")) or _listed(node.get("component_types"))
    dtype = dtype_of(types[i] if i < len(types) else node.get("dtype")) or DType.FLOAT32
    own = node.get("shape")
    if producer <= SHAPELESS and own == TensorShape(()):
        own = None
    if i < len(shapes) and isinstance(shapes[i], TensorShape) and shapes[i].dims is not None:
        return shapes[i].dims, dtype
    return (own.dims if isinstance(own, TensorShape) and i == 0 else None), dtype


def _listed(value: Any) -> tuple[Any, ...]:
    """The items of an attribute that should be a list; a damaged file may hold anything there."""
    return tuple(value) if isinstance(value, (list, tuple)) else ()


def read_shapes(view: View) -> dict[Tensor, Shape]:
    """The shapes of variables that only their readers or their functions tell."""
    found: dict[Tensor, Shape] = {}
    for tensor, shape in view.flat.handles.items():
        if shape.dims is not None:
            found.setdefault(view.resolve(tensor), shape.dims)
    for node in view.flat.nodes.values():
        shapes = _listed(node.get("_output_shapes"))
        if node.op in ("ReadVariableOp", "Identity", "VarHandleOp") and shapes and node.inputs:
            first = shapes[0]
            if isinstance(first, TensorShape) and first.dims is not None:
                found.setdefault(view.resolve((node.name, 0)), first.dims)
    return found
