"""Convolutions in groups, written as one convolution for each: parts of x, parts of the kernel, the results joined."""

from __future__ import annotations

from collections.abc import Sequence

from transpiler.ir import Node, Op, ParamUse, Value
from transpiler.ops.core import Parameter
from transpiler.ops.functional import FunctionalConv, FunctionalConvTranspose
from transpiler.ops.shape import Concat, ExpandDims, Split
from transpiler.passes.raise_layers.engine import Found, Make, Pattern, Walk, replace
from transpiler.passes.raise_layers.learned import convolution, transposed

Built = Sequence[Value] | None


def _grouped(found: Found) -> Built:
    """Obligations: part i meets part i in the same convolution, all parts are there in order, nothing else reads them.

    Axes: x is split and the results are joined along the channels; the kernel is split along its filters, or along its
    channels in a transposed convolution.
    """
    walk, operands = found.walk, found.node.operands
    made = [walk.producer(value) for value in operands]
    nodes = [node for node in made if node is not None]
    op = nodes[0].op if nodes else None
    if not isinstance(op, (FunctionalConv, FunctionalConvTranspose)) or len(nodes) < len(operands):
        return None
    if any(node.op != op or not walk.single(node.result) for node in nodes):
        return None
    x, kernel = (_parts(walk, [node.operands[i] for node in nodes]) for i in (0, 1))
    if x is None or kernel is None:
        return None
    channels, rank = op.data_format.axis(op.rank + 2), op.rank + 2
    split = rank - 1
    if x[1] != channels or kernel[1] != split or _axis(found.node.op, rank) != channels:
        return None
    layer = _layer(walk, op, x[0], kernel[0], len(nodes))
    if layer is None:
        return None
    parameter = walk.parameter(kernel[0])
    assert parameter is not None
    use = ParamUse("kernel", parameter.param("value").symbol)
    return replace(found, layer, x[0], params=(use,))


def _layer(
    walk: Walk, op: FunctionalConv | FunctionalConvTranspose, x: Value, kernel: Value, groups: int
) -> Op | None:
    parameter, sizes = walk.producer(kernel), kernel.type.shape
    if (
        parameter is None
        or not isinstance(parameter.op, (Parameter, ExpandDims))
        or sizes is None
        or None in sizes
    ):
        return None
    known = tuple(size for size in sizes if size is not None)
    if isinstance(op, FunctionalConvTranspose):
        return transposed(op, x.type.shape, known, groups)
    made = convolution(op, x.type.shape, known)
    return made if made is not None and made.groups == groups else None


def _parts(walk: Walk, values: Sequence[Value]) -> tuple[Value, int] | None:
    """What the values are the equal parts of, in order, and the axis; None if they are not, or used elsewhere."""
    node: Node | None = walk.producer(values[0])
    if node is None or not isinstance(node.op, Split) or node.op.points or tuple(values) != node.results:
        return None
    rank = node.operands[0].type.rank
    if rank is None or not all(map(walk.single, values)):
        return None
    return node.operands[0], node.op.axis % rank


def _axis(op: Op, rank: int) -> int:
    assert isinstance(op, Concat)
    return op.axis % rank


PATTERNS = (Pattern("convolution in groups", Make(Concat), _grouped),)
