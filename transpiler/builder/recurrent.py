"""Layers that run over a sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from transpiler.builder.core import Core, Learned
from transpiler.ir import Op, Value
from transpiler.ops.activation import Sigmoid
from transpiler.ops.caffe_recurrent import TimeMajorLSTM
from transpiler.ops.recurrent import GRU, LSTM, SimpleRNN
from transpiler.ops.wrappers import Bidirectional, Merge, TimeDistributed


class RecurrentLayers(Core):
    """Calls for sequences [N, T, features]. `sequences`: every step's output is given, not only the last one's."""

    def lstm(
        self,
        x: Value,
        units: int,
        *,
        sequences: bool = False,
        initial: Sequence[Value] = (),
        recurrent_activation: Op | None = None,
        bias: bool = True,
        backwards: bool = False,
        **layer: Unpack[Learned],
    ) -> Value:
        """Long short-term memory; `initial`: hidden and cell state before the first step, else zeros."""
        op = LSTM(
            units=units,
            recurrent_activation=recurrent_activation or Sigmoid(),
            bias=bias,
            return_sequences=sequences,
            go_backwards=backwards,
        )
        return self.layer(op, x, *initial, **layer)

    def lstm_with_states(
        self,
        x: Value,
        units: int,
        *,
        sequences: bool = False,
        initial: Sequence[Value] = (),
        recurrent_activation: Op | None = None,
        bias: bool = True,
        **layer: Unpack[Learned],
    ) -> tuple[Value, Value, Value]:
        """As `lstm`: its output, and the hidden and the cell state after the last step."""
        op = LSTM(
            units=units,
            recurrent_activation=recurrent_activation or Sigmoid(),
            bias=bias,
            return_sequences=sequences,
            return_state=True,
        )
        output, hidden, cell = self.apply(op, x, *initial, **layer)
        return output, hidden, cell

    def gru(
        self,
        x: Value,
        units: int,
        *,
        sequences: bool = False,
        initial: Sequence[Value] = (),
        reset_after: bool = True,
        bias: bool = True,
        backwards: bool = False,
        **layer: Unpack[Learned],
    ) -> Value:
        """Gated recurrent units; `reset_after`: the reset gate multiplies after the recurrent product."""
        op = GRU(
            units=units,
            reset_after=reset_after,
            bias=bias,
            return_sequences=sequences,
            go_backwards=backwards,
        )
        return self.layer(op, x, *initial, **layer)

    def simple_rnn(
        self,
        x: Value,
        units: int,
        *,
        sequences: bool = False,
        initial: Sequence[Value] = (),
        bias: bool = True,
        backwards: bool = False,
        **layer: Unpack[Learned],
    ) -> Value:
        """H = tanh(W x + U h + b)."""
        op = SimpleRNN(units=units, bias=bias, return_sequences=sequences, go_backwards=backwards)
        return self.layer(op, x, *initial, **layer)

    def bidirectional(self, x: Value, op: Op, *, merge: str = "concat", **layer: Unpack[Learned]) -> Value:
        """A recurrent op read forwards, and another like it backwards; `merge`: concat, sum, mul or ave."""
        backward = op.evolve(go_backwards=True)
        return self.layer(Bidirectional(forward=op, backward=backward, merge=Merge(merge)), x, **layer)

    def time_distributed(self, x: Value, op: Op, **layer: Unpack[Learned]) -> Value:
        """An op applied to every step."""
        return self.layer(TimeDistributed(inner=op), x, **layer)

    def time_major_lstm(
        self, x: Value, cont: Value, units: int, *, static: Value | None = None, **layer: Unpack[Learned]
    ) -> Value:
        """Caffe's LSTM over x [T, N, …]; where `cont` [T, N] is 0 the state begins anew; `static` feeds every step."""
        op = TimeMajorLSTM(units=units, static=static is not None)
        return self.layer(op, x, cont, *(() if static is None else (static,)), **layer)
