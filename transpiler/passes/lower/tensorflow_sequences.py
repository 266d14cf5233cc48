"""Arrays of tensors that loops read and write step by step: TensorArrays and lists of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from transpiler.dialects.tensorflow.functions import FlatNode, Tensor
from transpiler.ir import Value
from transpiler.ops import activation as act
from transpiler.ops.array import Flip
from transpiler.ops.dense import MatMul
from transpiler.ops.elementwise import Cast
from transpiler.ops.normalization import Bias
from transpiler.ops.shape import ExpandDims, Transpose
from transpiler.passes.lower.tensorflow_static import Size

if TYPE_CHECKING:
    from transpiler.passes.lower.tensorflow_graph import GraphLowering

READS: Final = frozenset({"TensorArrayReadV3", "TensorListGetItem"})
WRITES: Final = frozenset({"TensorArrayWriteV3", "TensorListSetItem"})
GATHERS: Final = frozenset({"TensorArrayGatherV3", "TensorListStack"})
_MAX_CHAIN: Final = 16


class Rows(msgspec.Struct, frozen=True):
    """What an array holds after its loop: the steps of a sequence, or (`once`) a single tensor."""

    value: Value
    time_major: bool = True
    once: bool = False


def spread(lowering: GraphLowering, read: FlatNode) -> Tensor | None:
    """The tensor whose slices along the first axis a loop's read reads, None if that is not how they came there."""
    view = lowering.view
    inputs = view.inputs(read)
    if read.op == "TensorListGetItem" and len(inputs) >= 2:
        node = view.node(inputs[0])
        return view.inputs(node)[0] if node is not None and node.op == "TensorListFromTensor" else None
    if read.op != "TensorArrayReadV3" or len(inputs) != 3:
        return None
    node = view.node(inputs[2])
    if node is None or node.op != "TensorArrayScatterV3" or len(node.inputs) != 4:
        return None
    handle, indices, value, _ = view.inputs(node)
    if handle != inputs[0] or value not in lowering.values:
        return None
    return value if range_over(lowering, indices, lowering.values[value]) else None


def range_over(lowering: GraphLowering, tensor: Tensor, x: Value) -> bool:
    """Whether a tensor holds 0, 1, … up to the size of x's first axis."""
    size = x.type.shape[0] if x.type.shape else None
    static = lowering.static(tensor)
    if static is not None and static.numbers is not None:
        return size is not None and static.numbers == list(range(size))
    node = lowering.view.node(tensor)
    if node is None or node.op != "Range" or len(node.inputs) != 3:
        return False
    start, limit, step = lowering.view.inputs(node)
    return lowering.number(start) == 0 and lowering.number(step) == 1 and same_size(lowering, limit, x)


def same_size(lowering: GraphLowering, tensor: Tensor, x: Value, depth: int = 0) -> bool:
    """Whether a number in the graph is the size of x's first axis."""
    static = lowering.static(tensor)
    if static is not None and static.array.size == 1:
        item = static.array.reshape(-1)[0]
        size = x.type.shape[0] if x.type.shape else None
        if isinstance(item, int):
            return item == size
        if isinstance(item, Size):
            return (
                size is None
                and item.factor == 1
                and [_root(lowering, *dim) for dim in item.dims] == [_root(lowering, x, 0)]
            )
    node = lowering.view.node(tensor)
    if node is None or depth > _MAX_CHAIN:
        return False
    inputs = lowering.view.inputs(node)
    if node.op == "Minimum" and len(inputs) == 2:  # min(T, max(1, T)), as dynamic_rnn says T
        return any(
            same_size(lowering, one, x, depth + 1) and _at_least(lowering, other, x)
            for one, other in (inputs, inputs[::-1])
        )
    return False


def _at_least(lowering: GraphLowering, tensor: Tensor, x: Value) -> bool:
    node = lowering.view.node(tensor)
    if node is not None and node.op == "Maximum":
        return any(same_size(lowering, one, x) for one in lowering.view.inputs(node))
    return same_size(lowering, tensor, x)


def _root(lowering: GraphLowering, value: Value, axis: int) -> tuple[Value, int]:
    """Where a size comes from, behind nodes that keep it."""
    for _ in range(_MAX_CHAIN):
        node = lowering.builder.producer(value)
        if node is None or not node.operands:
            break
        if isinstance(node.op, Transpose):
            axis = node.op.axes[axis]
        elif isinstance(node.op, MatMul):
            left, right = (value.type.rank for value in node.operands)
            if left is None or right != 2 or axis > left - 2 or node.op.transpose_a:
                break
        elif not isinstance(node.op, (Flip, Cast, Bias, act.Activation)):
            break
        value = node.operands[0]
    return value, axis


def gathered(lowering: GraphLowering, node: FlatNode, inputs: Sequence[Tensor]) -> Value | None:
    """What a node reads back of an array that a raised loop wrote; None if it is no such node."""
    if not inputs:
        return None
    rows = lowering.rows.get(inputs[0 if node.op == "TensorListStack" else -1])
    if rows is None:
        return None
    if rows.once:
        return lowering.emit(node, ExpandDims(axis=0), [rows.value], "")[0]
    if rows.time_major:
        return rows.value
    return lowering.emit(node, Transpose(axes=(1, 0, 2)), [rows.value], "")[0]


def reads_all(lowering: GraphLowering, node: FlatNode, inputs: Sequence[Tensor], x: Value | None) -> bool:
    """Whether a node reads all elements of an array in order, or only how many they are.

    The array has as many elements as x has steps; one, without x.
    """
    if node.op in ("TensorListStack", "TensorArraySizeV3", "TensorListLength"):
        return True
    if node.op != "TensorArrayGatherV3" or len(inputs) != 3:
        return False
    _, indices, flow = inputs
    static = lowering.static(indices)
    if static is not None and static.numbers is not None:
        size = 1 if x is None else x.type.shape[0] if x.type.shape else None
        return size is not None and static.numbers == list(range(size))
    made = lowering.view.node(indices)
    if made is None or made.op != "Range" or len(made.inputs) != 3:
        return False
    start, limit, step = lowering.view.inputs(made)
    if lowering.number(start) != 0 or lowering.number(step) != 1:
        return False
    length = lowering.view.node(limit)
    if length is not None and length.op == "TensorArraySizeV3":
        return lowering.view.inputs(length)[-1:] == (flow,)
    return lowering.number(limit) == 1 if x is None else same_size(lowering, limit, x)
