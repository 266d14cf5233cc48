"""Pooling for Caffe: its padding, its rounding and its divisor, chosen so that every window holds the same elements."""

from __future__ import annotations

from collections.abc import Sequence

from transpiler.dialects.rows import Refusal
from transpiler.ir import Graph, Node, Value
from transpiler.ir.rewriting import Rewriter, rewrite
from transpiler.ops.activation import Affine, Power
from transpiler.ops.elementwise import Multiply
from transpiler.ops.pooling import (
    AveragePool,
    GlobalAveragePool,
    GlobalMaxPool,
    MaxPool,
    Pool,
    StochasticPool,
)
from transpiler.ops.shape import Flatten, Reshape
from transpiler.ops.windows import Explicit, Padding, Rounding, Same, Valid, explicit_pads, window_count
from transpiler.passes.beside import Beside
from transpiler.passes.legalize.caffe_cut import SIZE_UNKNOWN, keep_ranges, leading, spatial_sizes
from transpiler.passes.manager import SHAPED, Context, Pass
from transpiler.passes.normalize_padding import evolve, pairs_or_valid

Made = Sequence[Value] | Refusal | None


def pool(node: Node, rewriter: Rewriter) -> Made:
    """Pooling with Caffe's padding and rounding, and a cut where more windows than wanted lead."""
    op = node.op
    assert isinstance(op, (MaxPool, AveragePool, StochasticPool))
    if op.rank == 1:
        return _along_line(node, rewriter)
    spatial = spatial_sizes(node)
    if op.rank != 2:
        return Refusal(f"Caffe pools over 2 spatial axes, not {op.rank}")
    if spatial is None or isinstance(op.padding, Same):
        return SIZE_UNKNOWN if op.padding != Valid() else _counting_nothing(node, rewriter)
    found = _alike(op, spatial)
    if isinstance(found, Refusal):
        return found
    changed, shifts = found
    if changed == op:
        return None
    counts = [count or 0 for count in op.outputs(spatial)]
    rows = enumerate(zip(shifts, counts, strict=True), start=2)
    ranges = {axis: (m, m + count) for axis, (m, count) in rows}
    steps = Beside(node, rewriter)
    if _counts_nothing(op) and isinstance(changed.padding, Explicit):
        return (keep_ranges(steps, _corrected(steps, changed, node.operands[0]), ranges),)
    results = steps.finish(changed, *node.operands)
    return tuple(keep_ranges(steps, value, ranges) for value in results)


def _usual_rounding(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """Rounding up where it gives the same windows: Caffes older than `round_mode`, and OpenCV, know nothing else."""
    op = node.op
    if not isinstance(op, (MaxPool, AveragePool, StochasticPool)) or op.rounding is not Rounding.FLOOR:
        return None
    spatial = spatial_sizes(node)
    if "caffe" in node.extras or spatial is None or op.rank != 2:
        return None
    found = None if isinstance(op.padding, Same) else _alike(op, spatial)
    if found is None or isinstance(found, Refusal) or _counts_nothing(op) or any(found[1]):
        return None
    changed = found[0]
    same = changed.outputs(spatial) == op.outputs(spatial) and changed.rounding is Rounding.CEIL
    return rewriter.swap(node, changed) if same else None


def _round_as_usual(graph: Graph, context: Context) -> Graph:
    del context
    return rewrite(graph, _usual_rounding)


USUAL_ROUNDING = Pass("usual_rounding", _round_as_usual, requires=frozenset({SHAPED}))


def _corrected(steps: Beside, op: Pool, x: Value) -> Value:
    """An average that does not count padding: Caffe's average of x, over Caffe's average of ones in its place."""
    ones = steps.add("ones", Affine(scale=0.0, shift=1.0), x)
    share = steps.add("share", op, ones)
    mean = steps.add("mean", op, x)
    return steps.finish(Multiply(), mean, steps.add("divisor", Power(power=-1.0), share))[0]


def _counting_nothing(node: Node, rewriter: Rewriter) -> Made:
    """Without padding, whether it is counted makes no difference."""
    op = node.op
    if isinstance(op, AveragePool) and not op.count_padding and op.rounding is Rounding.FLOOR:
        return rewriter.swap(node, evolve(op, count_padding=True))
    return None


def _counts_nothing(op: Pool) -> bool:
    """Whether an average divides by the elements inside the image only."""
    return isinstance(op, AveragePool) and not op.count_padding


def _alike(op: Pool, spatial: tuple[int, ...]) -> tuple[Pool, tuple[int, ...]] | Refusal:
    """A pooling of Caffe whose windows hold the same elements, and how many of its windows lead.

    Caffe counts padding in an average's divisor, but not what lies beyond: an average that counts padding needs at
    least as much of it at both ends.
    """
    pads = explicit_pads(op.padding, op.rank)
    counts = tuple(count or 0 for count in op.outputs(spatial))
    counted = isinstance(op, AveragePool) and op.count_padding and any(end for pair in pads for end in pair)
    if counted and op.rounding is not Rounding.FLOOR:
        return Refusal(
            "its last window hangs over padding that differs at both ends, which Caffe divides otherwise"
        )
    rows = list(zip(spatial, counts, op.kernel, op.strides, pads, strict=True))
    if counted:
        shifts = tuple(
            leading(n, count, k, s, before, max(before, after)) for n, count, k, s, (before, after) in rows
        )
    else:  # the last window may hang over the end
        shifts = tuple(max(count - 1 + (k - n - 2 * before) // s, 0) for n, count, k, s, (before, _) in rows)
    sides = tuple(row[4][0] + m * row[3] for row, m in zip(rows, shifts, strict=True))
    if any(side >= kernel for side, kernel in zip(sides, op.kernel, strict=True)):
        return Refusal("Caffe's pooling needs padding that is smaller than the kernel")
    rounding = _rounding(op, spatial, sides, tuple(m + n for m, n in zip(shifts, counts, strict=True)))
    if rounding is None:
        return Refusal("Caffe rounds both axes alike, and no rounding gives these windows")
    padding = pairs_or_valid(tuple((side, side) for side in sides))
    changed = evolve(op, padding=padding, rounding=rounding)
    if isinstance(changed, AveragePool):
        changed = evolve(changed, count_padding=True)
    assert isinstance(changed, Pool)
    return changed, shifts


def _rounding(
    op: Pool, spatial: tuple[int, ...], sides: tuple[int, ...], needed: tuple[int, ...]
) -> Rounding | None:
    """The rounding that gives enough windows: exactly as many if one does, up before down (up needs no field)."""
    enough = []
    for rounding in (Rounding.CEIL, Rounding.FLOOR):
        clip = rounding is Rounding.CEIL and any(sides)
        rows = zip(spatial, op.kernel, op.strides, sides, strict=True)
        found = tuple(window_count(n, k, s, 1, (p, p), rounding, clip=clip) or 0 for n, k, s, p in rows)
        if found == needed:
            return rounding
        if all(have >= want for have, want in zip(found, needed, strict=True)):
            enough.append(rounding)
    return enough[0] if enough else None


def _along_line(node: Node, rewriter: Rewriter) -> Made:
    """Pooling along one axis: an axis of size 1 behind it makes it an image."""
    op = node.op
    assert isinstance(op, (MaxPool, AveragePool, StochasticPool))
    if op.result_count != 1:
        return Refusal("the mask of pooling along one axis has no form in Caffe")
    padding: Padding = op.padding
    if isinstance(padding, Explicit):
        padding = Explicit((*padding.pads, (0, 0)))
    flat = evolve(op, kernel=(*op.kernel, 1), strides=(*op.strides, 1), padding=padding)
    steps = Beside(node, rewriter)
    image = steps.add("image", Reshape(target=(1,), axis=3, num_axes=0), node.operands[0])
    return steps.finish(Reshape(target=(), axis=3, num_axes=1), steps.add("pool", flat, image))


def global_pool(node: Node, rewriter: Rewriter) -> Made:
    """Caffe pools images and keeps their axes: view anything else as an image, and flatten where axes should go."""
    op, rank = node.op, node.operands[0].type.rank
    assert isinstance(op, (GlobalMaxPool, GlobalAveragePool))
    if rank is None:
        return Refusal("the rank of its input is unknown", "give the input shape")
    kept = evolve(op, keepdims=True)
    steps = Beside(node, rewriter)
    if rank == 4:
        return steps.finish(Flatten(), steps.add("pool", kept, *node.operands))
    image = steps.add("image", Reshape(target=(0, 0, -1, 1)), node.operands[0])
    pooled = steps.add("pool", kept, image)
    return steps.finish(Reshape(target=(0, 0, *(1,) * (rank - 2))) if op.keepdims else Flatten(), pooled)
