"""Attention for TensorFlow, which has no op for it: projections, scores, masks, softmax and mixture one by one.

Formulas are those of Keras 3 (keras/src/layers/attention), also where a mask leaves nothing to attend to.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from string import ascii_lowercase

import msgspec

from transpiler.dialects.rows import Refusal
from transpiler.ir import DType, Node, Op, Value
from transpiler.ir.rewriting import Rewriter
from transpiler.ops import activation as act
from transpiler.ops.array import Cumulative, FillLike, Repeat
from transpiler.ops.attention import (
    AdditiveAttention,
    Attending,
    Attention,
    GroupQueryAttention,
    MultiHeadAttention,
    Projected,
    Score,
)
from transpiler.ops.dense import MatMul
from transpiler.ops.einsum import Einsum, EinsumDense
from transpiler.ops.elementwise import (
    Add,
    BinaryFunction,
    Cast,
    Compare,
    Comparison,
    Multiply,
    Select,
    Subtract,
)
from transpiler.ops.normalization import Scale
from transpiler.ops.reduction import Reduce, Reducer
from transpiler.ops.shape import ExpandDims, Slice
from transpiler.passes.beside import Beside

FAR = -1e9
"""What stands for a score that does not count."""


def attention(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """One head: softmax of the scores, times value."""
    op = node.op
    if not isinstance(op, (Attention, AdditiveAttention)):
        return None
    steps = Beside(node, rewriter)
    query, value = node.operands[:2]
    given = _masks_of(node, op)
    scores = _scores(steps, op, query, node.operands[2] if op.keyed else value)
    mask = _single_mask(steps, op, scores, given.get("value"))
    if isinstance(mask, Refusal):
        return mask
    if mask is not None:
        far = steps.add("far", act.Affine(shift=FAR), scores)
        scores = steps.add("masked", Select(), mask, scores, far)
    share = steps.add("softmax", act.Softmax(axis=-1), scores)
    whole = given.get("query")
    if whole is None:
        return (*_finish(steps, op, MatMul(), share, value), *((share,) if op.scores else ()))
    mixed = steps.add("mixed", MatMul(), share, value)
    kept = steps.add("query_mask", ExpandDims(axis=-1), _truth(steps, "query_truth", whole))
    zeros = steps.add("zeros", FillLike(value=0.0), mixed)
    return (*_finish(steps, op, Select(), kept, mixed, zeros), *((share,) if op.scores else ()))


def _finish(steps: Beside, op: Attending, last: Op, *operands: Value) -> tuple[Value, ...]:
    """The last step: it keeps the node's name, unless the scores are a second result."""
    if op.scores:
        return (steps.add("output", last, *operands),)
    return steps.finish(last, *operands, params=())


def _masks_of(node: Node, op: Attending) -> Mapping[str, Value]:
    return dict(zip(op.masks, node.operands[2 + op.keyed :], strict=True))


def _scores(steps: Beside, op: Attention | AdditiveAttention, query: Value, key: Value) -> Value:
    """How well queries and keys match: products, or sums of features of tanh(query + key)."""
    if isinstance(op, Attention) and op.score is Score.DOT:
        products = steps.add("scores", MatMul(transpose_b=True), query, key)
        return _times(steps, "scale", products) if op.scale else products
    wide = steps.add("query", ExpandDims(axis=2), query)
    both = steps.add("sum", Add(), wide, steps.add("key", ExpandDims(axis=1), key))
    if isinstance(op, Attention) and op.scale:
        both = _times(steps, "scale", both)
    match = steps.add("tanh", act.Tanh(), both)
    if isinstance(op, AdditiveAttention) and op.scale:
        use = msgspec.structs.replace(steps.node.param("scale"), role="gamma")
        match = steps.add("scaled", Scale(axis=-1, num_axes=1), match, params=[use])
    scores = steps.add("scores", Reduce(reducer=Reducer.SUM, axes=(-1,)), match)
    return _times(steps, "concat_weight", scores) if isinstance(op, Attention) else scores


def _times(steps: Beside, role: str, x: Value) -> Value:
    """A tensor times a learned number."""
    use = msgspec.structs.replace(steps.node.param(role), role="gamma")
    return steps.add(role, Scale(axis=0, num_axes=0), x, params=[use])


def _single_mask(
    steps: Beside, op: Attention | AdditiveAttention, scores: Value, given: Value | None
) -> Value | Refusal | None:
    """Which scores count: [N, 1, T] or [N, S, T]; none if all do."""
    mask = None if given is None else _truth(steps, "value_truth", given)
    if mask is not None and (op.causal or mask.type.rank == 2):
        mask = steps.add("value_mask", ExpandDims(axis=-2), mask)
    if mask is not None and mask.type.rank != 3:
        return Refusal("its mask has another number of axes than its scores")
    return _both(steps, mask, _earlier(steps, scores)) if op.causal else mask


def _truth(steps: Beside, what: str, mask: Value) -> Value:
    return mask if mask.type.dtype is DType.BOOL else steps.add(what, Cast(dtype=DType.BOOL), mask)


def _both(steps: Beside, one: Value | None, other: Value) -> Value:
    if one is None:
        return other
    return steps.add("mask", BinaryFunction(function="logical_and"), one, other)


def _places(steps: Beside, scores: Value) -> tuple[Value, Value]:
    """The number of the query and that of the key at each score, counted from 1."""
    ones = steps.add("ones", FillLike(value=1.0), scores)
    rows = steps.add("rows", Cumulative(axis=-2), ones)
    return rows, steps.add("columns", Cumulative(axis=-1), ones)


def _earlier(steps: Beside, scores: Value) -> Value:
    """Whether a key comes no later than the query."""
    return steps.add("causal", Compare(relation=Comparison.GREATER_EQUAL), *_places(steps, scores))


def _near(steps: Beside, scores: Value, width: int) -> Value:
    """Whether a key is fewer than `width` steps from the query."""
    distance = steps.add("distance", act.Abs(), steps.add("difference", Subtract(), *_places(steps, scores)))
    limit = steps.add("width", FillLike(value=float(width)), distance)
    return steps.add("window", Compare(relation=Comparison.LESS), distance, limit)


class _Heads(msgspec.Struct, frozen=True):
    """The equations of attention over some axes of tensors with as many axes before projection as `rank`."""

    rank: int
    axes: tuple[int, ...]

    @property
    def projected(self) -> str:
        """A projected query: batch and other axes, head, features."""
        return ascii_lowercase[: self.rank + 1]

    @property
    def source(self) -> str:
        """A projected key or value: the attended axes are its own."""
        own = iter(ascii_lowercase[self.rank + 1 :])
        return "".join(next(own) if i in self.axes else letter for i, letter in enumerate(self.projected))

    @property
    def scores(self) -> str:
        """Every index but the features; the attended axes of query and key last."""
        shared = [letter for i, letter in enumerate(self.projected[:-1]) if i not in self.axes]
        attended = [self.projected[i] for i in self.axes] + [self.source[i] for i in self.axes]
        return "".join(shared + attended)


def multi_head(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """Heads of their own for query, key and value, over one or several axes."""
    op = node.op
    if not isinstance(op, MultiHeadAttention):
        return None
    ranks = {value.type.rank for value in node.operands[: 2 + op.keyed]}
    rank = ranks.pop()
    if ranks or rank is None:
        return Refusal("its operands have different or unknown numbers of axes", "give --input-shape")
    axes = tuple(range(1, rank - 1)) if op.axes is None else tuple(a % rank for a in op.axes)
    sizes = (op.heads, op.key_size, op.value_size or op.key_size)
    return _projected(node, rewriter, op, _Heads(rank, axes), sizes, repeats=1)


def group_query(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """Heads of keys and values are repeated for the query heads that share them."""
    op = node.op
    if not isinstance(op, GroupQueryAttention):
        return None
    if any(value.type.rank != 3 for value in node.operands[: 2 + op.keyed]):
        return Refusal("its operands are not batches of sequences", "give --input-shape")
    if op.heads % op.shared_heads:
        return Refusal(f"{op.heads} heads do not share {op.shared_heads} evenly")
    repeats = op.heads // op.shared_heads
    return _projected(node, rewriter, op, _Heads(3, (1,)), (op.heads, op.size, op.size), repeats)


def _projected(
    node: Node,
    rewriter: Rewriter,
    op: MultiHeadAttention | GroupQueryAttention,
    heads: _Heads,
    sizes: tuple[int, int, int],
    repeats: int,
) -> Sequence[Value] | Refusal:
    """`sizes`: how many query heads, the size of a key, and that of a value."""
    count, key_size, value_size = sizes
    steps = Beside(node, rewriter)
    query, value = node.operands[:2]
    output = _output_sizes(op, query)
    if output is None:
        return Refusal("the size of its output is unknown", "give --input-shape")
    q = _project(steps, op, "query", query, (count, key_size))
    k = _project(steps, op, "key", node.operands[2] if op.keyed else value, (count // repeats, key_size))
    v = _project(steps, op, "value", value, (count // repeats, value_size))
    if repeats > 1:
        k, v = (
            steps.add(f"{part}_heads", Repeat(count=repeats, axis=2), x)
            for part, x in (("key", k), ("value", v))
        )
    scaled = steps.add("scaled", act.Affine(scale=1.0 / math.sqrt(key_size)), q)
    equation = f"{heads.source},{heads.projected}->{heads.scores}"
    scores = steps.add("scores", Einsum(equation=equation), k, scaled)
    mask = _mask(steps, op, heads, scores)
    if isinstance(mask, Refusal):
        return mask
    share = _shares(steps, op, heads, scores, mask)
    mixed = steps.add("mixed", Einsum(equation=f"{heads.scores},{heads.source}->{heads.projected}"), share, v)
    if op.gate:
        gate = steps.add("gate", act.Sigmoid(), _project(steps, op, "gate", query, (count, value_size)))
        mixed = steps.add("gated", Multiply(), mixed, gate)
    made = _output(steps, op, heads, mixed, output)
    return (made, share) if op.scores else (made,)


def _project(steps: Beside, op: Projected, part: str, x: Value, sizes: tuple[int, int]) -> Value:
    """[…, features] to […, heads, size]."""
    rank = x.type.rank or 0
    inner, made = ascii_lowercase[:rank], ascii_lowercase[rank : rank + 2]
    uses = [msgspec.structs.replace(steps.node.param(f"{part}_kernel"), role="kernel")]
    uses += [msgspec.structs.replace(steps.node.param(f"{part}_bias"), role="bias")] if op.bias else []
    dense = EinsumDense(
        equation=f"{inner},{inner[-1]}{made}->{inner[:-1]}{made}",
        output_shape=(*(x.type.shape or ())[1:-1], *sizes),
        bias_axes=made if op.bias else None,
    )
    return steps.add("gate_input" if part == "gate" else part, dense, x, params=uses)


def _output_sizes(op: Projected, query: Value) -> tuple[int, ...] | None:
    """The sizes of an output vector's axes."""
    given = op.output_shape if isinstance(op, MultiHeadAttention) else None
    sizes = given or (query.type.shape or (None,))[-1:]
    known = tuple(size for size in sizes if size is not None)
    return known if len(known) == len(sizes) else None


def _output(steps: Beside, op: Projected, heads: _Heads, mixed: Value, sizes: tuple[int, ...]) -> Value:
    """[…, heads, size] to […, output vector]."""
    inner = heads.projected
    made = ascii_lowercase[len(inner) : len(inner) + len(sizes)]
    uses = [msgspec.structs.replace(steps.node.param("output_kernel"), role="kernel")]
    uses += [msgspec.structs.replace(steps.node.param("output_bias"), role="bias")] if op.bias else []
    dense = EinsumDense(
        equation=f"{inner},{inner[-2:]}{made}->{inner[:-2]}{made}",
        output_shape=(*(mixed.type.shape or ())[1:-2], *sizes),
        bias_axes=made if op.bias else None,
    )
    if op.scores:
        return steps.add("output", dense, mixed, params=uses)
    return steps.finish(dense, mixed, params=uses)[0]


def _mask(
    steps: Beside, op: MultiHeadAttention | GroupQueryAttention, heads: _Heads, scores: Value
) -> Value | Refusal | None:
    """Which scores count, with as many axes as the scores; none if all do."""
    mask: Value | None = None
    for name, given in _masks_of(steps.node, op).items():
        axis = {"query_mask": -1, "attention_mask": None}.get(name, -2)
        part = _truth(steps, f"{name}_truth", given)
        if axis is not None:
            part = steps.add(name, ExpandDims(axis=axis), part)
        mask = part if mask is None else _both(steps, mask, part)
    if op.causal or op.window is not None:
        if heads.axes != (1,):
            return Refusal("it attends to earlier steps alone, but not over the first axis")
        plane = _plane(steps, scores)
        if op.causal:
            mask = _both(steps, mask, _earlier(steps, plane))
        if op.window is not None:
            mask = _both(steps, mask, _near(steps, plane, op.window))
    rank = len(heads.scores)
    if mask is None:
        return None
    if mask.type.rank is None or mask.type.rank > rank:
        return Refusal("its mask has another number of axes than its scores")
    for _ in range(rank - mask.type.rank):
        mask = steps.add("wide_mask", ExpandDims(axis=-2 * len(heads.axes) - 1), mask)
    return mask


def _plane(steps: Beside, scores: Value) -> Value:
    """One score for each example, query and key."""
    inner = tuple(range(1, (scores.type.rank or 3) - 2))
    first = Slice(axes=inner, begins=(0,) * len(inner), ends=(1,) * len(inner), squeeze=inner)
    return steps.add("plane", first, scores)


def _shares(
    steps: Beside,
    op: MultiHeadAttention | GroupQueryAttention,
    heads: _Heads,
    scores: Value,
    mask: Value | None,
) -> Value:
    """Softmax over the attended axes of the keys.

    Where nothing counts, Keras mixes evenly; but its way with scores or dropout, or over several axes, mixes nothing.
    """
    if mask is not None:
        far = steps.add("far", FillLike(value=FAR), scores)
        scores = steps.add("masked", Select(), mask, scores, far)
    count = len(heads.axes)
    last = tuple(range(-count, 0))
    share = steps.add("softmax", act.Softmax(axis=-1) if count == 1 else act.SoftmaxOver(axes=last), scores)
    explicit = op.scores or op.dropout > 0.0 or heads.rank != 3
    if mask is None or not explicit:
        return share
    nothing = steps.add("nothing", FillLike(value=0.0), share)
    return steps.add("counted", Select(), mask, share, nothing)
