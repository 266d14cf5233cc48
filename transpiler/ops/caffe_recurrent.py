"""Caffe's recurrent layers: time-major, with continuation flags that reset the state inside a batch.

They differ from the batch-major layers of `transpiler.ops.recurrent` in more than order (static input, reset flags),
so they are ops of their own. Shapes: x [T, N, ...], cont [T, N]; optional static input [N, ...]; with exposed hidden
states, the initial states [1, N, units] follow as operands and the final ones as results.
"""

from __future__ import annotations

from collections.abc import Sequence

from transpiler.ir.op import Arity, Op, ParamSpec, ShapeError, op
from transpiler.ir.types import Dim, TensorType, product
from transpiler.ops import fields as f
from transpiler.ops.spatial import axis_of


class TimeMajorRecurrent(Op):
    """What Caffe's RNN and LSTM share."""

    arity = Arity(2, 5)
    operand_names = ("x", "cont", "static", "state")
    gates = 1
    states = 1
    units: int
    static: bool
    expose_hidden: bool

    @property
    def result_count(self) -> int:
        return 1 + (self.states if self.expose_hidden else 0)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape, cont = operands[0].shape, operands[1].shape
        if shape is None:
            return (operands[0],) * self.result_count
        if len(shape) < 2:
            raise ShapeError(f"a recurrent layer needs time and batch axes, got {len(shape)} axes")
        expected = 2 + self.static + (self.states if self.expose_hidden else 0)
        if len(operands) != expected:
            raise ShapeError(f"{expected} operands are needed, got {len(operands)}")
        if cont is not None and (
            len(cont) != 2 or any(a and b and a != b for a, b in zip(cont, shape, strict=False))
        ):
            raise ShapeError(
                f"continuation flags of shape {list(cont)} do not fit {list(shape[:2])} steps and streams"
            )
        final = (operands[0].with_shape((1, shape[1], self.units)),) * (self.result_count - 1)
        return (operands[0].with_shape((shape[0], shape[1], self.units)), *final)

    def _inputs(self, operands: Sequence[TensorType]) -> Dim:
        shape = operands[0].shape
        return None if shape is None else product(shape[2:])

    def _static(self, operands: Sequence[TensorType]) -> Dim:
        shape = operands[2].shape if len(operands) > 2 else None
        return None if shape is None else product(shape[1:])


@op("time_major_lstm", "Recurrent")
class TimeMajorLSTM(TimeMajorRecurrent):
    """LSTM with gates in the order input, forget, output, cell; one bias; no peepholes."""

    gates = 4
    states = 2
    units: int = f.integer("length of the hidden state", least=1)
    static: bool = f.flag("whether a third operand feeds every step", False)
    expose_hidden: bool = f.flag("whether initial states are operands and final ones results", False)

    @property
    def roles(self) -> tuple[str, ...]:
        return ("kernel", "bias", *(("static_kernel",) if self.static else ()), "recurrent_kernel")

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        rows = 4 * self.units
        specs = {"kernel": ParamSpec((rows, self._inputs(operands))), "bias": ParamSpec((rows,))}
        if self.static:
            specs["static_kernel"] = ParamSpec((rows, self._static(operands)))
        return {**specs, "recurrent_kernel": ParamSpec((rows, self.units))}


@op("time_major_rnn", "Recurrent")
class TimeMajorRNN(TimeMajorRecurrent):
    """h = tanh(W h' + V x + b), output tanh(U h + c)."""

    units: int = f.integer("length of the hidden state and of the output", least=1)
    static: bool = f.flag("whether a third operand feeds every step", False)
    expose_hidden: bool = f.flag("whether the initial state is an operand and the final one a result", False)

    @property
    def roles(self) -> tuple[str, ...]:
        middle = ("static_kernel",) if self.static else ()
        return ("kernel", "bias", *middle, "recurrent_kernel", "output_kernel", "output_bias")

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        units = self.units
        specs = {"kernel": ParamSpec((units, self._inputs(operands))), "bias": ParamSpec((units,))}
        if self.static:
            specs["static_kernel"] = ParamSpec((units, self._static(operands)))
        square = ParamSpec((units, units))
        return {
            **specs,
            "recurrent_kernel": square,
            "output_kernel": square,
            "output_bias": ParamSpec((units,)),
        }


@op("lstm_unit", "Recurrent")
class LSTMUnit(Op):
    """One LSTM step: previous cell [1, N, D], gates [1, N, 4 D], cont [1, N] give cell and hidden state [1, N, D]."""

    arity = Arity(3, 3)
    operand_names = ("cell", "gates", "cont")

    @property
    def result_count(self) -> int:
        return 2

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        return (operands[0], operands[0])


@op("continuation_flags", "Recurrent")
class ContinuationFlags(Op):
    """0 for the first step, 1 for the others: [steps, batch]; the batch is axis `axis` of the operand, if any."""

    arity = Arity(0, 1)
    steps: int = f.integer("number of steps", least=1)
    axis: int = f.integer("the operand's batch axis", 0)
    batch: int = f.integer("number of streams, without an operand", 0, least=0)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        if not operands:
            return (TensorType((self.steps, self.batch)),)
        shape = operands[0].shape
        return (TensorType((self.steps, None if shape is None else shape[axis_of(self.axis, len(shape))])),)
