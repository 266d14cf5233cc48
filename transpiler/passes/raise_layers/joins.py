"""Steps that one layer took one after the other are one op again: merges of many, weighted sums, scaling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any as Anything
from typing import Final

import msgspec

from transpiler.ir import Node, Op, Value
from transpiler.ops.activation import Affine, Power
from transpiler.ops.convolution import Conv, DepthwiseConv, SeparableConv
from transpiler.ops.core import Constant
from transpiler.ops.elementwise import Add, Average, Divide, Maximum, Multiply, Subtract
from transpiler.ops.preprocessing import LEAST_DEVIATION, Rescale, Standardize
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
MOST_FACTORS: Final = 1 << 20
"""Fixed factors that are more than these stay an array."""


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
        msgspec.structs.replace(depth.param("kernel"), role="depthwise_kernel"),
        *(msgspec.structs.replace(use, role=roles[use.role]) for use in point.params),
    )
    return replace(found, op, found["x"], params=params, layer=point, name=scope)


def _scope(node: Node) -> str:
    """The layer in whose scope the graph keeps a node's result."""
    return layer_name((node.result.native or node.name).partition(":")[0])


def _are_one_layer(outer: Node, inner: Node) -> bool:
    """Whether two ops are steps of one layer: in one scope, or the first in the scope of the second's name."""
    in_scope = layer_name(outer.origin.layer) == layer_name(inner.origin.layer)
    scoped = in_scope and layer_name(outer.name) != outer.name
    return scoped or inner.origin.layer.startswith(f"{outer.origin.layer}/")


def _same_scope(found: Found) -> bool:
    """Whether the root and `inner` are steps of one layer."""
    return _are_one_layer(found.node, found.nodes["inner"])


def _sum_of_many(found: Found) -> Built:
    inner = found.nodes["inner"]
    if not _same_scope(found):
        return None
    position = next(i for i, value in enumerate(found.node.operands) if value is inner.result)
    operands = list(found.node.operands)
    operands[position : position + 1] = inner.operands
    return replace(found, type(found.node.op)(), *operands, name=found.node.name)


def _weighted_sum(found: Found) -> Built:
    """A sum of tensors of one shape, some of them times a number in the sum's own scope: its coefficients."""
    operands = found.node.operands
    if len({value.type.shape for value in operands}) > 1:
        return None
    known = _coefficients(found.node.op, len(operands))
    scaled = [_scaled(found, *term) for term in zip(operands, known, strict=True)]
    if not any(scaled):
        return None
    terms = [new or old for new, old in zip(scaled, zip(operands, known, strict=True), strict=True)]
    return replace(found, Add(coefficients=tuple(factor for _, factor in terms)), *(x for x, _ in terms))


def _scaled(found: Found, value: Value, factor: float) -> tuple[Value, float] | None:
    """What is behind a product with a number, and the number; None if there is no such product, or it has a factor."""
    node = found.walk.producer(value)
    if node is None or not isinstance(node.op, Affine) or not _multiplies(node.op) or factor != 1.0:
        return None
    if not found.walk.single(value) or not _are_one_layer(found.node, node):
        return None
    return node.operands[0], node.op.scale


def _coefficients(op: Op, count: int) -> tuple[float, ...]:
    assert isinstance(op, Add)
    return op.coefficients or (1.0,) * count


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
    if array is None or array.size > MOST_FACTORS or not _same_scope(found):
        return None
    if found.shape("x") is None or found.shape("x") != found.node.result.type.shape:
        return None
    return replace(found, Rescale(scale=nested(array), offset=outer.shift), found["x"])


def nested(array: Anything) -> Anything:
    """The numbers of an array as nested tuples, each as short as it can be written."""
    return tuple(map(nested, array)) if array.ndim else float(str(array))


def _standardize(found: Found) -> Built:
    mean, variance = _fixed(found, "mean"), _fixed(found, "variance")
    shape = found.shape("x")
    if shape is None:
        return None
    if mean is not None and variance is not None:
        if len(mean) != len(variance) or len(mean) != shape[-1] or not _same_floor(found, min(variance)):
            return None
        return replace(found, Standardize(axes=(len(shape) - 1,), mean=mean, variance=variance), found["x"])
    sizes = [found[name].type.shape or () for name in ("mean", "variance")]
    if any(found.walk.parameter(found[name]) is None for name in ("mean", "variance")) or not _same_floor(
        found
    ):
        return None
    if any(size[-1:] != shape[-1:] or set(size[:-1]) - {1} for size in sizes):
        return None
    uses = (found.use("mean", "mean"), found.use("variance", "variance"))
    return replace(found, Standardize(axes=(len(shape) - 1,)), found["x"], params=uses)


def _same_floor(found: Found, variance: float = 0.0) -> bool:
    """Whether a deviation is kept from zero as in `Standardize`, or all are so large that it does not matter."""
    least = found.number("least") if "least" in found.values else 0.0
    matters = math.sqrt(max(variance, 0.0)) < max(least, LEAST_DEVIATION)
    return not matters or math.isclose(least, LEAST_DEVIATION, rel_tol=1e-6)


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


_ROOT = Make(Power, (Any("variance"),), when=lambda op: (op.power, op.scale, op.shift) == (0.5, 1.0, 0.0))
_DEVIATION = Either((Make(Maximum, (_ROOT, Number("least")), swap=True), _ROOT))


def _adds(op: Affine) -> bool:
    return op.scale == 1.0


def _multiplies(op: Affine) -> bool:
    return op.shift == 0.0


def _plain(op: Add) -> bool:
    return not op.coefficients


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
    Pattern("weighted sum", Make(Add), _weighted_sum),
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
