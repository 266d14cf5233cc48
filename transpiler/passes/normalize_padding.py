"""Padding made explicit: SAME becomes pairs, ceil-mode pooling becomes longer end padding wherever that is exact.

After this pass a window op says `Explicit` pairs or `Valid`, and rounds down, unless its input size is unknown, or
what hangs over the end must stay distinct from what is counted (average pooling that counts padding).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from transpiler.ir import Dim, Graph, Node, Op, Value
from transpiler.ir.rewriting import Rewriter, rewrite
from transpiler.ops.convolution import ConvTranspose, Windowed
from transpiler.ops.pooling import AveragePool, MaxPool, Pool
from transpiler.ops.recurrent_stack import ConvLSTM
from transpiler.ops.spatial import feature_map
from transpiler.ops.windows import (
    Explicit,
    Padding,
    Rounding,
    Same,
    Valid,
    explicit_pads,
    extent,
    overhang,
    resolve_pads,
)
from transpiler.passes.manager import EXPLICIT_PADDING, SHAPED, Context, Pass

AnyOp = TypeVar("AnyOp", bound=Op)


def pairs_or_valid(pads: tuple[tuple[int, int], ...]) -> Padding:
    """Explicit pairs, or Valid when all are zero: one spelling for one meaning."""
    return Explicit(pads) if any(end for pair in pads for end in pair) else Valid()


def explicit_op(op: Op, spatial: tuple[Dim, ...]) -> Op:
    """The same window op with explicit padding for these input sizes; unchanged where they are unknown."""
    if isinstance(op, ConvTranspose):
        return _transposed(op)
    if isinstance(op, Windowed):
        return _windowed(op, spatial)
    if isinstance(op, Pool):
        return _pool(op, spatial)
    return op


def _windowed(op: Windowed, spatial: tuple[Dim, ...]) -> Op:
    if isinstance(op.padding, Same):
        sizes = known(spatial)
        if sizes is None:
            return op
        pads = resolve_pads(sizes, op.kernel, op.strides, op.dilations, op.padding)
    else:
        pads = explicit_pads(op.padding, op.rank)
    return evolve(op, padding=pairs_or_valid(pads))


def _transposed(op: ConvTranspose) -> Op:
    crops = []
    extra = []
    same = isinstance(op.padding, Same) and not any(op.output_padding)
    rows = zip(op.crops, op.output_padding, op.kernel, op.strides, op.dilations, strict=True)
    for (before, after), given, k, s, d in rows:
        more = max(s - extent(k, d), 0) if same else given
        taken = min(after, more)
        crops.append((before, after - taken))
        extra.append(more - taken)
    return evolve(op, padding=pairs_or_valid(tuple(crops)), output_padding=tuple(extra))


def _pool(op: Pool, spatial: tuple[Dim, ...]) -> Op:
    sizes = known(spatial)
    if sizes is None:
        return op
    pads = resolve_pads(sizes, op.kernel, op.strides, op.dilations, op.padding)
    counts = [count or 0 for count in op.outputs(sizes)]
    rows = zip(sizes, counts, op.kernel, op.strides, op.dilations, pads, strict=True)
    over = [overhang(*row) for row in rows]
    counted = isinstance(op, AveragePool) and op.count_padding and any(end for pair in pads for end in pair)
    if not isinstance(op, (MaxPool, AveragePool)) or (counted and any(over)):
        return evolve(op, padding=pairs_or_valid(pads))
    rows = zip(sizes, counts, op.kernel, op.strides, op.dilations, pads, strict=True)
    ends = tuple((pad[0], _end(size, count, k, s, d, pad)) for size, count, k, s, d, pad in rows)
    changes: dict[str, object] = {"padding": pairs_or_valid(ends), "rounding": Rounding.FLOOR}
    if isinstance(op, AveragePool) and not counted:
        changes["count_padding"] = False
    return evolve(op, **changes)


def _end(size: int, count: int, kernel: int, stride: int, dilation: int, pads: tuple[int, int]) -> int:
    """The end padding under which rounding down gives exactly `count` windows."""
    needed = (count - 1) * stride + extent(kernel, dilation) - size - pads[0]
    spare = size + sum(pads) - extent(kernel, dilation) - (count - 1) * stride
    return pads[1] if 0 <= spare < stride else max(needed, 0)


def known(spatial: tuple[Dim, ...]) -> tuple[int, ...] | None:
    """The sizes if all are known."""
    sizes = tuple(size for size in spatial if size is not None)
    return sizes if len(sizes) == len(spatial) else None


def evolve(op: AnyOp, **changes: object) -> AnyOp:
    """`op` with some fields changed; the same object when nothing differs."""
    if all(getattr(op, name) == value for name, value in changes.items()):
        return op
    made = op.evolve(**changes)
    return op if made == op else made


def _normalize(graph: Graph, context: Context) -> Graph:
    def rule(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
        if not isinstance(node.op, (Windowed, Pool)) or isinstance(node.op, ConvLSTM):
            return None  # a window with a time axis before it keeps what its layer says
        shape = node.operands[0].type.shape
        if shape is None:
            return None
        if isinstance(node.op, ConvLSTM):
            shape = (shape[0], *shape[2:])  # without the axis of time
        op = explicit_op(node.op, feature_map(shape, node.op.data_format, node.op.rank).spatial)
        return None if op is node.op else rewriter.swap(node, op)

    return rewrite(graph, rule)


NORMALIZE_PADDING = Pass(
    "normalize_padding", _normalize, requires=frozenset({SHAPED}), provides=frozenset({EXPLICIT_PADDING})
)
