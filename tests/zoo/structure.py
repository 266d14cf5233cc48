"""Two networks compared layer by layer, whatever their layers are called and in whatever order they are written.

Both are brought to one form first: channels first, explicit padding, normalization and scale as one, no training. Then
each is listed from its outputs backwards, the lists are aligned, and what differs is counted in words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

import msgspec

from transpiler.diagnostics import Sink
from transpiler.ir import Graph, Module, Node, Op, Shape, Value
from transpiler.ir.op import fields_of
from transpiler.ir.rewriting import Rewriter, rewrite, without_dead_nodes
from transpiler.ops.activation import Identity, LogSoftmax, Softmax
from transpiler.ops.convolution import Conv, DepthwiseConv
from transpiler.ops.core import Input
from transpiler.ops.dense import Dense
from transpiler.ops.elementwise import Add, Multiply
from transpiler.ops.normalization import BatchNorm
from transpiler.ops.pooling import AveragePool, GlobalAveragePool
from transpiler.ops.regularization import Dropout
from transpiler.ops.shape import Concat, Flatten, Reshape
from transpiler.ops.spatial import DataFormat
from transpiler.ops.windows import Valid
from transpiler.passes.canonicalize import CANONICALIZE, FUSE_SCALE
from transpiler.passes.data_format import to_format
from transpiler.passes.drop_training import DROP_TRAINING
from transpiler.passes.free_batch import FREE_BATCH
from transpiler.passes.legalize.caffe_windows import FOLD_PADS
from transpiler.passes.manager import Context, Pass, run
from transpiler.passes.normalize_padding import NORMALIZE_PADDING
from transpiler.passes.pipelines import READ

_PASSES = (
    *READ,
    DROP_TRAINING,
    CANONICALIZE,
    FUSE_SCALE,
    NORMALIZE_PADDING,
    to_format(DataFormat.CHANNELS_FIRST),
    FREE_BATCH,
)
_UNORDERED = (Add, Multiply)
_AXIS = (BatchNorm, Concat, LogSoftmax, Softmax)
_TRAINING_ONLY = frozenset({("batch_norm", "momentum")})
"""Fields that no computed number depends on."""


def normal_form(module: Module, input_shapes: Mapping[str, Shape]) -> Graph:
    """The graph of the TEST phase in the form in which graphs are compared."""
    context = Context(Sink(), input_shapes=input_shapes)
    graph = run(module.graph("TEST"), (*_PASSES, FOLD_PADS, Pass("one_spelling", _one_spelling)), context)
    context.sink.raise_if_errors()
    return without_dead_nodes(graph, lambda _: False)


def differences(theirs: Graph, ours: Graph) -> dict[str, int]:
    """What distinguishes two graphs in normal form, in words, each with the number of layers that it is true of."""
    left, right = list(_listed(theirs)), list(_listed(ours))
    found: Counter[str] = Counter()
    pairs: dict[Node, Node] = {}
    matcher = SequenceMatcher(None, [_key(n) for n in left], [_key(n) for n in right], autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal" or [n.op.name for n in left[a:b]] == [n.op.name for n in right[c:d]]:
            pairs.update(zip(left[a:b], right[c:d], strict=True))
            continue
        found.update(f"only theirs: {_words(node.op)}" for node in left[a:b])
        found.update(f"only ours: {_words(node.op)}" for node in right[c:d])
    for mine, other in pairs.items():
        found.update(_changes(mine, other))
    found.update(_wiring(theirs, ours, pairs))
    return dict(found)


def _one_spelling(graph: Graph, context: Context) -> Graph:
    """Of several ways to write the same, one."""
    for rule in (_plain_axis, _depthwise, _global_pool, _flat_scores, _dropped_before, _flattened, _joined):
        graph = rewrite(graph, rule)
    return graph


def _plain_axis(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    op, rank = node.op, node.operands[0].type.rank if node.operands else None
    if isinstance(op, Identity):
        return node.operands
    if isinstance(op, _AXIS) and rank is not None and op.axis < 0:
        return rewriter.swap(node, op.evolve(axis=op.axis % rank))
    if isinstance(op, Dense) and rank == 2 and op.axis != 1:
        return rewriter.swap(node, op.evolve(axis=1))
    return None


def _depthwise(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """A group for each channel."""
    op, shape = node.op, node.operands[0].type.shape if node.operands else None
    if not isinstance(op, Conv) or shape is None or op.groups != shape[1] or op.groups == 1:
        return None
    kept = {name: value for name, value in vars(op).items() if name not in ("filters", "groups")}
    return rewriter.swap(node, DepthwiseConv(multiplier=op.filters // op.groups, **kept))


def _flat_scores(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """A softmax of [N, C, 1, 1] is one of [N, C]."""
    shape = node.operands[0].type.shape if node.operands else None
    if not isinstance(node.op, Softmax) or shape is None or len(shape) != 4 or shape[2:] != (1, 1):
        return None
    flat = rewriter.add(Flatten(), node.operands, name=f"{node.name}/flat", origin=node.origin)
    return rewriter.swap(node, node.op, flat.results)


def _dropped_before(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """A dropout of what was flattened is a flattening of what was dropped."""
    before = rewriter.producer(node.operands[0]) if node.operands else None
    if not isinstance(node.op, Dropout) or before is None or not isinstance(before.op, Flatten):
        return None
    dropped = rewriter.add(node.op, before.operands, name=f"{node.name}/dropped", origin=node.origin)
    return rewriter.swap(node, before.op, dropped.results)


def _global_pool(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """A window over the whole of space, and a mean that drops its axes, are the mean that keeps them."""
    op, shape = node.op, node.operands[0].type.shape if node.operands else None
    if isinstance(op, AveragePool) and shape is not None and shape[2:] == op.kernel:
        return rewriter.swap(node, GlobalAveragePool(keepdims=True)) if op.padding == Valid() else None
    if isinstance(op, GlobalAveragePool) and not op.keepdims:
        kept = rewriter.add(
            op.evolve(keepdims=True), node.operands, name=f"{node.name}/kept", origin=node.origin
        )
        return rewriter.swap(node, Flatten(), kept.results)
    return None


def _flattened(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """A dense layer flattens by itself; a reshape of each example to one axis is a flattening."""
    before = rewriter.producer(node.operands[0]) if node.operands else None
    if (
        isinstance(node.op, Dense)
        and node.op.axis == 1
        and before is not None
        and isinstance(before.op, Flatten)
    ):
        return rewriter.swap(node, node.op, before.operands)
    shape = node.results[0].type.shape if node.results else None
    if isinstance(node.op, Reshape) and shape is not None and len(shape) == 2:
        if shape == node.operands[0].type.shape:
            return node.operands
        return rewriter.swap(node, Flatten())
    return None


def _joined(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """A join of joins is one join."""
    if not isinstance(node.op, Concat):
        return None
    operands: list[Value] = []
    for value in node.operands:
        before = rewriter.producer(value)
        same = before is not None and before.op == node.op and len(rewriter.graph.uses.get(value, ())) <= 1
        operands.extend(before.operands if same and before is not None else (value,))
    return rewriter.swap(node, node.op, operands) if len(operands) > len(node.operands) else None


def _listed(graph: Graph) -> Iterator[Node]:
    """Every node once, after those that it reads, from the first output on. Operands whose order does not matter are
    put in order: the one that fewer layers lead to first.
    """
    depths = _depths(graph)
    seen: set[Node] = set()
    waiting: list[tuple[Node, bool]] = [(graph.producers[value], False) for value in reversed(graph.outputs)]
    while waiting:
        node, done = waiting.pop()
        if done:
            yield node
        elif node not in seen:
            seen.add(node)
            waiting.append((node, True))
            waiting.extend((graph.producers[value], False) for value in reversed(_operands(node, depths)))


def _operands(node: Node, depths: Mapping[Value, int]) -> list[Value]:
    operands = list(node.operands)
    return sorted(operands, key=lambda value: depths[value]) if isinstance(node.op, _UNORDERED) else operands


def _key(node: Node) -> tuple[str, ...]:
    return (node.op.name, *(str(value.type) for value in node.results))


def _words(op: Op) -> str:
    """An op with the fields that are not as by default."""
    defaults = {field.name: field.default for field in fields_of(op)}
    said = {name: value for name, value in vars(op).items() if value != defaults[name]}
    said.pop("noise_shape", None)
    return f"{op.name} {_shown(said)}" if said else op.name


def _shown(said: Mapping[str, object]) -> str:
    return "(" + ", ".join(f"{name}={getattr(value, 'plain', value)}" for name, value in said.items()) + ")"


def _changes(theirs: Node, ours: Node) -> Iterator[str]:
    for name, value in vars(theirs.op).items():
        mine = vars(ours.op)[name]
        if mine != value and (theirs.op.name, name) not in _TRAINING_ONLY and not isinstance(ours.op, Input):
            yield f"{ours.op.name}.{name}: theirs {getattr(value, 'plain', value)}, ours {getattr(mine, 'plain', mine)}"
    if [value.type for value in theirs.results] != [value.type for value in ours.results]:
        yield "gives another shape"


def _wiring(theirs: Graph, ours: Graph, pairs: Mapping[Node, Node]) -> Iterator[str]:
    """Layers that are alike but read others. What only one side has is looked through where it has one input."""
    alone = set(pairs.values())
    depths = [_depths(theirs), _depths(ours)]

    def source(graph: Graph, value: Value, known: Any) -> Node:
        node = graph.producers[value]
        while node not in known and len(node.operands) == 1:
            node = graph.producers[node.operands[0]]
        return node

    for mine, other in pairs.items():
        read = [source(theirs, value, pairs) for value in _operands(mine, depths[0])]
        wanted = [source(ours, value, alone) for value in _operands(other, depths[1])]
        if [pairs.get(node) for node in read] != wanted:
            yield f"{other.op.name} reads other layers"


def _depths(graph: Graph) -> dict[Value, int]:
    depths: dict[Value, int] = {}
    for node in graph.nodes:
        depth = 1 + max((depths[value] for value in node.operands), default=0)
        depths.update(dict.fromkeys(node.results, depth))
    return depths


class Difference(msgspec.Struct, frozen=True):
    """Something that distinguishes a network of the zoo from its counterpart, and why it is so."""

    what: str
    layers: int
    why: str
