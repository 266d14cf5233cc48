"""Idioms around shapes: layers applied to reshaped tensors, dilation by blocks, pooling as a reduction, joins."""

from __future__ import annotations

from collections.abc import Sequence

from transpiler.ir import Node, Value
from transpiler.ops.activation import Softmax
from transpiler.ops.convolution import Conv, ConvTranspose, DepthwiseConv
from transpiler.ops.dense import Dense
from transpiler.ops.functional import BatchToSpace, ReshapeTo, SpaceToBatch
from transpiler.ops.pooling import GlobalAveragePool, GlobalMaxPool
from transpiler.ops.reduction import Reduce, Reducer
from transpiler.ops.shape import ExpandDims, Flatten, Reshape, Squeeze
from transpiler.ops.spatial import DataFormat
from transpiler.ops.windows import Explicit, Same, Valid, same_pads
from transpiler.passes.raise_layers.cells import FUNCTIONS
from transpiler.passes.raise_layers.engine import (
    Any,
    Either,
    Found,
    Make,
    Pattern,
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


def _dilated_transposed(found: Found) -> Built:
    """The same of a transposed convolution, which keeps all that it makes: what is cropped is its padding."""
    conv, out, inside = found.nodes["conv"].op, found.node.op, found.op("blocks")
    assert isinstance(conv, ConvTranspose)
    assert isinstance(out, BatchToSpace)
    shape = found.shape("x")
    if not isinstance(conv.padding, Valid) or shape is None or any(conv.output_padding):
        return None
    if inside.block != out.block or conv.data_format is not DataFormat.CHANNELS_LAST:
        return None
    if len(out.block) != conv.rank or {*conv.dilations, *conv.strides} != {1}:
        return None
    cropped = tuple(
        (cut[0] - before, cut[1] - after) for (before, after), cut in zip(inside.pads, out.crops, strict=True)
    )
    if any(end < 0 for pair in cropped for end in pair):
        return None
    made = conv.evolve(
        dilations=out.block, padding=_named_padding(cropped, conv.kernel, out.block, shape[1:-1])
    )
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


_BLOCKS = Make(SpaceToBatch, (Any("x"),), name="blocks")
_DILATED = Either(tuple(Make(kind, (_BLOCKS,), name="conv") for kind in (Conv, DepthwiseConv)))


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
        "dilated transposed convolution",
        Make(BatchToSpace, (Make(ConvTranspose, (_BLOCKS,), name="conv"),)),
        _dilated_transposed,
    ),
    Pattern(
        "convolution along one axis",
        Make(Squeeze, (Make(Conv, (Make(ExpandDims, (Any("x"),), name="expand"),), name="conv"),)),
        _one_axis,
    ),
    Pattern("global pooling", Make(Reduce, (Any("x"),)), _global),
)
