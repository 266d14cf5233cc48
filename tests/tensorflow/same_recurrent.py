"""Recurrent layers as a graph says them: each cell a layer of its own, without wrappers and without dropout.

GraphDef cannot say that two layers are one bidirectional layer, that several cells are one stack, or that a layer is
applied at every step; and what it holds for inference has no dropout inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from transpiler.ir import Node, Op, ParamUse, Value
from transpiler.ir.op import fields_of
from transpiler.ir.rewriting import Rewriter
from transpiler.ops.array import Flip
from transpiler.ops.dense import Dense
from transpiler.ops.elementwise import Add, Average, Multiply
from transpiler.ops.recurrent import GRU, LSTM, GRUCell, LSTMCell, SimpleRNN, SimpleRNNCell
from transpiler.ops.recurrent_stack import RNN
from transpiler.ops.shape import Concat
from transpiler.ops.wrappers import Bidirectional, Merge, TimeDistributed

LAYERS = (SimpleRNN, LSTM, GRU)
_OF_CELL: dict[type[Op], type[Op]] = {SimpleRNNCell: SimpleRNN, LSTMCell: LSTM, GRUCell: GRU}


def plain(op: Any) -> Op:
    """A layer without what only training and masks need."""
    made: Op = op.evolve(dropout=0.0, recurrent_dropout=0.0, zero_output_for_mask=False)
    return made


def taken_apart(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """The layers that a recurrent layer or a wrapper consists of; None for all others."""
    match node.op:
        case SimpleRNN() | LSTM() | GRU() as op:
            return rewriter.swap(node, plain(op))
        case Bidirectional() as op:
            return _both(node, op, rewriter)
        case RNN() as op:
            return _cells(node, op, rewriter)
        case TimeDistributed(inner=Dense() as inner):
            params = tuple(node.param(role) for role in inner.roles)
            return rewriter.swap(node, inner.evolve(axis=-1), params=params)
        case _:
            return None


def _add(node: Node, rewriter: Rewriter, what: str, op: Op, *operands: Value, uses: Any = ()) -> Node:
    return rewriter.add(op, operands, name=f"{node.name}/{what}", origin=node.origin, params=uses)


def _both(node: Node, op: Bidirectional, rewriter: Rewriter) -> Sequence[Value]:
    sides = []
    for prefix, inner in (("forward", op.forward), ("backward", op.backward)):
        uses = [msgspec.structs.replace(node.param(f"{prefix}_{role}"), role=role) for role in inner.roles]
        (value,) = _add(node, rewriter, prefix, plain(inner), *node.operands, uses=uses).results
        sides.append(value)
    if op.backward.return_sequences:  # type: ignore[attr-defined]  # a recurrent op
        sides[1] = _add(node, rewriter, "turned", Flip(axes=(1,)), sides[1]).result
    rank = sides[0].type.rank or 2
    merges = {
        Merge.CONCAT: Concat(axis=rank - 1),
        Merge.SUM: Add(),
        Merge.MUL: Multiply(),
        Merge.AVE: Average(),
    }
    return rewriter.swap(node, merges[op.merge], tuple(sides), params=())


def _cells(node: Node, op: RNN, rewriter: Rewriter) -> Sequence[Value]:
    x = node.operands[0]
    for i, (prefix, cell) in enumerate(op.layers):
        fields = {field.name: getattr(cell, field.name) for field in fields_of(cell)}
        last = i == len(op.layers) - 1
        layer: Any = _OF_CELL[type(cell)](**fields)
        layer = layer.evolve(
            return_sequences=op.return_sequences or not last, go_backwards=op.go_backwards and i == 0
        )
        uses: list[ParamUse] = [
            msgspec.structs.replace(node.param(prefix + role), role=role) for role in cell.roles
        ]
        x = _add(node, rewriter, f"cell{i}", plain(layer), x, uses=uses).result
    return (x,)
