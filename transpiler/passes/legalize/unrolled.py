"""Caffe's recurrent layers written out step by step: time-major, with flags that reset the state inside a sequence.

Recurrent layers elsewhere cannot reset their state by data, so each step becomes its own small graph; the matrices are
shared by all steps. Exact for any flags, and only for a known number of steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from transpiler.dialects.rows import Refusal
from transpiler.ir import Node, ParamUse, Value
from transpiler.ir.rewriting import Rewriter
from transpiler.ops.activation import Identity, Sigmoid, Tanh
from transpiler.ops.array import FillLike
from transpiler.ops.caffe_recurrent import TimeMajorLSTM, TimeMajorRecurrent, TimeMajorRNN
from transpiler.ops.dense import Dense
from transpiler.ops.elementwise import Add, Multiply
from transpiler.ops.shape import Concat, ExpandDims, Slice, Split
from transpiler.passes.beside import Beside

MOST_STEPS = 512
"""Longer sequences would make graphs that no one can use."""


def lstm(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """C = f c' + i g, h = o tanh(c), gates from W x + U (cont h') + b."""
    op = node.op
    return _unroll(node, rewriter, op, _lstm_step) if isinstance(op, TimeMajorLSTM) else None


def rnn(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """H = tanh(W x + U (cont h') + b), output tanh(V h + c)."""
    op = node.op
    return _unroll(node, rewriter, op, _rnn_step) if isinstance(op, TimeMajorRNN) else None


class _Step(msgspec.Struct, frozen=True):
    """What one step reads: its number, the projected input [N, gates * units], the flags [N, 1]."""

    number: int
    projected: Value
    cont: Value


class _State(msgspec.Struct, frozen=True):
    """What one step leaves: hidden state and output [N, units], for an LSTM the cell too."""

    hidden: Value
    output: Value
    cell: Value | None = None


def _lstm_step(steps: Beside, op: TimeMajorRecurrent, step: _Step, before: _State | None) -> _State:
    t = step.number
    gates = _with_hidden(steps, op, step, before)
    i, f, o, g = steps.add_node(f"gates{t}", Split(axis=1, count=4), gates).results
    cell = steps.add(f"new{t}", Multiply(), steps.add(f"i{t}", Sigmoid(), i), steps.add(f"g{t}", Tanh(), g))
    if before is not None and before.cell is not None:
        kept = steps.add(f"kept{t}", Multiply(), steps.add(f"f{t}", Sigmoid(), f), before.cell, step.cont)
        cell = steps.add(f"cell{t}", Add(), kept, cell)
    out = steps.add(f"o{t}", Sigmoid(), o)
    hidden = steps.add(f"h{t}", Multiply(), out, steps.add(f"tanh{t}", Tanh(), cell))
    return _State(hidden, hidden, cell)


def _rnn_step(steps: Beside, op: TimeMajorRecurrent, step: _Step, before: _State | None) -> _State:
    t = step.number
    hidden = steps.add(f"h{t}", Tanh(), _with_hidden(steps, op, step, before))
    uses = [_use(steps.node, "output_kernel", "kernel"), _use(steps.node, "output_bias", "bias")]
    output = steps.add(f"output{t}", Dense(units=op.units, axis=-1), hidden, params=uses)
    return _State(hidden, steps.add(f"y{t}", Tanh(), output))


def _with_hidden(steps: Beside, op: TimeMajorRecurrent, step: _Step, before: _State | None) -> Value:
    """The projected input plus what the kept hidden state adds."""
    if before is None:
        return step.projected
    t = step.number
    kept = steps.add(f"hidden{t}", Multiply(), before.hidden, step.cont)
    dense = Dense(units=op.gates * op.units, axis=-1, bias=False)
    use = _use(steps.node, "recurrent_kernel", "kernel")
    added = steps.add(f"recurrent{t}", dense, kept, params=[use])
    return steps.add(f"sum{t}", Add(), step.projected, added)


def _use(node: Node, role: str, as_role: str) -> ParamUse:
    return msgspec.structs.replace(node.param(role), role=as_role)


_Advance = Callable[[Beside, TimeMajorRecurrent, _Step, _State | None], _State]


def _unroll(
    node: Node, rewriter: Rewriter, op: TimeMajorRecurrent, advance: _Advance
) -> Sequence[Value] | Refusal | None:
    shape = node.operands[0].type.shape
    if shape is None or not shape[0] or shape[0] > MOST_STEPS or shape[1] is None:
        return Refusal(
            "continuation flags reset its state inside a sequence, which has to be written out step by step, and "
            f"that takes a known number of at most {MOST_STEPS} steps",
            "give --input-shape with fewer steps",
        )
    steps = Beside(node, rewriter)
    inputs = _projected(steps, op, shape[0])
    state = _initial(steps, op)
    if state is None and len(inputs) == 1:
        state = _zero(steps, op, inputs[0])
    outputs = []
    for step in inputs:
        state = advance(steps, op, step, state)
        outputs.append(steps.add(f"step{step.number}", ExpandDims(axis=0), state.output))
    joined = steps.finish(Concat(axis=0), *outputs, params=()) if len(outputs) > 1 else None
    first = joined or steps.finish(Identity(), outputs[0], params=())
    if not op.expose_hidden or state is None:
        return first
    finals = [state.hidden] if state.cell is None else [state.hidden, state.cell]
    return (*first, *(steps.add(f"final{i}", ExpandDims(axis=0), value) for i, value in enumerate(finals)))


def _projected(steps: Beside, op: TimeMajorRecurrent, count: int) -> list[_Step]:
    """The input's share of every step's gates, and its flags."""
    node = steps.node
    width = op.gates * op.units
    uses = [_use(node, "kernel", "kernel"), _use(node, "bias", "bias")]
    whole = steps.add("input", Dense(units=width, axis=2), node.operands[0], params=uses)
    static = None
    if op.static:
        use = _use(node, "static_kernel", "kernel")
        static = steps.add("static", Dense(units=width, bias=False), node.operands[2], params=[use])
    made = []
    for t in range(count):
        part = Slice(axes=(0,), begins=(t,), ends=(t + 1,), squeeze=(0,))
        projected = steps.add(f"input{t}", part, whole)
        if static is not None:
            projected = steps.add(f"fed{t}", Add(), projected, static)
        flags = steps.add(f"flags{t}", part, node.operands[1])
        made.append(_Step(t, projected, steps.add(f"cont{t}", ExpandDims(axis=1), flags)))
    return made


def _zero(steps: Beside, op: TimeMajorRecurrent, step: _Step) -> _State:
    """A state of zeros: a single step then still owns the matrices that only further steps would need."""
    part = Slice(axes=(1,), begins=(0,), ends=(op.units,))
    zero = steps.add("zero", FillLike(value=0.0), steps.add("like", part, step.projected))
    return _State(zero, zero, zero if op.gates > 1 else None)


def _initial(steps: Beside, op: TimeMajorRecurrent) -> _State | None:
    """The state before the first step: nothing (zeros), or operands."""
    if not op.expose_hidden:
        return None
    given = steps.node.operands[2 + op.static :]
    first = Slice(axes=(0,), begins=(0,), ends=(1,), squeeze=(0,))
    states = [steps.add(f"initial{i}", first, value) for i, value in enumerate(given)]
    return _State(states[0], states[0], states[1] if len(states) > 1 else None)
