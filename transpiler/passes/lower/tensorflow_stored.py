"""Tensors that nothing computes: constants, arrays that the file holds, variables, and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from transpiler.dialects.tensorflow.functions import MISSING, FlatNode, Tensor
from transpiler.dialects.tensorflow.graph_def import TensorProto, TensorShape, dtype_of
from transpiler.dialects.tensorflow.ops_table import VARIABLES
from transpiler.dialects.tensorflow.plain import attributes
from transpiler.ir import DType, LazyArray, Op, Origin, ParamUse, Shape, Value
from transpiler.ops.core import Constant, Opaque, Parameter
from transpiler.ops.fields import to_shape
from transpiler.passes.lower.tensorflow_static import Static

if TYPE_CHECKING:
    from transpiler.passes.lower.tensorflow_graph import GraphLowering

FLOATS: Final = (DType.FLOAT32, DType.FLOAT64, DType.FLOAT16, DType.BFLOAT16)


def late(lowering: GraphLowering, tensor: Tensor) -> Value:
    """The value of a tensor that no node of the network computes."""
    node = lowering.view.flat.nodes.get(tensor[0])
    static = lowering.static(tensor)
    if static is not None and static.known:
        made = _constant(lowering, tensor, static, node)
        if made is not None:
            return made
    if node is not None and node.op == "Const":
        return stored(lowering, node)
    if node is not None and (node.op in VARIABLES or node.get("dtype") == "DT_RESOURCE"):
        return _variable(lowering, node, tensor)
    missing = node or FlatNode(tensor[0] or MISSING, MISSING, (), {})
    op = Opaque(framework="tensorflow", type=missing.op)
    return lowering.emit(missing, op, (), "" if tensor[1] <= 0 else str(tensor[1]))[0]


def _constant(lowering: GraphLowering, tensor: Tensor, static: Static, node: FlatNode | None) -> Value | None:
    """Numbers as they are, unless they are a tensor of reals in the file: that is learned."""
    if node is not None and node.op == "Const" and static.dtype in FLOATS and static.array.ndim:
        return None
    numbers = [float(item) for item in static.numbers or ()]
    if len(set(map(repr, numbers))) == 1:
        numbers = numbers[:1]
    if not numbers:
        return None
    op = Constant(shape=static.array.shape, values=tuple(numbers), dtype=static.dtype)
    name = node.name if node is not None else tensor[0]
    return lowering.emit(FlatNode(name, "Const", (), {}, span=node.span if node else None), op, (), "")[0]


def stored(lowering: GraphLowering, node: FlatNode, *, wide: bool = False) -> Value:
    """An array that the file holds; `wide`: as 32-bit reals."""
    tensor = node.get("value")
    dims = tensor.shape.dims if isinstance(tensor, TensorProto) else None
    if not isinstance(tensor, TensorProto) or dims is None or None in dims:
        return lowering.emit(node, Opaque(framework="tensorflow", type="Const"), (), "")[0]
    dtype = dtype_of(tensor.dtype)
    if dtype is None:
        op: Op = Opaque(framework="tensorflow", type="Const", attributes=attributes(node.attrs))
        return lowering.emit(node, op, (), "")[0]
    sizes = tuple(size for size in dims if size is not None)
    load = tensor.load
    if wide:
        dtype, load = DType.FLOAT32, lambda: tensor.array().astype("f4")
    lowering.constants[node.name] = LazyArray(sizes, dtype, load)
    return parameter(lowering, node, node.name, sizes, dtype)


def _variable(lowering: GraphLowering, node: FlatNode, tensor: Tensor) -> Value:
    declared = node.get("shape") if node.op in VARIABLES else None
    dims = declared.dims if isinstance(declared, TensorShape) else None
    if node.op not in VARIABLES or not dims:
        dims = lowering.read_shapes.get(tensor, dims)
    dtype = dtype_of(node.get("dtype")) or DType.FLOAT32
    if dims is None:
        return lowering.emit(node, Opaque(framework="tensorflow", type=node.op), (), "")[0]
    return parameter(lowering, node, str(node.get("shared_name") or node.name), dims, dtype)


def parameter(lowering: GraphLowering, node: FlatNode, symbol: str, shape: Shape, dtype: DType) -> Value:
    try:
        op = Parameter(shape=to_shape(shape), dtype=dtype)
    except ValueError as error:
        lowering.sink.error("T3030", f"`{node.name}`: {error}", node.span)
        op = Parameter(shape=(), dtype=dtype)
    origin = Origin(node.name, node.op, node.span)
    made = lowering.builder.add(
        op,
        (),
        name=node.name,
        origin=origin,
        params=(ParamUse("value", symbol),),
        natives=(f"{node.name}:0",),
    )
    return made.result
