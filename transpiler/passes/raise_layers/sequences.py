"""What surrounds recurrent layers: transposes that cancel, and the last step of a sequence that nothing else reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from transpiler.ir import Graph, Node, Value
from transpiler.ir.rewriting import Rewriter, rewrite
from transpiler.ops.array import Gather, Unstack
from transpiler.ops.core import Constant
from transpiler.ops.recurrent import GRU, LSTM, SimpleRNN
from transpiler.ops.shape import ExpandDims, Slice, Transpose
from transpiler.passes.raise_layers.engine import Any, Found, Make, Pattern, Walk, replace
from transpiler.passes.raise_layers.slices import element_of

Built = Sequence[Value] | None
_LAYERS = (LSTM, GRU, SimpleRNN)
_TURNED: Final = Transpose(axes=(1, 0, 2))


def _cancelled(found: Found) -> Built:
    """Obligation: the two orders undo each other. Only where reading made one of them: else a person wrote both."""
    outer, inner = found.node.op, found.op("inner")
    assert isinstance(outer, Transpose)
    if len(outer.axes) != len(inner.axes) or [inner.axes[axis] for axis in outer.axes] != sorted(outer.axes):
        return None
    node = found.walk.producer(found["x"])
    of_layer = node is not None and isinstance(node.op, _LAYERS)
    written = found.node.origin.type == found.nodes["inner"].origin.type == "Transpose"
    return (found["x"],) if of_layer or not written else None


def _batch_major(found: Found) -> Built:
    """Obligation: the layer runs over time first, and both it and its only reader are given turned axes."""
    layer = found.nodes["layer"]
    if found.node.op != _TURNED or any(map(found.walk.is_read, layer.results[1:])):
        return None
    return _turned(found, layer)


def _batch_major_alone(found: Found) -> Built:
    """The same for a layer whose last output alone is given."""
    layer = found.node
    return None if layer.op.return_sequences else _turned(found, layer)  # type: ignore[attr-defined]  # a layer


def _turned(found: Found, layer: Node) -> Built:
    turned, op = found.walk.producer(layer.operands[0]), layer.op
    assert isinstance(op, _LAYERS)
    if turned is None or turned.op != _TURNED or not op.time_major:
        return None
    made = op.evolve(time_major=False)
    if found.node is not layer:
        made = made.evolve(return_state=False)
        found.walk.rewriter.release(layer.name)
    params = [layer.param(role) for role in layer.op.roles]
    return replace(found, made, turned.operands[0], *layer.operands[1:], params=params, layer=layer)


def _only_element(found: Found) -> Built:
    """The only element of a new first axis is what it was made of."""
    outer, inner = found.node.op, found.op("inner")
    assert isinstance(outer, Slice)
    node, rank = found.walk.producer(found["x"]), found["x"].type.rank
    if node is None or not isinstance(node.op, _LAYERS) or rank is None or inner.axis % (rank + 1):
        return None
    return (found["x"],) if element_of(outer, rank + 1) in ((0, 0), (0, -1)) else None


def _last_step(found: Found) -> Built:
    """Obligations: the element is the last one of the time axis, and nothing else of the layer is read."""
    walk, value = found.walk, found.node.operands[0]
    node, turned = walk.producer(value), False
    if node is not None and node.op == _TURNED and walk.single(value):
        value, turned = node.operands[0], True
        node = walk.producer(value)
    if node is None or not isinstance(node.op, _LAYERS) or not node.op.return_sequences:
        return None
    if not walk.single(value) or any(walk.is_read(state) for state in node.results[1:]):
        return None
    axis = int(node.op.time_major == turned)
    count = None if value.type.shape is None else value.type.shape[int(not node.op.time_major)]
    if not _takes(found.node, walk, axis, count):
        return None
    op = node.op.evolve(return_sequences=False, return_state=False)
    walk.rewriter.release(node.name)
    params = [node.param(role) for role in node.op.roles]
    return replace(found, op, *node.operands, params=params, layer=node)


def _takes(node: Node, walk: Walk, axis: int, count: int | None) -> bool:
    """Whether a node takes the last element of an axis and leaves the others as they are."""
    if isinstance(node.op, Gather):
        indices = walk.producer(node.operands[1])
        single = indices is not None and isinstance(indices.op, Constant) and indices.op.shape == ()
        number = walk.number(node.operands[1])
        return node.op.axis == axis and single and count is not None and number in (count - 1, -1)
    wanted = (-1,) if count is None else (-1, count - 1)
    return element_of(node.op, node.operands[0].type.rank) in [(axis, last) for last in wanted]


def with_final_states(graph: Graph) -> Graph:
    """Where a sequence was parted only for its last step, besides being read as a whole, that is the final state."""
    chosen: dict[str, Node] = {}
    for node in graph.nodes:
        if not isinstance(node.op, Unstack) or len(graph.uses.get(node.operands[0], ())) < 2:
            continue
        read = [value for value in node.results if value in graph.uses or value in graph.outputs]
        layer = graph.producers[node.operands[0]]
        if not isinstance(layer.op, _LAYERS) or not layer.op.return_sequences or len(layer.results) > 1:
            continue
        if read == [node.results[-1]] and node.op.axis == int(not layer.op.time_major):
            chosen[layer.name] = node
    if not chosen:
        return graph
    states: dict[str, Value] = {}
    parted = {node.name: name for name, node in chosen.items()}

    def rule(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
        if node.name in chosen:
            sequence, state, *_ = rewriter.swap(node, node.op.evolve(return_state=True))
            states[node.name] = state
            return (sequence,)
        if node.name in parted:
            return (*node.results[:-1], states[parted[node.name]])
        return None

    return rewrite(graph, rule)


PATTERNS = (
    *(Pattern("batch first", Make(Transpose, (Make(kind, name="layer"),)), _batch_major) for kind in _LAYERS),
    *(Pattern("batch first", Make(kind), _batch_major_alone) for kind in _LAYERS),
    Pattern(
        "transposes that cancel", Make(Transpose, (Make(Transpose, (Any("x"),), name="inner"),)), _cancelled
    ),
    Pattern("only element", Make(Slice, (Make(ExpandDims, (Any("x"),), name="inner"),)), _only_element),
    Pattern("last step", Make(Slice, (Any("sequence"),)), _last_step),
    Pattern("last step", Make(Gather, (Any("sequence"), Any("index"))), _last_step),
)
