"""The graph every stage works on: types, operations, values, nodes, rewriting, verification, text.

This room knows neither what an operation means (see `transpiler.ops`) nor any framework.
"""

from transpiler.ir.arrays import LazyArray
from transpiler.ir.attributes import Attr, Extras
from transpiler.ir.graph import Graph, Module, Node, Origin, Value
from transpiler.ir.op import Op, ParamSpec, ShapeError
from transpiler.ir.parameters import Constant, Flip, ParamUse, Permute, Regroup, Relayout, Reshape, Take
from transpiler.ir.types import Dim, DType, Shape, TensorType

__all__ = [
    "Attr",
    "Constant",
    "DType",
    "Dim",
    "Extras",
    "Flip",
    "Graph",
    "LazyArray",
    "Module",
    "Node",
    "Op",
    "Origin",
    "ParamSpec",
    "ParamUse",
    "Permute",
    "Regroup",
    "Relayout",
    "Reshape",
    "Shape",
    "ShapeError",
    "Take",
    "TensorType",
    "Value",
]
