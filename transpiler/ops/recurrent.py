"""Recurrent layers, batch first: x [N, T, features], or feature maps [N, T, ...] for the convolutional ones.

Kernels are [gates * units, inputs], recurrent kernels [gates * units, units], as in a dense layer; gates in the order
named by each op. Initial states may follow x as operands; with `return_state` the final states follow as results.
Facts are from the sources of Keras 1.2 to 3.15, which agree on them.
"""

from __future__ import annotations

from collections.abc import Sequence

from transpiler.ir.op import Arity, Op, ParamSpec, ShapeError, op
from transpiler.ir.types import Dim, Shape, TensorType
from transpiler.ops import fields as f
from transpiler.ops.activation import Sigmoid, Tanh
from transpiler.ops.op_fields import operation


class Cell(Op):
    """What one step of a recurrent layer needs: x [N, features] and `states` states [N, units]."""

    gates = 1
    states = 1
    units: int
    bias: bool

    @property
    def roles(self) -> tuple[str, ...]:
        return ("kernel", "recurrent_kernel", *(("bias",) if self.bias else ()))

    @property
    def bias_shape(self) -> Shape:
        return (self.gates * self.units,)

    def weights(self, inputs: Dim) -> dict[str, ParamSpec]:
        """Role -> canonical array for x of `inputs` features."""
        rows = self.gates * self.units
        specs = {"kernel": ParamSpec((rows, inputs)), "recurrent_kernel": ParamSpec((rows, self.units))}
        return {**specs, "bias": ParamSpec(self.bias_shape)} if self.bias else specs


class RecurrentCell(Cell):
    """A cell as an op: x and the states give the output and the new states. Found inside `rnn`."""

    arity = Arity(2, None)
    operand_names = ("x", "states")

    @property
    def result_count(self) -> int:
        return 1 + self.states

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is None:
            return (operands[0],) * self.result_count
        return (operands[0].with_shape((*shape[:-1], self.units)),) * self.result_count

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        shape = operands[0].shape
        return self.weights(None if shape is None else shape[-1])


class OverTime(Op):
    """What layers that run over a sequence share: which results they give."""

    return_sequences: bool
    return_state: bool
    time_major: bool = False

    @property
    def state_count(self) -> int:
        """How many states are carried from step to step."""
        raise NotImplementedError(type(self).__name__)

    @property
    def result_count(self) -> int:
        return 1 + (self.state_count if self.return_state else 0)

    def steps(self, shape: Shape) -> tuple[Dim, Dim]:
        """The sizes of the batch and time axes."""
        return (shape[1], shape[0]) if self.time_major else (shape[0], shape[1])

    def output(self, shape: Shape, rest: Shape) -> Shape:
        """The output's shape for one step's output `rest` (without the batch)."""
        batch, time = self.steps(shape)
        if not self.return_sequences:
            return (batch, *rest)
        return (time, batch, *rest) if self.time_major else (batch, time, *rest)

    def check_operands(self, operands: Sequence[TensorType], masked: bool) -> None:
        """Raise ShapeError unless the operands are x, all initial states or none, and a mask if there is one."""
        count = len(operands) - 1 - masked
        if count not in (0, self.state_count):
            raise ShapeError(f"{self.state_count} initial states are needed, got {count}")


class Recurrent(Cell, OverTime):
    """What the recurrent layers with one cell share."""

    arity = Arity(1, None)
    operand_names = ("x", "states")
    masked: bool

    @property
    def state_count(self) -> int:
        return self.states

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        self.check_operands(operands, self.masked)
        shape = operands[0].shape
        if shape is None:
            return (operands[0],) * self.result_count
        if len(shape) != 3:
            raise ShapeError(f"a recurrent layer needs batch, time and features, got {len(shape)} axes")
        state = operands[0].with_shape((self.steps(shape)[0], self.units))
        return (
            operands[0].with_shape(self.output(shape, (self.units,))),
            *(state,) * (self.result_count - 1),
        )

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        shape = operands[0].shape
        return self.weights(None if shape is None else shape[-1])


@op("simple_rnn", "Recurrent")
class SimpleRNN(Recurrent):
    """h = activation(W x + U h + b)."""

    units: int = f.integer("length of the state", least=1)
    activation: Op = operation("applied to the new state", Tanh())
    bias: bool = f.flag("whether a bias is added", True)
    return_sequences: bool = f.flag("whether every step's output is given, not only the last one's", False)
    return_state: bool = f.flag("whether the final state is a second result", False)
    go_backwards: bool = f.flag("whether steps are read from the last to the first", False)
    stateful: bool = f.flag("whether a batch starts with the last batch's states", False)
    dropout: float = f.rate("share of dropped inputs while training", 0.0)
    recurrent_dropout: float = f.rate("share of dropped states while training", 0.0)
    zero_output_for_mask: bool = f.flag("whether masked steps give 0 instead of the last output", False)
    masked: bool = f.flag("whether the last operand is a mask of the steps", False)
    time_major: bool = f.flag("whether time is the first axis", False)


@op("lstm", "Recurrent")
class LSTM(Recurrent):
    """Long short-term memory, gates in the order input, forget, cell, output; states h and c.

    i, f, o = recurrent_activation(W x + U h + b); c = f * c + i * activation(W x + U h + b); h = o * activation(c).
    """

    gates = 4
    states = 2
    units: int = f.integer("length of the state", least=1)
    activation: Op = operation("applied to the cell's input and to its state", Tanh())
    recurrent_activation: Op = operation("applied to the gates", Sigmoid())
    bias: bool = f.flag("whether a bias is added", True)
    return_sequences: bool = f.flag("whether every step's output is given, not only the last one's", False)
    return_state: bool = f.flag("whether the final states are further results", False)
    go_backwards: bool = f.flag("whether steps are read from the last to the first", False)
    stateful: bool = f.flag("whether a batch starts with the last batch's states", False)
    dropout: float = f.rate("share of dropped inputs while training", 0.0)
    recurrent_dropout: float = f.rate("share of dropped states while training", 0.0)
    zero_output_for_mask: bool = f.flag("whether masked steps give 0 instead of the last output", False)
    masked: bool = f.flag("whether the last operand is a mask of the steps", False)
    time_major: bool = f.flag("whether time is the first axis", False)


def _gru_bias(units: int, reset_after: bool) -> Shape:
    """With the reset gate applied after the product, input and recurrent products have a bias each."""
    return (2, 3 * units) if reset_after else (3 * units,)


@op("gru", "Recurrent")
class GRU(Recurrent):
    """Gated recurrent unit, gates in the order update z, reset r, candidate.

    h = z * h + (1 - z) * candidate; candidate = activation(W x + U (r * h) + b), or with `reset_after`
    activation(W x + b0 + r * (U h + b1)) and a bias [2, 3 * units].
    """

    gates = 3
    units: int = f.integer("length of the state", least=1)
    activation: Op = operation("applied to the candidate", Tanh())
    recurrent_activation: Op = operation("applied to the gates", Sigmoid())
    bias: bool = f.flag("whether a bias is added", True)
    reset_after: bool = f.flag("whether the reset gate multiplies after the recurrent product", True)
    return_sequences: bool = f.flag("whether every step's output is given, not only the last one's", False)
    return_state: bool = f.flag("whether the final state is a second result", False)
    go_backwards: bool = f.flag("whether steps are read from the last to the first", False)
    stateful: bool = f.flag("whether a batch starts with the last batch's states", False)
    dropout: float = f.rate("share of dropped inputs while training", 0.0)
    recurrent_dropout: float = f.rate("share of dropped states while training", 0.0)
    zero_output_for_mask: bool = f.flag("whether masked steps give 0 instead of the last output", False)
    masked: bool = f.flag("whether the last operand is a mask of the steps", False)
    time_major: bool = f.flag("whether time is the first axis", False)

    @property
    def bias_shape(self) -> Shape:
        return _gru_bias(self.units, self.reset_after)


@op("simple_rnn_cell", "Recurrent")
class SimpleRNNCell(RecurrentCell):
    """One step of `simple_rnn`."""

    units: int = f.integer("length of the state", least=1)
    activation: Op = operation("applied to the new state", Tanh())
    bias: bool = f.flag("whether a bias is added", True)
    dropout: float = f.rate("share of dropped inputs while training", 0.0)
    recurrent_dropout: float = f.rate("share of dropped states while training", 0.0)


@op("lstm_cell", "Recurrent")
class LSTMCell(RecurrentCell):
    """One step of `lstm`."""

    gates = 4
    states = 2
    units: int = f.integer("length of the state", least=1)
    activation: Op = operation("applied to the cell's input and to its state", Tanh())
    recurrent_activation: Op = operation("applied to the gates", Sigmoid())
    bias: bool = f.flag("whether a bias is added", True)
    dropout: float = f.rate("share of dropped inputs while training", 0.0)
    recurrent_dropout: float = f.rate("share of dropped states while training", 0.0)


@op("gru_cell", "Recurrent")
class GRUCell(RecurrentCell):
    """One step of `gru`."""

    gates = 3
    units: int = f.integer("length of the state", least=1)
    activation: Op = operation("applied to the candidate", Tanh())
    recurrent_activation: Op = operation("applied to the gates", Sigmoid())
    bias: bool = f.flag("whether a bias is added", True)
    reset_after: bool = f.flag("whether the reset gate multiplies after the recurrent product", True)
    dropout: float = f.rate("share of dropped inputs while training", 0.0)
    recurrent_dropout: float = f.rate("share of dropped states while training", 0.0)

    @property
    def bias_shape(self) -> Shape:
        return _gru_bias(self.units, self.reset_after)
