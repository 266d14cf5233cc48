"""Max pooling that says where it found its elements, and its reverse (SegNet), without an op that scatters.

Where windows neither overlap nor leave a gap, an element was the largest exactly where the picture equals its own
maximum spread over the window; the first such place is the smallest index. Channels first, as Caffe's forks have it.
"""

from __future__ import annotations

from collections.abc import Sequence

from transpiler.dialects.rows import Refusal
from transpiler.ir import Node, Shape, Value
from transpiler.ir.rewriting import Rewriter
from transpiler.ops.activation import Affine
from transpiler.ops.array import Cumulative, FillLike
from transpiler.ops.elementwise import Add, Compare, Comparison, Select
from transpiler.ops.pooling import MaxPool
from transpiler.ops.resampling import Unpool
from transpiler.ops.shape import Slice, Upsample
from transpiler.ops.spatial import DataFormat
from transpiler.ops.windows import Explicit
from transpiler.passes.beside import Beside

FAR = -1e30
"""Below every index with its sign changed."""


def masked_pool(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """The largest elements, and the index of each in its plane."""
    op = node.op
    if not isinstance(op, MaxPool) or not op.mask:
        return None
    sizes = _tiled(op, node.operands[0].type.shape)
    if sizes is None:
        return Refusal("its windows overlap, are padded, or do not cover a picture of known size")
    steps, x = Beside(node, rewriter), node.operands[0]
    plain = op.evolve(mask=False)
    values = steps.add("values", plain, x)
    spread = _spread(steps, "spread", values, op.kernel, sizes)
    found = steps.add("found", Compare(relation=Comparison.EQUAL), x, spread)
    negative = steps.add("negative", Affine(scale=-1.0), _indices(steps, x, sizes))
    others = steps.add("others", FillLike(value=FAR), negative)
    marked = steps.add("marked", Select(), found, negative, others)
    return values, steps.add("mask", Affine(scale=-1.0), steps.add("first", plain, marked))


def unpool(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """Each element where the mask says, 0 elsewhere."""
    op = node.op
    if not isinstance(op, Unpool):
        return None
    before = next(old for old in rewriter.graph.nodes if old.name == node.name)
    pool = rewriter.graph.producers.get(before.operands[1])
    shape = node.result.type.shape
    made = pool.op if pool is not None else None
    if pool is None or not isinstance(made, MaxPool) or made.kernel != op.factors:
        return Refusal("its mask does not come from a pooling with windows of the same size")
    sizes = _tiled(made, pool.operands[0].type.shape)
    if sizes is None or shape is None or shape[2:] != sizes:
        return Refusal("its result is not as large as what was pooled")
    steps = Beside(node, rewriter)
    x = _spread(steps, "spread", node.operands[0], op.factors, sizes)
    mask = _spread(steps, "places", node.operands[1], op.factors, sizes)
    here = steps.add("here", Compare(relation=Comparison.EQUAL), mask, _indices(steps, mask, sizes))
    return steps.finish(Select(), here, x, steps.add("nothing", FillLike(value=0.0), x), params=())


def _tiled(op: MaxPool, shape: Shape | None) -> tuple[int, int] | None:
    """Height and width of what the windows cover without overlap or gap; None if they do not."""
    if op.data_format is not DataFormat.CHANNELS_FIRST or shape is None or len(shape) != 4:
        return None
    height, width = shape[2:]
    padded = isinstance(op.padding, Explicit) and any(end for pair in op.padding.pads for end in pair)
    if op.kernel != op.strides or padded or height is None or width is None:
        return None
    counts = op.outputs((height, width))
    covered = all(
        (count or 0) * k >= size for count, k, size in zip(counts, op.kernel, (height, width), strict=True)
    )
    return (height, width) if covered else None


def _spread(steps: Beside, what: str, x: Value, factors: tuple[int, ...], sizes: tuple[int, int]) -> Value:
    """Every element repeated over its window, cut to size."""
    wide = steps.add(what, Upsample(factors=factors, data_format=DataFormat.CHANNELS_FIRST), x)
    if wide.type.shape is None or wide.type.shape[2:] == sizes:
        return wide
    return steps.add(f"{what}_cut", Slice(axes=(2, 3), begins=(0, 0), ends=sizes), wide)


def _indices(steps: Beside, like: Value, sizes: tuple[int, int]) -> Value:
    """The index of every place in its plane, row by row."""
    ones = steps.add("ones", FillLike(value=1.0), like)
    rows, columns = (
        steps.add(what, Cumulative(axis=axis), ones) for what, axis in (("rows", 2), ("columns", 3))
    )
    total = steps.add("index", Add(coefficients=(float(sizes[1]), 1.0)), rows, columns)
    return steps.add("from_zero", Affine(shift=-float(sizes[1]) - 1.0), total)
