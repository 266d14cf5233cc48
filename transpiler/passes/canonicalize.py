"""Ops that exist for one framework's convenience are written with those that all have.

Runs for targets other than the source's own framework, before the data format changes. Each rule is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from transpiler.ir import Graph, Node, Op, Value
from transpiler.ir.rewriting import Rewriter, rewrite
from transpiler.ops.activation import Affine, Identity, Power
from transpiler.ops.core import Input, Parameter
from transpiler.ops.elementwise import Add, Axpy, Multiply
from transpiler.ops.normalization import BatchNorm, Bias, Scale
from transpiler.ops.pooling import (
    AveragePool,
    GlobalAveragePool,
    GlobalMaxPool,
    MaxPool,
    Pooling,
    SpatialPyramidPool,
)
from transpiler.ops.reduction import Reduce, ReduceTail
from transpiler.ops.shape import Concat, Copies, Crop, CropLike, Flatten, Reshape, Slice
from transpiler.ops.spatial import axis_of
from transpiler.ops.windows import Explicit, Rounding
from transpiler.passes.beside import Beside
from transpiler.passes.manager import SHAPED, Context, Pass
from transpiler.passes.trail import Moved


def _copies(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    del rewriter
    return (node.operands[0],) * len(node.results)


def _single(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """A sum or product of one tensor is that tensor."""
    factor = node.op.coefficients[0] if isinstance(node.op, Add) and node.op.coefficients else 1.0
    if len(node.operands) != 1:
        return None
    return rewriter.swap(node, Identity() if factor == 1.0 else Affine(scale=factor))


def weighted_sum(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """Coefficients become factors in front."""
    op = node.op
    if not isinstance(op, Add) or len(node.operands) == 1:
        return _single(node, rewriter)
    if not op.coefficients:
        return None
    terms = []
    for i, (value, factor) in enumerate(zip(node.operands, op.coefficients, strict=True)):
        scaled = (
            Beside(node, rewriter).add(f"term{i}", Affine(scale=factor), value) if factor != 1.0 else value
        )
        terms.append(scaled)
    return rewriter.swap(node, Add(), terms)


def _crop_like(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """With known sizes, a crop by reference is a crop by numbers."""
    op = node.op
    source, result = node.operands[0].type.shape, node.results[0].type.shape
    if not isinstance(op, CropLike) or source is None or result is None:
        return None
    start = axis_of(op.axis, len(source))
    cuts = {}
    for axis in range(start, len(source)):
        have, want, offset = source[axis], result[axis], op.offset(axis - start)
        if have is None or want is None:
            return None
        if have != want:
            cuts[axis] = (offset, have - want - offset)
    if not cuts:
        return rewriter.swap(node, Identity(), node.operands[:1])
    if len(source) > 2 and all(axis >= 2 for axis in cuts):
        crops = tuple(cuts.get(axis, (0, 0)) for axis in range(2, len(source)))
        return rewriter.swap(node, Crop(crops=crops), node.operands[:1])
    begins = tuple(before for before, _ in cuts.values())
    ends = tuple((source[axis] or 0) - after for axis, (_, after) in cuts.items())
    return rewriter.swap(node, Slice(axes=tuple(cuts), begins=begins, ends=ends), node.operands[:1])


def _two_operands(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """A factor or summand that is an operand: given all axes, it broadcasts."""
    op = node.op
    if not isinstance(op, (Scale, Bias)) or op.learned:
        return None
    x, other = node.operands
    if x.type.shape is None or other.type.shape is None:
        return None
    rank, span = len(x.type.shape), len(other.type.shape)
    start = axis_of(op.axis, rank) if span else 0
    target = (1,) * start + (0,) * span + (1,) * (rank - start - span)
    if span and (start or rank > span):
        if start == 0:
            view: Op = Reshape(target=(*(0,) * span, *(1,) * (rank - span)))
        else:
            view = Reshape(
                target=tuple(
                    1 if size == 1 else (d if d is not None else -1)
                    for size, d in _sizes(target, other, start)
                )
            )
        other = Beside(node, rewriter).add("factor", view, other)
    combined: Op = Multiply() if isinstance(op, Scale) else Add()
    if isinstance(op, Scale) and op.bias:
        scaled = Beside(node, rewriter).add("scaled", combined, x, other)
        bias = Bias(axis=op.axis, num_axes=span)
        return rewriter.swap(node, bias, (scaled,))
    return rewriter.swap(node, combined, (x, other))


def _sizes(target: tuple[int, ...], other: Value, start: int) -> list[tuple[int, int | None]]:
    shape = other.type.shape or ()
    return [(size, shape[i - start] if size == 0 else 1) for i, size in enumerate(target)]


def _axpy(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """a * x + y, with one factor for each channel."""
    a, x, y = node.operands
    rank, factor = x.type.rank, a.type.rank
    if rank is None or factor is None:
        return None
    if factor < rank:
        view = Reshape(target=(*(0,) * factor, *(1,) * (rank - factor)))
        a = Beside(node, rewriter).add("factor", view, a)
    return rewriter.swap(node, Add(), (Beside(node, rewriter).add("product", Multiply(), a, x), y))


def _reduce_tail(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    op, rank = node.op, node.operands[0].type.rank
    if not isinstance(op, ReduceTail) or rank is None:
        return None
    axes = tuple(range(axis_of(op.axis, rank), rank))
    return rewriter.swap(node, Reduce(reducer=op.reducer, axes=axes, factor=op.factor))


def _pyramid(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """Each level is a pooling with the window and padding that Caffe computes from the bins."""
    op, shape = node.op, node.operands[0].type.shape
    if not isinstance(op, SpatialPyramidPool) or shape is None or None in shape[2:]:
        return None
    parts = []
    for level in range(op.height):
        bins = 2**level
        kernel = tuple(-(-(size or 1) // bins) for size in shape[2:])
        pads = tuple((k * bins - (size or 1) + 1) // 2 for k, size in zip(kernel, shape[2:], strict=True))
        window: dict[str, Any] = {
            "kernel": kernel,
            "strides": kernel,
            "padding": Explicit(tuple((pad, pad) for pad in pads)),
            "rounding": Rounding.CEIL,
        }
        pool = MaxPool(**window) if op.pooling is Pooling.MAX else AveragePool(count_padding=True, **window)
        pooled = Beside(node, rewriter).add(f"pool{level}", pool, *node.operands)
        parts.append(Beside(node, rewriter).add(f"flatten{level}", Flatten(), pooled))
    return rewriter.swap(node, Concat(axis=1), parts)


def _power(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    op = node.op
    if isinstance(op, Power) and op.power == 1.0:
        return rewriter.swap(node, Affine(scale=op.scale, shift=op.shift))
    return None


def _full_window(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """A window that covers the whole unpadded map is global pooling."""
    op, shape = node.op, node.operands[0].type.shape
    if not isinstance(op, (MaxPool, AveragePool)) or shape is None or node.op.result_count != 1:
        return None
    spatial = shape[2:] if op.data_format.value == "channels_first" else shape[1:-1]
    padded = isinstance(op.padding, Explicit) and any(end for pair in op.padding.pads for end in pair)
    if spatial != op.kernel or padded or any(size != 1 for size in op.outputs(spatial)):
        return None
    kind = GlobalMaxPool if isinstance(op, MaxPool) else GlobalAveragePool
    return rewriter.swap(node, kind(keepdims=True, data_format=op.data_format))


RULES: dict[type[Op], Callable[[Node, Rewriter], Sequence[Value] | None]] = {
    Copies: _copies,
    Add: weighted_sum,
    Multiply: _single,
    Axpy: _axpy,
    CropLike: _crop_like,
    Scale: _two_operands,
    Bias: _two_operands,
    ReduceTail: _reduce_tail,
    SpatialPyramidPool: _pyramid,
    Power: _power,
}
"""Op class -> its rule."""


def _canonicalize(graph: Graph, context: Context) -> Graph:
    del context

    def rule(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
        wanted = RULES.get(type(node.op))
        return None if wanted is None else wanted(node, rewriter)

    return rewrite(_inputs_first(graph), rule)


def _inputs_first(graph: Graph) -> Graph:
    """Inputs before learned tensors, which targets without such tensors make from an input."""
    first = [node for node in graph.nodes if isinstance(node.op, Input)]
    if not any(isinstance(node.op, Parameter) for node in graph.nodes[: len(first)]):
        return graph
    rest = [node for node in graph.nodes if not isinstance(node.op, Input)]
    return msgspec.structs.replace(graph, nodes=(*first, *rest))


CANONICALIZE = Pass("canonicalize", _canonicalize, requires=frozenset({SHAPED}))


def _fuse_scale(graph: Graph, context: Context) -> Graph:
    """A normalization without gamma and beta followed by a learned scale of the same axis is one normalization."""
    second: dict[Value, Node] = {}
    for node in graph.nodes:
        if isinstance(node.op, Scale) and node.op.learned and node.op.num_axes == 1:
            producer = graph.producers[node.operands[0]]
            if _fusible(graph, producer, node, node.op):
                second[producer.result] = node
    if not second:
        return graph
    scaled = {node.result for node in second.values()}
    gone: dict[str, Moved | None] = {norm.name: None for norm in second}
    context.trail.note({**gone, **{scale.result.name: Moved(norm.name) for norm, scale in second.items()}})

    def rule(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
        if node.results and node.results[0] in scaled:
            return node.operands
        scale = second.get(node.results[0]) if node.results else None
        if scale is None or not isinstance(node.op, BatchNorm) or not isinstance(scale.op, Scale):
            return None
        op = node.op.evolve(scale=True, center=scale.op.bias)
        uses = {role: msgspec.structs.replace(scale.param(role), role=role) for role in scale.op.roles}
        uses.update({use.role: use for use in node.params})
        params = tuple(uses[role] for role in op.roles if role in uses)
        values = rewriter.swap(node, op, params=params)
        last = rewriter.nodes.pop()
        value = msgspec.structs.replace(values[0], native=scale.result.native)
        rewriter.nodes.append(msgspec.structs.replace(last, results=(value,)))
        return (value,)

    return rewrite(graph, rule)


def _fusible(graph: Graph, norm: Node, scale: Node, op: Scale) -> bool:
    if not isinstance(norm.op, BatchNorm) or norm.op.scale or norm.op.center:
        return False
    rank = norm.result.type.rank
    if rank is None or op.axis % rank != norm.op.axis % rank:
        return False
    return graph.uses.get(norm.result) == (scale,) and norm.result not in graph.output_set


FUSE_SCALE = Pass("fuse_scale", _fuse_scale, requires=frozenset({SHAPED}))
