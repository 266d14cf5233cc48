"""Idioms around shapes: layers applied to reshaped tensors, dilation by blocks, pooling as a reduction, joins."""

from __future__ import annotations

import math
from collections.abc import Sequence

from attrs import evolve

from transpiler.ir import Node, Value
from transpiler.ops.activation import Affine, Power, Softmax
from transpiler.ops.convolution import Conv, DepthwiseConv, SeparableConv
from transpiler.ops.core import Constant
from transpiler.ops.dense import Dense
from transpiler.ops.elementwise import Add, Average, Divide, Maximum, Multiply, Subtract
from transpiler.ops.functional import BatchToSpace, ReshapeTo, SpaceToBatch
from transpiler.ops.pooling import GlobalAveragePool, GlobalMaxPool
from transpiler.ops.preprocessing import Rescale, Standardize
from transpiler.ops.reduction import Reduce, Reducer
from transpiler.ops.shape import ExpandDims, Flatten, Reshape, Squeeze
from transpiler.ops.spatial import DataFormat
from transpiler.ops.windows import Explicit, Same, Valid, same_pads
from transpiler.passes.raise_layers.cells import FUNCTIONS
from transpiler.passes.raise_layers.engine import (
    Any,
    Either,
    Found,
    Learned,
    Make,
    Number,
    Pattern,
    layer_name,
    replace,
)

Built = Sequence[Value] | None


def _restores(found: Found, last: int | None) -> bool:
    """Whether the root's shape is x's, but for the last axis."""
    before, after = found.shape("x"), found.node.result.type.shape
    if before is None or after is None or len(before) != len(after) or len(before) < 3:
        return False
    if after[-1] != last:
        return False
    unknown = [i for i, size in enumerate(before[:-1]) if size is None]
    same = all(mine in (theirs, None) for mine, theirs in zip(after[:-1], before[:-1], strict=True))
    return same and len(unknown) <= 1


def _is_rows(found: Found, node: Node) -> bool:
    """Whether a reshape makes rows of the last axis of x."""
    shape, rows = found.shape("x"), node.result.type.shape
    return (
        shape is not None
        and rows is not None
        and len(rows) == 2
        and rows[1] is not None
        and rows[1] == shape[-1]
    )


def _dense_rows(found: Found) -> Built:
    dense = found.nodes["dense"]
    if not isinstance(dense.op, Dense) or not _is_rows(found, found.nodes["rows"]):
        return None
    if not _restores(found, dense.op.units):
        return None
    return replace(found, dense.op, found["x"], params=dense.params, layer=dense)


def _dense_rows_function(found: Found) -> Built:
    """The same with a function of single elements between the layer and the reshape back."""
    dense, function = found.nodes["dense"], found.nodes["function"]
    if not _is_rows(found, found.nodes["rows"]) or not _restores(found, dense.op.units):  # type: ignore[attr-defined]  # a Dense
        return None
    layer = found.walk.rewriter.add(
        dense.op,
        (found["x"],),
        name=f"{dense.name}/rows",
        origin=dense.origin,
        params=dense.params,
        extras=dense.extras,
    )
    return replace(found, function.op, layer.result, name=function.name)


def _softmax_rows(found: Found) -> Built:
    same = found["x"].type.rank == 2 and found.shape("x") == found.node.result.type.shape
    if not _is_rows(found, found.nodes["rows"]):
        return None
    if not same and not _restores(found, (found.shape("x") or (None,))[-1]):
        return None
    return replace(found, Softmax(axis=-1), found["x"], name=found.nodes["softmax"].name)


_ROWS = Either(tuple(Make(kind, (Any("x"),), name="rows") for kind in (Reshape, Flatten)))
_DENSE = Make(Dense, (_ROWS,), name="dense")
_SOFTMAX = Make(Softmax, (_ROWS,), name="softmax", when=lambda op: op.axis in (-1, 1))
_BACK = (Reshape, ReshapeTo, Flatten)


def _dilated(found: Found) -> Built:
    """Blocks moved to the batch, a convolution without padding, blocks moved back: the blocks are the dilation."""
    conv, out, inside = found.nodes["conv"].op, found.node.op, found.op("blocks")
    assert isinstance(out, BatchToSpace)
    shape = found.shape("x")
    if not isinstance(conv, (Conv, DepthwiseConv)) or not isinstance(conv.padding, Valid) or shape is None:
        return None
    if inside.block != out.block or conv.data_format is not DataFormat.CHANNELS_LAST:
        return None
    block, pads = out.block, inside.pads
    if len(block) != conv.rank or set(conv.dilations) != {1} or set(conv.strides) != {1}:
        return None
    total = tuple(
        (before - cut[0], after - cut[1]) for (before, after), cut in zip(pads, out.crops, strict=True)
    )
    if any(end < 0 for pair in total for end in pair):
        return None
    made = conv.evolve(dilations=block, padding=_named_padding(total, conv.kernel, block, shape[1:-1]))
    return replace(found, made, found["x"], params=found.nodes["conv"].params, layer=found.nodes["conv"])


def _named_padding(
    pads: tuple[tuple[int, int], ...],
    kernel: tuple[int, ...],
    block: tuple[int, ...],
    sizes: tuple[int | None, ...],
) -> Valid | Same | Explicit:
    if not any(end for pair in pads for end in pair):
        return Valid()
    same = all(
        pair == same_pads(n or 1, k, 1, d) for pair, k, d, n in zip(pads, kernel, block, sizes, strict=True)
    )
    return Same() if same else Explicit(pads)


def _separable(found: Found) -> Built:
    """A depthwise convolution and a 1x1 convolution of the same scope, nothing between them."""
    depth, point = found.nodes["depth"], found.node
    one, two = depth.op, point.op
    assert isinstance(one, DepthwiseConv)
    assert isinstance(two, Conv)
    if (
        set(two.kernel) | set(two.strides) | {two.groups} != {1}
        or one.bias
        or one.data_format is not two.data_format
    ):
        return None
    scope = _scope(point)
    if _scope(depth) != scope:
        return None
    op = SeparableConv(
        filters=two.filters,
        multiplier=one.multiplier,
        kernel=one.kernel,
        strides=one.strides,
        dilations=one.dilations,
        padding=one.padding,
        bias=two.bias,
        data_format=two.data_format,
    )
    roles = {"kernel": "pointwise_kernel", "bias": "bias"}
    params = (
        evolve(depth.param("kernel"), role="depthwise_kernel"),
        *(evolve(use, role=roles[use.role]) for use in point.params),
    )
    return replace(found, op, found["x"], params=params, layer=point, name=scope)


def _scope(node: Node) -> str:
    """The layer in whose scope the graph keeps a node's result."""
    return layer_name((node.result.native or node.name).partition(":")[0])


def _global(found: Found) -> Built:
    op, rank = found.node.op, found["x"].type.rank
    assert isinstance(op, Reduce)
    if rank is None or not 3 <= rank <= 5 or op.factor != 1.0:
        return None
    kinds = {Reducer.MEAN: GlobalAveragePool, Reducer.MAX: GlobalMaxPool}
    axes = tuple(sorted(axis % rank for axis in op.axes))
    formats = {
        tuple(range(1, rank - 1)): DataFormat.CHANNELS_LAST,
        tuple(range(2, rank)): DataFormat.CHANNELS_FIRST,
    }
    if op.reducer not in kinds or axes not in formats:
        return None
    made = kinds[op.reducer](keepdims=op.keepdims, data_format=formats[axes])
    return replace(found, made, found["x"])


def _same_scope(found: Found) -> bool:
    """Whether two ops are steps of one layer: in one scope, or the first in the scope of the second's name."""
    outer, inner = found.node.origin.layer, found.nodes["inner"].origin.layer
    in_scope = layer_name(outer) == layer_name(inner) and layer_name(found.node.name) != found.node.name
    return in_scope or inner.startswith(f"{outer}/")


def _sum_of_many(found: Found) -> Built:
    inner = found.nodes["inner"]
    if not _same_scope(found):
        return None
    position = next(i for i, value in enumerate(found.node.operands) if value is inner.result)
    operands = list(found.node.operands)
    operands[position : position + 1] = inner.operands
    return replace(found, type(found.node.op)(), *operands, name=found.node.name)


def _mean_of_many(found: Found) -> Built:
    inner = found.nodes["inner"]
    count = len(inner.operands)
    number = 1 / found.node.op.scale if isinstance(found.node.op, Affine) else found.number("count")
    same = layer_name(found.node.origin.layer) == layer_name(inner.origin.layer)
    if not same or abs(number - count) > 1e-6:
        return None
    return replace(found, Average(), *inner.operands)


def _rescale(found: Found) -> Built:
    """A factor and a summand in one scope."""
    outer, inner = found.node.op, found.op("inner")
    assert isinstance(outer, Affine)
    if not _same_scope(found):
        return None
    return replace(found, Affine(scale=inner.scale, shift=outer.shift), found["x"])


def _rescale_each(found: Found) -> Built:
    outer, array = found.node.op, found.array("scale")
    assert isinstance(outer, Affine)
    shape = found.shape("x")
    if array is None or shape is None or not _same_scope(found) or array.size != shape[-1]:
        return None
    scale = tuple(float(str(item)) for item in array.reshape(-1))
    return replace(found, Rescale(scale=scale, offset=outer.shift), found["x"])


def _standardize(found: Found) -> Built:
    mean, variance = _fixed(found, "mean"), _fixed(found, "variance")
    shape = found.shape("x")
    if shape is None:
        return None
    if mean is not None and variance is not None:
        if len(mean) != len(variance) or len(mean) != shape[-1]:
            return None
        return replace(found, Standardize(axes=(len(shape) - 1,), mean=mean, variance=variance), found["x"])
    sizes = [found[name].type.shape or () for name in ("mean", "variance")]
    if any(found.walk.parameter(found[name]) is None for name in ("mean", "variance")):
        return None
    if any(size[-1:] != shape[-1:] or set(size[:-1]) - {1} for size in sizes):
        return None
    uses = (found.use("mean", "mean"), found.use("variance", "variance"))
    return replace(found, Standardize(axes=(len(shape) - 1,)), found["x"], params=uses)


def _fixed(found: Found, name: str) -> tuple[float, ...] | None:
    """The numbers of an array that the file holds, row by row."""
    array = found.array(name)
    if array is not None:
        return tuple(float(str(item)) for item in array.reshape(-1))
    node = found.walk.producer(found[name])
    if node is None or not isinstance(node.op, Constant):
        return None
    count = math.prod(node.op.shape)
    return node.op.values if len(node.op.values) == count else node.op.values * count


def _one_axis(found: Found) -> Built:
    """A convolution along one axis, written as one over a map that is one high."""
    conv = found.nodes["conv"]
    op, root, before = conv.op, found.node.op, found.op("expand")
    assert isinstance(op, Conv)
    assert isinstance(root, Squeeze)
    shape = found.shape("x")
    if shape is None or len(shape) != 3 or op.rank != 2 or len(root.axes) != 1:
        return None
    axis = before.axis % 4
    if root.axes[0] % 4 != axis:
        return None
    first = 1 if op.data_format is DataFormat.CHANNELS_LAST else 2
    where = axis - first
    if where not in (0, 1) or op.kernel[where] != 1 or isinstance(op.padding, Explicit):
        return None
    keep = 1 - where
    made = op.evolve(kernel=(op.kernel[keep],), strides=(op.strides[keep],), dilations=(op.dilations[keep],))
    return replace(found, made, found["x"], params=conv.params, layer=conv)


_ROOT = Make(Power, (Any("variance"),), when=lambda op: (op.power, op.scale, op.shift) == (0.5, 1.0, 0.0))
_DEVIATION = Either((Make(Maximum, (_ROOT, Number("least")), swap=True), _ROOT))
_BLOCKS = Make(SpaceToBatch, (Any("x"),), name="blocks")
_DILATED = Either(tuple(Make(kind, (_BLOCKS,), name="conv") for kind in (Conv, DepthwiseConv)))


def _adds(op: Affine) -> bool:
    return op.scale == 1.0


def _multiplies(op: Affine) -> bool:
    return op.shift == 0.0


def _plain(op: Add) -> bool:
    return not op.coefficients


PATTERNS: tuple[Pattern, ...] = (
    *(Pattern("dense on the last axis", Make(kind, (_DENSE,)), _dense_rows) for kind in _BACK),
    *(
        Pattern(
            "dense on the last axis",
            Make(kind, (Make(function, (_DENSE,), name="function"),)),
            _dense_rows_function,
        )
        for kind in _BACK
        for function in FUNCTIONS
    ),
    *(Pattern("softmax of rows", Make(kind, (_SOFTMAX,)), _softmax_rows) for kind in _BACK),
    Pattern("dilated convolution", Make(BatchToSpace, (_DILATED,)), _dilated),
    Pattern(
        "convolution along one axis",
        Make(Squeeze, (Make(Conv, (Make(ExpandDims, (Any("x"),), name="expand"),), name="conv"),)),
        _one_axis,
    ),
    Pattern("global pooling", Make(Reduce, (Any("x"),)), _global),
)

JOINS: tuple[Pattern, ...] = (
    Pattern(
        "separable convolution", Make(Conv, (Make(DepthwiseConv, (Any("x"),), name="depth"),)), _separable
    ),
    *(
        Pattern(
            "merge of many", Make(kind, (Make(kind, (), name="inner"), Any("z")), swap=True), _sum_of_many
        )
        for kind in (Multiply, Maximum)
    ),
    Pattern(
        "sum of many",
        Make(Add, (Make(Add, (), name="inner", when=_plain), Any("z")), when=_plain, swap=True),
        _sum_of_many,
    ),
    Pattern(
        "mean of many",
        Make(Divide, (Make(Add, (), name="inner", when=_plain), Number("count"))),
        _mean_of_many,
    ),
    Pattern(
        "mean of many",
        Make(Affine, (Make(Add, (), name="inner", when=_plain),), when=_multiplies),
        _mean_of_many,
    ),
    Pattern(
        "rescaling",
        Make(Affine, (Make(Affine, (Any("x"),), name="inner", when=_multiplies),), when=_adds),
        _rescale,
    ),
    Pattern(
        "rescaling",
        Make(Affine, (Make(Multiply, (Any("x"), Learned("scale")), name="inner", swap=True),), when=_adds),
        _rescale_each,
    ),
    Pattern(
        "standardization", Make(Divide, (Make(Subtract, (Any("x"), Any("mean"))), _DEVIATION)), _standardize
    ),
)
