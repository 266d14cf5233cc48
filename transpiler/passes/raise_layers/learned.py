"""Ops with learned operands become layers with parameters: convolutions, products, lookups, biases, factors.

Obligations everywhere: the operand really is a parameter, and its sizes are known and fit.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any as Anything

import msgspec

from transpiler.ir import Op, Value
from transpiler.ops.array import Gather
from transpiler.ops.convolution import Conv, ConvTranspose, DepthwiseConv
from transpiler.ops.core import Parameter
from transpiler.ops.dense import Dense, Embedding, MatMul
from transpiler.ops.elementwise import Add, Cast, Multiply
from transpiler.ops.functional import (
    FunctionalConv,
    FunctionalConvTranspose,
    FunctionalDepthwise,
)
from transpiler.ops.normalization import Bias, Scale
from transpiler.ops.preprocessing import Rescale
from transpiler.ops.shape import ExpandDims
from transpiler.ops.spatial import DataFormat, feature_map
from transpiler.ops.windows import Explicit, Padding, Same, same_pads
from transpiler.passes.raise_layers.engine import Any, Either, Found, Learned, Make, Pattern, replace
from transpiler.passes.raise_layers.joins import MOST_FACTORS, nested

Built = Sequence[Value] | None


def _sizes(found: Found, name: str) -> tuple[int, ...] | None:
    """The sizes of a parameter as it is used, if all are known and it was given only new axes of size 1, if any."""
    node = found.walk.producer(found[name])
    if node is None or not isinstance(node.op, (Parameter, ExpandDims)):
        return None
    shape = found[name].type.shape
    if shape is None:
        return None
    known = tuple(size for size in shape if size is not None)
    return known if len(known) == len(shape) else None


def _conv(found: Found) -> Built:
    op, kernel = found.node.op, _sizes(found, "kernel")
    assert isinstance(op, FunctionalConv)
    made = None if kernel is None else convolution(op, found.shape("x"), kernel)
    use = found.use("kernel", "kernel")
    return None if made is None else replace(found, made, found["x"], params=(use,))


def convolution(
    op: FunctionalConv, shape: tuple[int | None, ...] | None, kernel: tuple[int, ...]
) -> Conv | None:
    """The layer of a convolution of a tensor of that shape with a learned kernel; None if its sizes do not tell."""
    channels = None if shape is None else feature_map(shape, op.data_format, op.rank).channels
    if not all(kernel) or channels is None or channels % kernel[-2]:
        return None
    return Conv(
        filters=kernel[-1],
        kernel=kernel[:-2],
        strides=op.strides,
        dilations=op.dilations,
        padding=op.padding,
        groups=channels // kernel[-2],
        bias=False,
        data_format=op.data_format,
    )


def _depthwise(found: Found) -> Built:
    op, kernel = found.node.op, _sizes(found, "kernel")
    assert isinstance(op, FunctionalDepthwise)
    if kernel is None or not all(kernel):
        return None
    made = DepthwiseConv(
        multiplier=kernel[-1],
        kernel=kernel[:-2],
        strides=op.strides,
        dilations=op.dilations,
        padding=op.padding,
        bias=False,
        data_format=op.data_format,
    )
    return replace(found, made, found["x"], params=(found.use("kernel", "kernel"),))


def _transposed(found: Found) -> Built:
    op, kernel = found.node.op, _sizes(found, "kernel")
    assert isinstance(op, FunctionalConvTranspose)
    made = None if kernel is None else transposed(op, found.shape("x"), kernel)
    use = found.use("kernel", "kernel")
    return None if made is None else replace(found, made, found["x"], params=(use,))


def transposed(
    op: FunctionalConvTranspose,
    shape: tuple[int | None, ...] | None,
    kernel: tuple[int, ...],
    groups: int = 1,
) -> ConvTranspose | None:
    """The layer; the crops follow from the result's size, or from the padding where the size is left open."""
    if not all(kernel) or shape is None:
        return None
    inner = feature_map(shape, op.data_format, op.rank).spatial
    wanted = op.size or (None,) * op.rank
    sizes, padding = kernel[:-2], op.padding
    extra: list[int] = []
    pads: list[tuple[int, int]] = []
    if not all(map(_fits, inner, wanted, sizes, op.strides, op.dilations, (padding,) * op.rank)):
        for have, want, k, s, d in zip(inner, wanted, sizes, op.strides, op.dilations, strict=True):
            if have is None or want is None:
                return None
            full = s * (have - 1) + (k - 1) * d + 1
            before = same_pads(want, k, s, d)[0] if isinstance(op.padding, Same) else 0
            after = full - before - want
            pads.append((before, max(after, 0)))
            extra.append(max(-after, 0))
        padding = Explicit(tuple(pads))
    return ConvTranspose(
        filters=kernel[-2] * groups,
        kernel=sizes,
        strides=op.strides,
        dilations=op.dilations,
        padding=padding,
        output_padding=tuple(extra) or (0,) * op.rank,
        groups=groups,
        bias=False,
        data_format=op.data_format,
    )


def _fits(have: int | None, want: int | None, k: int, s: int, d: int, padding: Padding) -> bool:
    """Whether a result's size is what the padding alone gives (also when the graph computes it)."""
    if want is None:
        return True
    if have is None:
        return False
    if isinstance(padding, Same):
        return want == have * s
    return not isinstance(padding, Explicit) and want == s * (have - 1) + (k - 1) * d + 1


def _dense(found: Found) -> Built:
    op, kernel = found.node.op, _sizes(found, "kernel")
    assert isinstance(op, MatMul)
    shape = found.shape("x")
    if kernel is None or len(kernel) != 2 or op.transpose_a or not shape:
        return None
    units, inputs = kernel if op.transpose_b else kernel[::-1]
    if shape[-1] not in (inputs, None) or units < 1:
        return None
    made = replace(
        found, Dense(units=units, axis=-1, bias=False), found["x"], params=(found.use("kernel", "kernel"),)
    )
    if op.transpose_b:
        rewriter = found.walk.rewriter
        last = rewriter.nodes.pop()
        rewriter.nodes.append(
            msgspec.structs.replace(last, extras={"tensorflow": {"kernel_transposed": True}})
        )
    return made


def _embedding(found: Found) -> Built:
    op, table = found.node.op, _sizes(found, "table")
    assert isinstance(op, Gather)
    if table is None or len(table) != 2 or op.axis != 0 or not all(table):
        return None
    made = Embedding(count=table[0], units=table[1])
    return replace(found, made, found["x"], params=(found.use("kernel", "table"),))


_BIASED = (Conv, DepthwiseConv, ConvTranspose, Dense)


def _takes_bias(op: Op) -> bool:
    return isinstance(op, _BIASED) and not op.bias


def _channel_axis(op: Op, rank: int | None) -> int:
    if isinstance(op, Dense) or getattr(op, "data_format", None) is DataFormat.CHANNELS_LAST:
        return -1 if rank is None else rank - 1
    return 1


def _layer_bias(found: Found) -> Built:
    """A vector added to every channel of a layer without bias is its bias."""
    layer = found.nodes["layer"]
    root = found.node.op
    rank = layer.result.type.rank
    axis = _channel_axis(layer.op, rank)
    if isinstance(root, Bias):
        if root.num_axes != 1 or rank is None or root.axis % rank != axis or found["bias"].type.rank != 1:
            return None
    elif not _aligned(layer.result.type.shape, found["bias"].type.shape, axis):
        return None
    uses = (*layer.params, found.use("bias", "bias"))
    op = layer.op.evolve(bias=True)
    return replace(found, op, *layer.operands, params=uses, layer=layer)


def _aligned(shape: tuple[int | None, ...] | None, vector: tuple[int | None, ...] | None, axis: int) -> bool:
    if shape is None or vector is None or len(vector) > len(shape):
        return False
    full = (1,) * (len(shape) - len(vector)) + vector
    return all(size == 1 for i, size in enumerate(full) if i != axis) and full[axis] == shape[axis]


def _own_bias(found: Found) -> Built:
    """A learned vector added to something that has no bias of its own."""
    op = found.node.op
    assert isinstance(op, Bias)
    rank = found["x"].type.rank
    if rank is None or found["bias"].type.rank != 1:
        return None
    made = op.evolve(learned=True, axis=op.axis % rank)
    return replace(found, made, found["x"], params=(found.use("beta", "bias"),))


def _span(found: Found) -> Built:
    """A learned tensor that is added or multiplied and spans some axes next to each other, not the batch."""
    shape, tensor = found.shape("x"), found["tensor"].type.shape
    if shape is None or tensor is None or None in tensor or found.walk.parameter(found["x"]) is not None:
        return None
    full = (1,) * (len(shape) - len(tensor)) + tensor
    wide = [i for i, size in enumerate(full) if size != 1]
    if len(full) != len(shape) or not wide or wide[0] == 0:
        return None
    start, stop = wide[0], wide[-1] + 1
    if full[start:stop] != shape[start:stop] or not _is_stored_so(found, shape[start:stop]):
        return None
    added = isinstance(found.node.op, Add)
    array = found.array("tensor")
    if array is not None and found.walk.facts.literal:
        return _literal(found, array, added=added)
    op: Op = (Bias if added else Scale)(axis=start, num_axes=stop - start)
    return replace(found, op, found["x"], params=(found.use("beta" if added else "gamma", "tensor"),))


def _literal(found: Found, array: Anything, *, added: bool) -> Built:
    """Numbers that nobody learned stay numbers."""
    if array.size > MOST_FACTORS:
        return None
    numbers = nested(array)
    return replace(found, Rescale(scale=1.0, offset=numbers) if added else Rescale(scale=numbers), found["x"])


def _is_stored_so(found: Found, span: tuple[int | None, ...]) -> bool:
    """Whether a variable has these sizes, up to axes of size 1 (behind several only if its numbers are at hand)."""
    stored = found.parameter("tensor").op.shape  # type: ignore[attr-defined]  # a Parameter
    bare = tuple(itertools.dropwhile(lambda size: size == 1, stored))
    return len(span) == 1 or bare == span or found.array("tensor") is not None


def _plain_add(op: Add) -> bool:
    return not op.coefficients


PATTERNS = (
    Pattern("convolution", Make(FunctionalConv, (Any("x"), Learned("kernel"))), _conv),
    Pattern("depthwise convolution", Make(FunctionalDepthwise, (Any("x"), Learned("kernel"))), _depthwise),
    Pattern(
        "transposed convolution", Make(FunctionalConvTranspose, (Any("x"), Learned("kernel"))), _transposed
    ),
    Pattern("dense", Make(MatMul, (Any("x"), Learned("kernel"))), _dense),
    Pattern("embedding", Make(Gather, (Learned("table"), Make(Cast, (Any("x"),)))), _embedding),
    Pattern("embedding", Make(Gather, (Learned("table"), Any("x"))), _embedding),
)
"""What binds kernels."""

_LAYER = Either(tuple(Make(kind, name="layer", when=_takes_bias) for kind in _BIASED))

BIASES = (
    Pattern("bias of a layer", Make(Bias, (_LAYER, Learned("bias"))), _layer_bias),
    Pattern("bias of a layer", Make(Add, (_LAYER, Learned("bias")), when=_plain_add, swap=True), _layer_bias),
)

VECTORS = (
    Pattern("bias", Make(Bias, (Any("x"), Learned("bias")), when=lambda op: not op.learned), _own_bias),
    Pattern("bias", Make(Add, (Any("x"), Learned("tensor")), when=_plain_add, swap=True), _span),
    Pattern("scale", Make(Multiply, (Any("x"), Learned("tensor")), swap=True), _span),
)
"""Learned tensors that no layer claimed."""
