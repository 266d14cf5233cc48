"""From a recognised step to a recurrent layer: which learned arrays fill its roles, joined from parts where need be.

A layer's array that the file keeps in parts, in another order of gates, or short of a number that the graph adds (the
forget bias of TensorFlow's first LSTM) becomes an array of its own; `Joined` says how it is made. That is only done
when nothing else uses the parts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from transpiler.ir import LazyArray, Op, ParamUse, Value
from transpiler.ops.array import BroadcastTo, FillLike, TileAxes
from transpiler.ops.core import Constant, Parameter
from transpiler.ops.elementwise import Cast
from transpiler.ops.functional import Fill, ReshapeTo
from transpiler.ops.recurrent import GRU, LSTM, SimpleRNN
from transpiler.ops.reduction import Reduce, Reducer
from transpiler.ops.shape import ExpandDims, Flatten, Reshape, Squeeze, Transpose
from transpiler.passes.raise_layers.cells import Kind, Step
from transpiler.passes.raise_layers.linear import Form, Part, Piece, Producer, Product

if TYPE_CHECKING:
    from transpiler.ir.arrays import Array

_LONGEST_CHAIN = 16
_MOST_STATES = 2**20
Entry = tuple[Piece, float]
"""A part of an array, and what is added to it."""


class Gate(msgspec.Struct, frozen=True):
    """What one gate adds up: x times a matrix, the old state times a matrix, a bias, a number."""

    kernel: Piece
    recurrent: Piece | None
    biases: tuple[Piece, ...]
    shift: float = 0.0
    dropout: float = 0.0
    recurrent_dropout: float = 0.0


class Joined(msgspec.Struct, frozen=True):
    """An array made of parts: rows of parts, each row joined along the last axis; several rows on a new first axis."""

    rows: tuple[tuple[Entry, ...], ...]

    @property
    def symbols(self) -> set[str]:
        """The arrays that it is made of."""
        return {piece.symbol for row in self.rows for piece, _ in row}

    @property
    def shape(self) -> tuple[int, ...]:
        first = self.rows[0]
        sizes = (*first[0][0].sizes[:-1], sum(piece.sizes[-1] for piece, _ in first))
        return sizes if len(self.rows) == 1 else (len(self.rows), *sizes)

    def whole(self) -> str | None:
        """The symbol of the one array that it is as it is stored, if it is one."""
        pieces = [entry for row in self.rows for entry in row]
        first = pieces[0][0]
        if any(
            shift or piece.symbol != first.symbol or piece.shape != first.shape for piece, shift in pieces
        ):
            return None
        return first.symbol if first.shape == self.shape and self._in_order() else None

    def _in_order(self) -> bool:
        """Whether the parts follow each other as in the array."""
        for number, row in enumerate(self.rows):
            at = 0
            for piece, _ in row:
                axes = tuple(range(len(piece.shape)))
                expected = [(0, size) for size in piece.shape]
                width = piece.sizes[-1]
                expected[-1] = (at, at + width)
                if len(self.rows) > 1:
                    expected[0] = (number, number + 1)
                    axes = axes[1:]
                if piece.axes != axes or list(piece.ranges) != expected:
                    return False
                at += width
        return True

    def load(self, arrays: Mapping[str, LazyArray]) -> Array:
        """Its numbers. Raises KeyError for a part without numbers, and ValueError for one of another shape."""
        import numpy as np

        rows = [
            np.concatenate([_numbers(piece, arrays) + shift for piece, shift in row], axis=-1)
            for row in self.rows
        ]
        made: Array = rows[0] if len(rows) == 1 else np.stack(rows)
        return made


def _numbers(piece: Piece, arrays: Mapping[str, LazyArray]) -> Array:
    array = arrays[piece.symbol].load()
    if array.shape != piece.shape:
        raise ValueError(f"{piece.symbol} has shape {list(array.shape)}, not {list(piece.shape)}")
    kept = array[tuple(slice(*one) for one in piece.ranges)]
    dropped = tuple(axis for axis in range(len(piece.shape)) if axis not in piece.axes)
    order = sorted(piece.axes)
    return kept.squeeze(dropped).transpose([order.index(axis) for axis in piece.axes])


class Layer(msgspec.Struct, frozen=True):
    """A recurrent layer over a sequence: its op, and how its roles are filled."""

    op: LSTM | GRU | SimpleRNN
    arrays: Mapping[str, Joined]


def parted(form: Form, old: Value) -> tuple[Product | Part, Product, tuple[Piece, ...], float] | None:
    """A gate's share of x and of the old state, biases and number; None if it is something else."""
    states = [one for one in form.products if one.x is old]
    inputs: list[Product | Part] = [one for one in form.products if one.x is not old]
    inputs += [one for one in form.parts if one.x is not old]
    if len(states) != 1 or len(inputs) != 1 or len(form.parts) > 1:
        return None
    return inputs[0], states[0], form.biases, form.shift


Source = Callable[[Product | Part], "tuple[object, Form] | None"]
"""Which sequence a gate's share of x comes from, and the share as a form over that sequence."""


def gates_of(step: Step, old: Value, source: Source) -> tuple[object, list[Gate]] | None:
    """The sequence that a step reads, and its gates; a product that a reset gate multiplies comes last."""
    found: list[Gate] = []
    sequences: list[object] = []
    reset_after = step.kind is Kind.GRU_RESET_AFTER
    for i, form in enumerate(step.gates):
        state: Product | None = None
        biases: tuple[Piece, ...]
        if reset_after and i == len(step.gates) - 1:
            inputs: list[Product | Part] = [*form.products, *form.parts]
            if len(inputs) != 1:
                return None
            x, biases, shift = inputs[0], form.biases, form.shift
        else:
            split = parted(form, old)
            if split is None:
                return None
            x, state, biases, shift = split
        traced = source(x)
        if traced is None:
            return None
        sequences.append(traced[0])
        share = traced[1]
        if len(share.products) != 1 or share.parts:
            return None
        gate = Gate(
            share.products[0].kernel,
            None if state is None else state.kernel,
            (*share.biases, *biases),
            share.shift + shift,
            x.dropout if isinstance(x, Product) else 0.0,
            0.0 if state is None else state.dropout,
        )
        found.append(gate)
    if any(one is not sequences[0] for one in sequences):
        return None
    if reset_after:
        inner = step.inner
        if inner is None or len(inner.products) != 1 or inner.parts:
            return None
        product = inner.products[0]
        dropped = (found[0].dropout, product.dropout)
        found.append(Gate(product.kernel, product.kernel, inner.biases, inner.shift, *dropped))
    return sequences[0], found


def layer_of(step: Step, gates: Sequence[Gate]) -> Layer | None:
    """The layer of a step over a whole sequence, without its choice of results; None if an array does not fit."""
    rest = gates[3] if step.kind is Kind.GRU_RESET_AFTER else None
    own = list(gates[:3]) if rest is not None else list(gates)
    units = own[0].kernel.sizes[1]
    squares = [gate.recurrent for gate in (own if rest is None else (*own[:2], rest))]
    recurrent = [piece for piece in squares if piece is not None]
    inputs = own[0].kernel.sizes[0]
    if any(gate.kernel.sizes != (inputs, units) for gate in own) or len(recurrent) != len(squares):
        return None
    if any(piece.sizes != (units, units) for piece in recurrent):
        return None
    bias = _biases(own, rest, units)
    rates = {gate.dropout for gate in gates}, {gate.recurrent_dropout for gate in gates if gate.recurrent}
    if bias is None or any(len(several) != 1 for several in rates):
        return None
    arrays = {
        "kernel": Joined((tuple((gate.kernel, 0.0) for gate in own),)),
        "recurrent_kernel": Joined((tuple((piece, 0.0) for piece in recurrent),)),
    }
    if bias:
        arrays["bias"] = Joined(bias)
    op = _op(step, units, bool(bias)).evolve(dropout=rates[0].pop(), recurrent_dropout=rates[1].pop())
    return Layer(op, arrays)


def _op(step: Step, units: int, bias: bool) -> LSTM | GRU | SimpleRNN:
    gate = step.recurrent_activation
    if step.kind is Kind.SIMPLE or gate is None:
        return SimpleRNN(units=units, activation=step.activation, bias=bias)
    if step.kind is Kind.LSTM:
        return LSTM(units=units, activation=step.activation, recurrent_activation=gate, bias=bias)
    return GRU(
        units=units,
        activation=step.activation,
        recurrent_activation=gate,
        bias=bias,
        reset_after=step.kind is Kind.GRU_RESET_AFTER,
    )


def _biases(own: Sequence[Gate], rest: Gate | None, units: int) -> tuple[tuple[Entry, ...], ...] | None:
    """The rows of the bias; none if there is no bias, None if it does not fit."""
    everyone = [*own, rest] if rest is not None else list(own)
    if any(piece.sizes != (units,) for gate in everyone for piece in gate.biases):
        return None
    if not any(gate.biases for gate in everyone):
        return None if any(gate.shift for gate in everyone) else ()
    if rest is None:
        if any(len(gate.biases) != 1 for gate in own):
            return None
        return (tuple((gate.biases[0], gate.shift) for gate in own),)
    first, last = own[2], rest
    if len(first.biases) != 1 or len(last.biases) != 1 or any(len(gate.biases) != 2 for gate in own[:2]):
        return None
    rows: list[list[Entry]] = [[], []]
    for gate in own[:2]:
        one, two = gate.biases
        if _alike(two, first.biases[0]) > _alike(one, first.biases[0]):
            one, two = two, one
        rows[0].append((one, gate.shift))
        rows[1].append((two, 0.0))
    rows[0].append((first.biases[0], first.shift))
    rows[1].append((last.biases[0], last.shift))
    return tuple(map(tuple, rows))


def _alike(piece: Piece, other: Piece) -> int:
    """How sure it is that two parts belong to one row of an array."""
    if piece.symbol != other.symbol:
        return 0
    return 1 + sum(a == b for a, b in zip(piece.ranges, other.ranges, strict=False))


def uses(
    layer: Layer, name: str, taken: Callable[[str], bool], joined: dict[str, Joined]
) -> tuple[ParamUse, ...]:
    """What fills the roles. Arrays that are made of parts are entered in `joined`; `taken` tells known symbols."""
    found = []
    for role, array in layer.arrays.items():
        symbol = array.whole()
        if symbol is None:
            symbol = next((known for known, other in joined.items() if other == array), None)
        if symbol is None:
            symbol, number = f"{name}/{layer.op.name}/{role}", 0
            while taken(symbol) or symbol in joined:
                number += 1
                symbol = f"{name}/{layer.op.name}_{number}/{role}"
            joined[symbol] = array
        found.append(ParamUse(role, symbol))
    return tuple(found)


def joined_arrays(joined: Mapping[str, Joined], arrays: Mapping[str, LazyArray]) -> dict[str, LazyArray]:
    """The joined arrays all of whose parts have numbers."""

    def lazy(array: Joined) -> LazyArray:
        return LazyArray(array.shape, arrays[min(array.symbols)].dtype, lambda: array.load(arrays))

    return {symbol: lazy(array) for symbol, array in joined.items() if array.symbols <= arrays.keys()}


def with_results(op: Op, *, sequences: bool, states: bool, time_major: bool, backwards: bool) -> Op:
    """The layer's op with its choice of results."""
    return op.evolve(
        return_sequences=sequences, return_state=states, time_major=time_major, go_backwards=backwards
    )


def is_zero(producer: Producer, value: Value, arrays: Mapping[str, LazyArray], depth: int = 0) -> bool:
    """Whether a tensor is nothing but zeros, computed or stored."""
    node = producer(value)
    if node is None or depth > _LONGEST_CHAIN:
        return False
    match node.op:
        case Constant(values=values):
            return not any(values)
        case Parameter():
            return _stores_zeros(arrays.get(node.param("value").symbol))
        case Fill(value=number) | FillLike(value=number):
            return number == 0
        case Reduce(reducer=Reducer.SUM | Reducer.MEAN | Reducer.MAX | Reducer.MIN):
            pass
        case (
            ExpandDims()
            | TileAxes()
            | BroadcastTo()
            | Reshape()
            | ReshapeTo()
            | Flatten()
            | Squeeze()
            | Transpose()
            | Cast()
        ):
            pass
        case _:
            return False
    return is_zero(producer, node.operands[0], arrays, depth + 1)


def _stores_zeros(array: LazyArray | None) -> bool:
    if array is None or math.prod(array.shape) > _MOST_STATES:
        return False
    try:
        return not array.load().any()
    except ValueError:
        return False
