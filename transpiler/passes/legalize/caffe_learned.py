"""Normalizations and constants for Caffe."""

from __future__ import annotations

import math
from collections.abc import Sequence

from transpiler.dialects.rows import Refusal
from transpiler.ir import Node, Op, Value
from transpiler.ir.attributes import Attr
from transpiler.ir.rewriting import Rewriter
from transpiler.ops.activation import Affine, Power
from transpiler.ops.normalization import LRN, MVN, BatchNorm, Bias, L2Normalize, LayerNorm, Scale
from transpiler.ops.preprocessing import LEAST_DEVIATION, Standardize
from transpiler.ops.reduction import Reducer, ReduceTail
from transpiler.ops.shape import Concat, Reshape, Split, Transpose
from transpiler.ops.spatial import axis_of
from transpiler.ops.wrappers import Bidirectional
from transpiler.passes.beside import Beside

Made = Sequence[Value] | Refusal | None


def batch_norm(node: Node, rewriter: Rewriter) -> Made:
    """Statistics in BatchNorm, gamma and beta in a Scale behind it, beta alone in a Bias (trap 5)."""
    op, rank = node.op, node.operands[0].type.rank
    assert isinstance(op, BatchNorm)
    axis = axis_of(op.axis, rank) if rank is not None else op.axis
    if axis != 1:
        return _around_axis(node, rewriter, op, axis)
    plain = op.evolve(axis=1, scale=False, center=False)
    if not (op.scale or op.center):
        return None if plain == op else rewriter.swap(node, plain)
    steps = Beside(node, rewriter)
    statistics = [node.param("mean"), node.param("variance")]
    normalized = steps.add("normalized", plain, *node.operands, params=statistics)
    second: Op = Scale(axis=1, bias=op.center) if op.scale else Bias(axis=1)
    return steps.finish(second, normalized, params=[node.param(role) for role in second.roles])


def _around_axis(node: Node, rewriter: Rewriter, op: BatchNorm, axis: int) -> Made:
    """The channels brought to axis 1, normalized, and brought back."""
    rank = node.operands[0].type.rank
    if rank is None or rank < 2:
        return Refusal(f"Caffe's BatchNorm normalizes axis 1, not axis {op.axis}")
    steps = Beside(node, rewriter)
    view = steps.add("there", Transpose(axes=_moved(rank, axis, 1)), *node.operands)
    inner = steps.add("batch_norm", op.evolve(axis=1), view, params=[node.param(role) for role in op.roles])
    return steps.finish(Transpose(axes=_moved(rank, 1, axis)), inner, params=())


def _moved(rank: int, source: int, target: int) -> tuple[int, ...]:
    """The order of axes that brings one axis to another place."""
    order = [axis for axis in range(rank) if axis != source]
    order.insert(target, source)
    return tuple(order)


def layer_norm(node: Node, rewriter: Rewriter) -> Made:
    """Caffe's MVN adds its epsilon elsewhere: so only the mean by MVN, and the deviation written out."""
    op, shape = node.op, node.operands[0].type.shape
    assert isinstance(op, LayerNorm)
    if shape is None or None in shape:
        return Refusal("the shape of its input is unknown", "give the input shape")
    rank = len(shape)
    axes = [axis_of(axis, rank) for axis in op.axes]
    if axes != list(range(rank - len(axes), rank)):
        return _around_tail(node, rewriter, op, axes)
    sizes = tuple(size or 0 for size in shape)
    inner = math.prod(sizes[rank - len(axes) :])
    steps = Beside(node, rewriter)
    rows = steps.add("rows", Reshape(target=(math.prod(sizes) // inner, inner)), *node.operands)
    centred = rows if op.rms else steps.add("centred", MVN(axes=(1,), normalize_variance=False), rows)
    squares = ReduceTail(reducer=Reducer.SQUARE_SUM, axis=1, factor=1 / inner)
    variance = steps.add("variance", squares, centred)
    inverse = steps.add("inverse", Power(power=-0.5, shift=op.epsilon), variance)
    scaled = steps.add("normalized", Scale(axis=0, learned=False), centred, inverse)
    if not (op.scale or op.center):
        return steps.finish(Reshape(target=sizes), scaled)
    view = steps.add("view", Reshape(target=sizes), scaled)
    first, count = rank - len(axes), len(axes)
    scale, bias = Scale(axis=first, num_axes=count, bias=op.center), Bias(axis=first, num_axes=count)
    second: Op = scale if op.scale else bias
    return steps.finish(second, view, params=[node.param(role) for role in second.roles])


def _around_tail(node: Node, rewriter: Rewriter, op: LayerNorm, axes: list[int]) -> Made:
    """The normalized axes brought behind all others, and back."""
    rank = node.operands[0].type.rank or 0
    rest = [axis for axis in range(rank) if axis not in axes]
    there = (*rest, *axes)
    steps = Beside(node, rewriter)
    view = steps.add("there", Transpose(axes=there), *node.operands)
    tail = op.evolve(axes=tuple(range(len(rest), rank)))
    inner = steps.add("layer_norm", tail, view, params=[node.param(role) for role in op.roles])
    back = tuple(there.index(axis) for axis in range(rank))
    return steps.finish(Transpose(axes=back), inner, params=())


def lrn(node: Node, rewriter: Rewriter) -> Made:
    op, rank = node.op, node.operands[0].type.rank
    assert isinstance(op, LRN)
    if op.size % 2 == 0:
        return Refusal(f"Caffe's LRN needs an odd number of neighbours, not {op.size}")
    if rank is not None and axis_of(op.axis, rank) == 1 and op.axis != 1:
        return rewriter.swap(node, op.evolve(axis=1))
    return None


def l2_normalize(node: Node, rewriter: Rewriter) -> Made:
    """The length of each example by a Reduction, its inverse as the factor of a Scale."""
    op, rank = node.op, node.operands[0].type.rank
    assert isinstance(op, L2Normalize)
    if rank is None or op.scale or sorted(axis_of(a, rank) for a in op.axes) != list(range(1, rank)):
        return Refusal("Caffe can only normalize each example as a whole to length 1")
    steps = Beside(node, rewriter)
    squares = steps.add("squares", ReduceTail(reducer=Reducer.SQUARE_SUM, axis=1), *node.operands)
    inverse = steps.add("inverse", Power(power=-0.5, shift=op.epsilon), squares)
    return steps.finish(Scale(axis=0, learned=False), *node.operands, inverse)


MOST_CHANNELS = 16
"""More than pictures have, whose channels are standardized one by one."""


def standardize(node: Node, rewriter: Rewriter) -> Made:
    """Fixed numbers are a line for each channel."""
    op, (x,) = node.op, node.operands
    assert isinstance(op, Standardize)
    if op.mean is None:
        return Refusal(
            f"Caffe has no layer that divides by a learned deviation, but at least by {LEAST_DEVIATION}"
        )
    means, variances = _row(op.mean), _row(op.variance)
    if means is None or variances is None or len(means) != len(variances):
        return Refusal("its numbers are not one for each channel")
    lines = [
        _line(m, max(math.sqrt(v), LEAST_DEVIATION), op.invert) for m, v in zip(means, variances, strict=True)
    ]
    if len(lines) == 1:
        return rewriter.swap(node, lines[0])
    shape = x.type.shape
    if shape is None or len(op.axes) != 1 or shape[axis_of(op.axes[0], len(shape))] != len(lines):
        return Refusal("its numbers are not one for each channel")
    if len(lines) > MOST_CHANNELS:
        return Refusal(f"each of its {len(lines)} channels would need a layer")
    steps, axis = Beside(node, rewriter), axis_of(op.axes[0], len(shape))
    parts = steps.add_node("channels", _singly(axis, len(lines)), x).results
    made = [
        steps.add(f"channel{i}", line, part) for i, (line, part) in enumerate(zip(lines, parts, strict=True))
    ]
    return steps.finish(Concat(axis=axis), *made)


def _singly(axis: int, count: int) -> Split:
    return Split(axis=axis, count=count, points=tuple(range(1, count)))


def _row(numbers: Attr) -> list[float] | None:
    """The numbers of a list without lists in it, or the only one."""
    row = list(numbers) if isinstance(numbers, (list, tuple)) else [numbers]
    found = [float(item) for item in row if isinstance(item, (int, float))]
    return found if len(found) == len(row) else None


def _line(mean: float, deviation: float, invert: bool) -> Affine:
    return (
        Affine(scale=deviation, shift=mean)
        if invert
        else Affine(scale=1 / deviation, shift=-mean / deviation)
    )


def divided_otherwise(node: Node, rewriter: Rewriter) -> Made:
    """MVN adds epsilon to the deviation."""
    return Refusal(f"Caffe's MVN adds its epsilon to the standard deviation, {node.op.name} to the variance")


_WHY_NOT_RECURRENT = {
    "lstm": "Caffe's LSTM keeps its gates in another order, in which one array cannot be stored for both",
    "simple_rnn": "Caffe's RNN puts a further layer and tanh behind every step",
    "gru": "Caffe has no gated recurrent unit",
}


def recurrent(node: Node, rewriter: Rewriter) -> Made:
    """Layers that read the batch first: Caffe's own read time first and differ in more than that."""
    inner = node.op.forward if isinstance(node.op, Bidirectional) else node.op
    return Refusal(_WHY_NOT_RECURRENT.get(inner.name, f"Caffe has no layer for {inner.name}"))
