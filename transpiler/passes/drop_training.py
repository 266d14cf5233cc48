"""What only training and testing need is dropped for targets that keep it elsewhere: losses, measures, readers.

A classification loss leaves the function that it applies to its scores (softmax, sigmoid), as a deploy file would; a
reader becomes inputs. What is dropped is said in one note.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from transpiler.ir import Graph, Node, Op, Origin, Value
from transpiler.ir.rewriting import Rewriter, rewrite, without_dead_nodes
from transpiler.ops.activation import Sigmoid, Softmax
from transpiler.ops.core import Data, Input
from transpiler.ops.loss import Loss, SigmoidCrossEntropyLoss, SoftmaxLoss
from transpiler.ops.shape import Silence
from transpiler.passes.manager import Context, Pass
from transpiler.passes.trail import Moved

TRAINING = (Loss, Silence)


def _drop(graph: Graph, context: Context) -> Graph:
    dropped = [node for node in graph.nodes if isinstance(node.op, TRAINING)]
    if not dropped and not any(isinstance(node.op, Data) for node in graph.nodes):
        return graph
    moved: dict[str, Moved | None] = {value.name: None for node in dropped for value in node.results}

    def rule(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
        if isinstance(node.op, Data):
            made = _inputs(node, node.op, rewriter)
            moved.update({old.name: Moved(new.name) for old, new in zip(node.results, made, strict=True)})
            return made
        if not isinstance(node.op, TRAINING):
            return None
        function = _function(node.op)
        value = node.operands[0]
        if function is not None:
            rewriter.release(node.name)
            value = rewriter.add(function, (value,), name=node.name, origin=node.origin).result
        return (value,) * len(node.results)

    changed = rewrite(graph, rule)
    context.trail.note(moved)
    if dropped:
        names = ", ".join(node.name for node in dropped)
        context.sink.note(
            "T6003", f"layers of training and testing are not part of the converted network: {names}"
        )
    return _trimmed(graph, changed)


def _function(op: Op) -> Op | None:
    """What a deploy file applies to the scores of this loss."""
    match op:
        case SoftmaxLoss(axis=axis):
            return Softmax(axis=axis)
        case SigmoidCrossEntropyLoss():
            return Sigmoid()
        case _:
            return None


def _inputs(node: Node, op: Data, rewriter: Rewriter) -> tuple[Value, ...]:
    rewriter.release(node.name)
    made = []
    for value, shape in zip(node.results, op.shapes, strict=True):
        name = value.native or value.name
        origin = Origin(name, "Input", node.span)
        made.append(
            rewriter.add(Input(shape=shape), name=name, origin=origin, natives=(value.native,)).result
        )
    return tuple(made)


def _trimmed(old: Graph, changed: Graph) -> Graph:
    """Outputs are the computed values that nothing reads; inputs that only training read are gone."""
    computed = {value for node in changed.nodes if node.operands for value in node.results}
    silenced = {value.name for node in old.nodes if isinstance(node.op, Silence) for value in node.operands}
    outputs = [value for value in _unread(changed) if value in computed and value.name not in silenced]
    wanted = [value for value in changed.outputs if value in computed and value in changed.uses]
    names = {output.name for output in old.outputs}
    final = tuple(dict.fromkeys((*(value for value in wanted if value.name in names), *outputs)))
    unread_before = {value.name for value in _unread(old)}

    def keep(node: Node) -> bool:
        return isinstance(node.op, Input) and node.name in unread_before and node.origin.type == "Input"

    graph = Graph(changed.name, changed.nodes, final or changed.outputs, changed.extras)
    return without_dead_nodes(graph, keep)


def _unread(graph: Graph) -> Iterator[Value]:
    return (value for node in graph.nodes for value in node.results if value not in graph.uses)


DROP_TRAINING = Pass("drop_training", _drop)
