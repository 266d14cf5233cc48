"""Local response normalization that a framework without such a layer had to spell out becomes one layer again.

What is recognised is what legalization for Keras writes: x * (k + alpha * mean of squares) ** -beta, the mean an
average pooling over zero-padded neighbours, either of channels laid out as columns or of places in a map.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any as Anything
from typing import Final

from transpiler.ir import Graph, Node, Value
from transpiler.ir.types import Shape
from transpiler.ops.activation import Affine, Power
from transpiler.ops.elementwise import Multiply
from transpiler.ops.normalization import LRN, Region
from transpiler.ops.pooling import AveragePool
from transpiler.ops.shape import Pad, Reshape
from transpiler.ops.spatial import DataFormat
from transpiler.ops.windows import Explicit, Valid
from transpiler.passes.manager import SHAPED, Context, Pass
from transpiler.passes.raise_layers.engine import Any, Facts, Found, Make, Pattern, raise_with

PICTURE: Final = 4
"""Axes of a feature map with its batch."""


def _is_square(op: Anything) -> bool:
    return (op.power, op.scale, op.shift) == (2.0, 1.0, 0.0)


def _is_root(op: Anything) -> bool:
    return (op.scale, op.shift) == (1.0, 0.0)


def _is_zeros(op: Anything) -> bool:
    return op.value == 0 and op.data_format is DataFormat.CHANNELS_LAST and len(op.pads) == PICTURE - 2


def _is_plain(op: Anything) -> bool:
    unpadded = isinstance(op.padding, Valid) or op.padding == Explicit(((0, 0), (0, 0)))
    return unpadded and op.strides == (1, 1) and op.data_format is DataFormat.CHANNELS_LAST


def _tree(mean: Make) -> Make:
    """X times a power of a line of the mean of its squares."""
    base = Make(Affine, (mean,), name="base")
    return Make(Multiply, (Any("x"), Make(Power, (base,), name="root", when=_is_root)), swap=True)


def _mean(squares: Make) -> Make:
    padded = Make(Pad, (squares,), name="pad", when=_is_zeros)
    return Make(AveragePool, (padded,), name="mean", when=_is_plain)


SQUARES: Final = Make(Power, (Any("x"),), when=_is_square)
ROWS: Final = Make(Reshape, (SQUARES,), name="rows")


def _across(found: Found) -> Sequence[Value] | None:
    """Obligation: the view has the channels of x as its columns, and what lies inside of them as its depth."""
    pool, pad = found.op("mean"), found.op("pad")
    (before, after), size = pad.pads[1], pool.kernel[1]
    view, shape = found.nodes["rows"].result.type.shape, found.shape("x")
    if view is None or shape is None or len(view) != PICTURE or found.node.result.type.shape != shape:
        return None
    if pool.kernel[0] != 1 or pad.pads[0] != (0, 0) or before != after or before + after + 1 != size:
        return None
    axis = _column_axis(shape, view)
    return None if axis is None else _made(found, size, Region.ACROSS, axis)


def _column_axis(shape: Shape, view: Shape) -> int | None:
    """Which axis of a shape the columns of a view [batch, outer, columns, inner] are, if one is."""
    sizes = [size for size in shape[1:] if size is not None]
    if len(sizes) != len(shape) - 1 or shape[0] != view[0]:
        return None
    for i, size in enumerate(sizes):
        if (math.prod(sizes[:i]), size, math.prod(sizes[i + 1 :])) == tuple(view[1:]):
            return i + 1
    return None


def _within(found: Found) -> Sequence[Value] | None:
    """Obligation: the neighbours are a square with an odd side around each place."""
    (height, width), pads = found.op("mean").kernel, found.op("pad").pads
    reach = (height - 1) // 2
    if height != width or height != 2 * reach + 1 or pads != ((reach, reach), (reach, reach)):
        return None
    return _made(found, height, Region.WITHIN, PICTURE - 1)


def _made(found: Found, size: int, region: Region, axis: int) -> Sequence[Value]:
    base, root = found.op("base"), found.op("root")
    op = LRN(size=size, alpha=base.scale, beta=-root.power, k=base.shift, region=region, axis=axis)
    return found.walk.rewriter.swap(found.node, op, (found["x"],))


PATTERNS: Final = (
    Pattern("LRN across channels", _tree(Make(Reshape, (_mean(ROWS),))), _across),
    Pattern("LRN within a channel", _tree(_mean(SQUARES)), _within),
)


def _run(graph: Graph, context: Context) -> Graph:
    del context
    return raise_with(graph, (PATTERNS,), Facts()) if any(map(_is_pool, graph.nodes)) else graph


def _is_pool(node: Node) -> bool:
    return isinstance(node.op, AveragePool)


RECOGNIZE_LRN = Pass("recognize_lrn", _run, requires=frozenset({SHAPED}), provides=frozenset({SHAPED}))
"""For targets that have the layer, while the data format is the file's."""
