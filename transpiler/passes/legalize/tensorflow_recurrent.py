"""Recurrent layers written out step by step: all steps share the matrices, and their number is known.

Formulas are those of the ops in `transpiler.ops.recurrent`. A step that a mask leaves out keeps its state.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from transpiler.dialects.rows import Refusal
from transpiler.dialects.tensorflow.write_recurrent import MOST_STEPS
from transpiler.ir import Node, Op, ParamUse, Reshape, Take, Value
from transpiler.ir.rewriting import Rewriter
from transpiler.ops.activation import Affine
from transpiler.ops.array import FillLike, Stack, Unstack
from transpiler.ops.dense import Dense
from transpiler.ops.elementwise import Add, Multiply, Select
from transpiler.ops.recurrent import GRU, LSTM, Cell, GRUCell, LSTMCell, SimpleRNN, SimpleRNNCell
from transpiler.ops.recurrent_stack import RNN
from transpiler.ops.shape import ExpandDims, Slice, Split, Tile
from transpiler.passes.beside import Beside

States = tuple[Value, ...]
Layer = SimpleRNN | LSTM | GRU | RNN


class Unit(msgspec.Struct, frozen=True):
    """One cell of a layer: its op, the prefix of its roles and of the names of its nodes."""

    op: Cell
    prefix: str = ""

    def use(self, node: Node, role: str, as_role: str) -> ParamUse:
        return msgspec.structs.replace(node.param(self.prefix + role), role=as_role)


def unrolled(node: Node, rewriter: Rewriter) -> Sequence[Value] | Refusal | None:
    """A layer with one cell, or with a stack of them."""
    op = node.op
    units: tuple[Unit, ...]
    match op:
        case SimpleRNN() | LSTM() | GRU():
            units = (Unit(op),)
        case RNN():
            units = tuple(Unit(cell, prefix) for prefix, cell in op.layers)
        case _:
            return None
    refused = _refusal(node, op)
    if refused:
        return refused
    layer = _Layer(node, Beside(node, rewriter), op, units)
    return layer.run()


def _refusal(node: Node, op: Layer) -> Refusal | None:
    shape = node.operands[0].type.shape
    if op.stateful:
        return Refusal("it keeps its state from one run to the next")
    if shape is None or len(shape) != 3:
        return Refusal("its input is not a batch of sequences")
    _, count = op.steps(shape)
    if count is None:
        return Refusal(
            "it is written out step by step, and the number of steps is unknown", "give --input-shape"
        )
    if count > MOST_STEPS:
        return Refusal(f"it is written out step by step, and {count} steps are more than {MOST_STEPS}")
    return None


class _Layer:
    def __init__(self, node: Node, steps: Beside, op: Layer, units: Sequence[Unit]) -> None:
        self.node = node
        self.steps = steps
        self.op = op
        self.units = units
        self.axis = 0 if op.time_major else 1
        self.count = op.steps(node.operands[0].type.shape or ())[1] or 0

    def run(self) -> Sequence[Value]:
        projected = self._apart("x", self._project(self.units[0], "projection", self.node.operands[0]))
        states = self._initial(projected[0])
        masks = self._masks()
        order = range(self.count - 1, -1, -1) if self.op.go_backwards else range(self.count)
        outputs: list[Value] = []
        for t in order:
            mask = masks[t] if masks else None
            states, output = self._step(t, projected[t], states, mask, outputs[-1] if outputs else None)
            outputs.append(output)
        finals = [value for state in states for value in state] if self.op.return_state else []
        if not self.op.return_sequences:
            return (outputs[-1], *finals)
        joined = self.steps.finish(Stack(axis=self.axis), *outputs, params=())
        return (*joined, *finals)

    def _apart(self, what: str, value: Value) -> tuple[Value, ...]:
        """The slices of the time axis."""
        return self.steps.add_node(what, Unstack(count=self.count, axis=self.axis), value).results

    def _project(self, unit: Unit, what: str, x: Value) -> Value:
        """The input's share of all gates, with the bias that belongs to it."""
        width = unit.op.gates * unit.op.units
        uses = [unit.use(self.node, "kernel", "kernel")]
        if unit.op.bias:
            use = unit.use(self.node, "bias", "bias")
            uses.append(use.then(Take(0, 0, 1), Reshape((width,))) if _reset_after(unit.op) else use)
        return self.steps.add(what, Dense(units=width, axis=-1, bias=unit.op.bias), x, params=uses)

    def _initial(self, projected: Value) -> list[States]:
        """The operands behind x, or zeros."""
        given = list(self.node.operands[1 : len(self.node.operands) - self.op.masked])
        states = []
        for unit in self.units:
            if given:
                states.append(tuple(given[: unit.op.states]))
                del given[: unit.op.states]
            else:
                states.append((self._zeros(unit, projected),) * unit.op.states)
        return states

    def _zeros(self, unit: Unit, projected: Value) -> Value:
        part = Slice(axes=(1,), begins=(0,), ends=(1,))
        column = self.steps.add(f"{unit.prefix}column", part, projected)
        zero = self.steps.add(f"{unit.prefix}zero", FillLike(value=0.0), column)
        return self.steps.add(f"{unit.prefix}zeros", Tile(axis=1, tiles=unit.op.units), zero)

    def _masks(self) -> tuple[Value, ...]:
        """For each step whether it counts, [N, 1]."""
        if not self.op.masked:
            return ()
        flags = self._apart("mask", self.node.operands[-1])
        return tuple(self.steps.add(f"mask_{t}", ExpandDims(axis=1), flag) for t, flag in enumerate(flags))

    def _step(
        self, t: int, projected: Value, states: list[States], mask: Value | None, before: Value | None
    ) -> tuple[list[States], Value]:
        made: list[States] = []
        value = projected
        for i, (unit, state) in enumerate(zip(self.units, states, strict=True)):
            name = f"{unit.prefix}step{t}"
            x = value if i == 0 else self._project(unit, f"{name}/projection", value)
            after = advance(self.steps, unit, name, x, state)
            if mask is not None:
                rows = zip(after, state, strict=True)
                after = tuple(self.steps.add(f"{name}/kept", Select(), mask, new, old) for new, old in rows)
            made.append(after)
            value = after[0]
        if mask is not None and (before is None or self.op.zero_output_for_mask):
            before = self.steps.add(f"step{t}/zeros", FillLike(value=0.0), value)
        if mask is not None and before is not None:
            value = self.steps.add(f"step{t}/output", Select(), mask, value, before)
        return made, value


def _reset_after(op: Op) -> bool:
    return isinstance(op, (GRU, GRUCell)) and op.reset_after


def advance(steps: Beside, unit: Unit, name: str, x: Value, states: States) -> States:
    """One step from the input's share of the gates and the states: the new states, the output first."""
    match unit.op:
        case LSTM() | LSTMCell() as op:
            gates = steps.add(f"{name}/gates", Add(), x, _recurrent(steps, unit, name, states[0]))
            return lstm_state(steps, op, name, gates, states[1], 1)
        case GRU() | GRUCell() as op:
            return (_gru(steps, unit, op, name, x, states[0]),)
        case SimpleRNN() | SimpleRNNCell() as op:
            total = steps.add(f"{name}/sum", Add(), x, _recurrent(steps, unit, name, states[0]))
            return (steps.add(f"{name}/h", op.activation, total),)
        case op:
            raise TypeError(f"{op.name} is no cell")


def lstm_state(steps: Beside, op: Op, name: str, gates: Value, cell: Value, axis: int) -> States:
    """h and c from the sum of the gates, in the order input, forget, cell, output along an axis."""
    activation: Op = op.activation  # type: ignore[attr-defined]  # every LSTM has both
    recurrent: Op = op.recurrent_activation  # type: ignore[attr-defined]
    i, f, g, o = steps.add_node(f"{name}/split", Split(axis=axis, count=4), gates).results
    kept = steps.add(f"{name}/keep", Multiply(), steps.add(f"{name}/f", recurrent, f), cell)
    fresh = steps.add(
        f"{name}/write",
        Multiply(),
        steps.add(f"{name}/i", recurrent, i),
        steps.add(f"{name}/g", activation, g),
    )
    c = steps.add(f"{name}/c", Add(), kept, fresh)
    out = steps.add(f"{name}/o", recurrent, o)
    return steps.add(f"{name}/h", Multiply(), out, steps.add(f"{name}/activation", activation, c)), c


def _recurrent(steps: Beside, unit: Unit, name: str, h: Value) -> Value:
    """The state's share of all gates."""
    width = unit.op.gates * unit.op.units
    uses = [unit.use(steps.node, "recurrent_kernel", "kernel")]
    biased = unit.op.bias and _reset_after(unit.op)
    if biased:
        uses.append(unit.use(steps.node, "bias", "bias").then(Take(0, 1, 2), Reshape((width,))))
    return steps.add(f"{name}/recurrent", Dense(units=width, axis=-1, bias=biased), h, params=uses)


def _gru(steps: Beside, unit: Unit, op: GRU | GRUCell, name: str, x: Value, h: Value) -> Value:
    """H = z h + (1 - z) candidate."""
    xz, xr, xh = steps.add_node(f"{name}/input", Split(axis=1, count=3), x).results
    if op.reset_after:
        hz, hr, hh = steps.add_node(
            f"{name}/state", Split(axis=1, count=3), _recurrent(steps, unit, name, h)
        ).results
    else:
        both = _part(steps, unit, f"{name}/gates", h, 0, 2)
        hz, hr = steps.add_node(f"{name}/state", Split(axis=1, count=2), both).results
    z = steps.add(f"{name}/z", op.recurrent_activation, steps.add(f"{name}/z_sum", Add(), xz, hz))
    r = steps.add(f"{name}/r", op.recurrent_activation, steps.add(f"{name}/r_sum", Add(), xr, hr))
    if op.reset_after:
        share = steps.add(f"{name}/reset", Multiply(), r, hh)
    else:
        share = _part(steps, unit, f"{name}/candidate", steps.add(f"{name}/reset", Multiply(), r, h), 2, 3)
    candidate = steps.add(f"{name}/new", op.activation, steps.add(f"{name}/new_sum", Add(), xh, share))
    kept = steps.add(f"{name}/keep", Multiply(), z, h)
    rest = steps.add(f"{name}/rest", Affine(scale=-1.0, shift=1.0), z)
    return steps.add(f"{name}/h", Add(), kept, steps.add(f"{name}/write", Multiply(), rest, candidate))


def _part(steps: Beside, unit: Unit, name: str, h: Value, first: int, last: int) -> Value:
    """The state's share of some gates: their rows of the recurrent kernel."""
    width = unit.op.units
    use = unit.use(steps.node, "recurrent_kernel", "kernel").then(Take(0, first * width, last * width))
    return steps.add(name, Dense(units=(last - first) * width, axis=-1, bias=False), h, params=[use])
