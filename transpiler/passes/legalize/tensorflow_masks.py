"""Masks that Keras passes on unseen from layer to layer, made operands of the layers that heed them.

An embedding with `mask_zero` and a masking layer start one; layers that treat each step by itself pass it on; a
recurrent layer skips the steps it names. Two directions become two layers here, so that each gets the mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from transpiler.ir import DType, Graph, Node, Op, ParamUse, Value
from transpiler.ir.rewriting import Rewriter, rewrite
from transpiler.ops import activation as act
from transpiler.ops import array, normalization
from transpiler.ops.attention import Attending, MultiHeadAttention, Single
from transpiler.ops.dense import Dense, Embedding, ReversibleEmbedding
from transpiler.ops.elementwise import (
    Add,
    Average,
    BinaryFunction,
    Cast,
    Compare,
    Comparison,
    Divide,
    Elementwise,
    Multiply,
)
from transpiler.ops.pooling import GlobalAveragePool
from transpiler.ops.recurrent import OverTime, Recurrent
from transpiler.ops.recurrent_stack import RNN, ConvLSTM
from transpiler.ops.reduction import Reduce, Reducer
from transpiler.ops.regularization import Masking
from transpiler.ops.shape import Concat, ExpandDims, Reverse
from transpiler.ops.spatial import DataFormat
from transpiler.ops.wrappers import Bidirectional, Merge, TimeDistributed
from transpiler.passes.beside import Beside
from transpiler.passes.manager import SHAPED, Context, Pass

PASSING: tuple[type[Op], ...] = (act.Activation, Dense, TimeDistributed)
"""Layers behind which a mask still holds."""
HEEDING: tuple[type[Op], ...] = (ConvLSTM,)
"""Layers that heed masks in ways that are not written."""
_SINGLE_MASKS: Final = ("query", "value")
_HEADS_MASKS: Final = ("query_mask", "value_mask", "key_mask", "attention_mask")


class _Masks:
    """The mask of each value, None where there is one that cannot be written."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.known: dict[Value, Value | None] = {}

    def rule(self, node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
        match node.op:
            case Masking():
                return self._masking(node, node.op, rewriter)
            case Embedding(mask_zero=True) | ReversibleEmbedding(mask_zero=True, reverse=False):
                self._start(node, rewriter)
                return None
            case Bidirectional():
                return self._both(node, node.op, rewriter)
        masked = [value for value in node.operands if value in self.known]
        if isinstance(node.op, MultiHeadAttention) and "query_mask" in node.op.masks:
            self._refuse(node, "versions of Keras do not agree on whether the mask of its queries counts")
        if not masked or node.origin.type.startswith("ops."):  # operations that are no layers forget masks
            return None
        match node.op:
            case Recurrent() | RNN() if not node.op.masked:
                return self._recurrent(node, node.op, rewriter)
            case Attending():
                return self._attention(node, node.op, rewriter)
            case GlobalAveragePool() if node.operands[0].type.rank == 3:
                return self._mean(node, node.op, rewriter)
        self._pass_on(node, rewriter)
        return None

    def _attention(self, node: Node, op: Attending, rewriter: Rewriter) -> Sequence[Value] | None:
        """The masks of query, value and key, unless others are given; the result has the query's."""
        if any(self.known.get(value, value) is None for value in node.operands):
            self._refuse(node)
            return None
        names = _SINGLE_MASKS if isinstance(op, Single) else _HEADS_MASKS
        tensors = 2 + op.keyed
        masks = {
            name: mask
            for name, value in zip(names, node.operands[:tensors], strict=False)
            if (mask := self.known.get(value)) is not None
        }
        masks.update(zip(op.masks, node.operands[tensors:], strict=True))
        order = tuple(name for name in names if name in masks)
        operands = (*node.operands[:tensors], *(masks[name] for name in order))
        made = rewriter.swap(node, op.evolve(masks=order), operands)
        if self.known.get(node.operands[0]) is not None:
            self.known[made[0]] = self.known[node.operands[0]]
        if isinstance(op, MultiHeadAttention):
            self._take_off(node)
        return made

    def _take_off(self, node: Node) -> None:
        """Some versions of Keras take the masks off what this layer reads: nobody can know who still sees them."""
        for value in node.operands:
            if value in self.known:
                self.known[value] = None

    def _mean(self, node: Node, op: GlobalAveragePool, rewriter: Rewriter) -> Sequence[Value] | None:
        """The mean of the steps that count."""
        x = node.operands[0]
        mask = self.known.get(x)
        if mask is None:
            self._refuse(node)
            return None
        steps = Beside(node, rewriter)
        last = op.data_format is DataFormat.CHANNELS_LAST
        wide = steps.add("mask", ExpandDims(axis=2 if last else 1), mask)
        factor = steps.add("factor", Cast(dtype=DType.FLOAT32), wide)
        total = Reduce(reducer=Reducer.SUM, axes=(1 if last else 2,), keepdims=op.keepdims)
        sums = steps.add("sum", total, steps.add("kept", Multiply(), x, factor))
        return steps.finish(Divide(), sums, steps.add("count", total, factor), params=())

    def _masking(self, node: Node, op: Masking, rewriter: Rewriter) -> Sequence[Value]:
        """Steps whose every feature equals the value become zeros, and are masked."""
        steps = Beside(node, rewriter)
        x = node.operands[0]
        value = steps.add("value", array.FillLike(value=op.value), x)
        differs = steps.add("differs", Compare(relation=Comparison.NOT_EQUAL), x, value)
        any_ = Reduce(reducer=Reducer.ANY, axes=(-1,), keepdims=True)
        kept = steps.add("kept", any_, differs)
        flags = steps.add("mask", Reduce(reducer=Reducer.ANY, axes=(-1,)), differs)
        made = steps.finish(Multiply(), x, steps.add("factor", Cast(dtype=DType.FLOAT32), kept), params=())
        self.known[made[0]] = flags
        return made

    def _start(self, node: Node, rewriter: Rewriter) -> None:
        """Index 0 of an embedding marks steps to skip."""
        steps = Beside(node, rewriter)
        x = node.operands[0]
        if len(x.type.shape or ()) != 2:
            self.known[node.result] = None
            return
        zero = steps.add("zero", array.FillLike(value=0.0), x)
        self.known[node.result] = steps.add("mask", Compare(relation=Comparison.NOT_EQUAL), x, zero)

    def _pass_on(self, node: Node, rewriter: Rewriter) -> None:
        """What the layer's results have for a mask; those that heed one and cannot be written are refused."""
        op = node.op
        mask = self.known.get(node.operands[0])
        if isinstance(op, HEEDING):
            self._refuse(node)
        elif isinstance(op, PASSING) and not isinstance(op, (normalization.MVN, array.Flip, array.Roll)):
            self.known.update(dict.fromkeys(node.results, mask))
        elif isinstance(op, (Elementwise, Concat)):
            self._joined(node, rewriter)

    def _joined(self, node: Node, rewriter: Rewriter) -> None:
        """Layers that join tensors: a step counts where it does in any of them, if all have masks.

        Keras takes an unmasked part of a concatenation for one that always counts, which is to have no mask.
        """
        masks = [self.known.get(value) for value in node.operands]
        rank = node.result.type.rank or 0
        if isinstance(node.op, Concat) and node.op.axis % max(rank, 1) != rank - 1:
            self.known[node.result] = None
        elif all(value in self.known for value in node.operands):
            known = [mask for mask in masks if mask is not None]
            if len(known) < len(masks):
                self.known[node.result] = None
                return
            mask = known[0]
            for other in known[1:]:
                either = BinaryFunction(function="logical_or")
                mask = Beside(node, rewriter).add("mask", either, mask, other) if other is not mask else mask
            self.known[node.result] = mask

    def _refuse(
        self, node: Node, reason: str = "it heeds a mask that an earlier layer makes, which is not written"
    ) -> None:
        self.context.sink.error(
            "T5002",
            f"layer {node.origin.layer}: {node.origin.type} has no exact form in TensorFlow: {reason}",
            node.span,
        )

    def _recurrent(self, node: Node, op: Recurrent | RNN, rewriter: Rewriter) -> Sequence[Value] | None:
        mask = self.known.get(node.operands[0])
        if node.operands[0] not in self.known:
            return None
        if mask is None:
            self._refuse(node)
            return None
        made = rewriter.swap(node, op.evolve(masked=True), (*node.operands, mask))
        if op.return_sequences:
            self.known[made[0]] = mask
        return made

    def _both(self, node: Node, op: Bidirectional, rewriter: Rewriter) -> Sequence[Value] | None:
        """Two layers, the second read backwards and its sequence turned round again, then merged."""
        mask = self.known.get(node.operands[0])
        if node.operands[0] in self.known and (mask is None or isinstance(op.forward, ConvLSTM)):
            self._refuse(node)
            return None
        steps = Beside(node, rewriter)
        states = node.operands[1:]
        half = len(states) // 2
        ahead, *after = self._direction(steps, "forward", op.forward, states[:half], mask)
        back, *before = self._direction(steps, "backward", op.backward, states[half:], mask)
        sequences = isinstance(op.forward, OverTime) and op.forward.return_sequences
        if sequences:
            back = steps.add(
                "reversed", Reverse(axis=0 if getattr(op.forward, "time_major", False) else 1), back
            )
        if op.merge is Merge.NONE:
            return (ahead, back, *after, *before)
        merge: dict[Merge, Op] = {
            Merge.CONCAT: Concat(axis=len(ahead.type.shape or (0,)) - 1),
            Merge.SUM: Add(),
            Merge.MUL: Multiply(),
            Merge.AVE: Average(),
        }
        made = steps.rewriter.add(
            merge[op.merge], (ahead, back), name=f"{node.name}/merge", origin=node.origin, scope=node.scope
        ).result
        if sequences and mask is not None:
            self.known[made] = mask
        return (made, *after, *before)

    def _direction(
        self, steps: Beside, which: str, op: Op, states: Sequence[Value], mask: Value | None
    ) -> tuple[Value, ...]:
        node = steps.node
        uses: list[ParamUse] = [
            msgspec.structs.replace(node.param(f"{which}_{role}"), role=role) for role in op.roles
        ]
        operands = [node.operands[0], *states]
        if mask is not None:
            op, operands = op.evolve(masked=True), [*operands, mask]
        return steps.add_node(which, op, *operands, params=uses).results


def _explicit(graph: Graph, context: Context) -> Graph:
    masks = _Masks(context)
    return rewrite(graph, masks.rule)


EXPLICIT_MASKS = Pass("explicit_masks", _explicit, requires=frozenset({SHAPED}), stops=False)
