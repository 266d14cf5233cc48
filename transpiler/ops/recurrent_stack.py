"""Recurrent layers over given cells, and convolutional ones."""

from __future__ import annotations

from collections.abc import Sequence

from transpiler.ir.op import Arity, Op, ParamSpec, ShapeError, op
from transpiler.ir.types import Dim, TensorType
from transpiler.ops import fields as f
from transpiler.ops.activation import Sigmoid, Tanh
from transpiler.ops.convolution import Windowed
from transpiler.ops.op_fields import operation, operations
from transpiler.ops.recurrent import OverTime, RecurrentCell
from transpiler.ops.spatial import DataFormat, FeatureMap, data_format, feature_map
from transpiler.ops.windows import Padding, Valid, to_padding


@op("rnn", "Recurrent")
class RNN(OverTime):
    """Cells run over the steps of x, each fed by the one before. `stacked` tells one cell from a stack of one.

    Roles of a stack are the cells' own behind their number: `0_kernel`, `0_recurrent_kernel`, …
    """

    arity = Arity(1, None)
    operand_names = ("x", "states")
    cells: tuple[Op, ...] = operations("the cells, first to last")
    stacked: bool = f.flag("whether the cells are written as a stack", False)
    return_sequences: bool = f.flag("whether every step's output is given, not only the last one's", False)
    return_state: bool = f.flag("whether the final states are further results", False)
    go_backwards: bool = f.flag("whether steps are read from the last to the first", False)
    stateful: bool = f.flag("whether a batch starts with the last batch's states", False)
    zero_output_for_mask: bool = f.flag("whether masked steps give 0 instead of the last output", False)
    masked: bool = f.flag("whether the last operand is a mask of the steps", False)
    time_major: bool = f.flag("whether time is the first axis", False)

    def __post_init__(self) -> None:
        if not self.cells or not all(isinstance(cell, RecurrentCell) for cell in self.cells):
            raise ValueError("cells must be recurrent cells, at least one")
        if len(self.cells) > 1 and not self.stacked:
            raise ValueError("several cells are a stack")

    @property
    def layers(self) -> tuple[tuple[str, RecurrentCell], ...]:
        """The cells with the prefix of their roles."""
        cells = [cell for cell in self.cells if isinstance(cell, RecurrentCell)]
        return tuple((f"{i}_" if self.stacked else "", cell) for i, cell in enumerate(cells))

    @property
    def state_count(self) -> int:
        return sum(cell.states for _, cell in self.layers)

    @property
    def roles(self) -> tuple[str, ...]:
        return tuple(prefix + role for prefix, cell in self.layers for role in cell.roles)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        self.check_operands(operands, self.masked)
        shape = operands[0].shape
        if shape is None:
            return (operands[0],) * self.result_count
        if len(shape) < 3:
            raise ShapeError(f"a recurrent layer needs batch, time and features, got {len(shape)} axes")
        batch = self.steps(shape)[0]
        last = self.layers[-1][1].units
        states = tuple(
            operands[0].with_shape((batch, cell.units)) for _, cell in self.layers for _ in range(cell.states)
        )
        return (operands[0].with_shape(self.output(shape, (last,))), *(states if self.return_state else ()))

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        shape = operands[0].shape
        inputs: Dim = None if shape is None else shape[-1]
        specs: dict[str, ParamSpec] = {}
        for prefix, cell in self.layers:
            specs.update({prefix + role: spec for role, spec in cell.weights(inputs).items()})
            inputs = cell.units
        return specs


@op("conv_lstm", "Recurrent")
class ConvLSTM(Windowed, OverTime):
    """An LSTM whose products are convolutions over [N, T, spatial…, C] (or channels first); gates i, f, c, o.

    The recurrent convolution has the same kernel size, no stride, and keeps the size of its input. Kernel:
    [4 * filters, channels, spatial…]; recurrent kernel: [4 * filters, filters, spatial…].
    """

    arity = Arity(1, None)
    operand_names = ("x", "states")
    filters: int = f.integer("number of output channels", least=1)
    kernel: tuple[int, ...] = f.integers("kernel size along each spatial axis", least=1)
    strides: tuple[int, ...] = f.integers("step along each spatial axis", least=1)
    dilations: tuple[int, ...] = f.integers("distance between kernel elements", least=1)
    padding: Padding = f.anything(
        "padding of the input's convolution",
        to_padding,
        "valid, same_upper, same_lower or list of pairs",
        Valid(),
    )
    data_format: DataFormat = data_format(DataFormat.CHANNELS_LAST)
    activation: Op = operation("applied to the cell's input and to its state", Tanh())
    recurrent_activation: Op = operation("applied to the gates", Sigmoid())
    bias: bool = f.flag("whether a bias is added", True)
    return_sequences: bool = f.flag("whether every step's output is given, not only the last one's", False)
    return_state: bool = f.flag("whether the final states are further results", False)
    go_backwards: bool = f.flag("whether steps are read from the last to the first", False)
    stateful: bool = f.flag("whether a batch starts with the last batch's states", False)
    dropout: float = f.rate("share of dropped inputs while training", 0.0)
    recurrent_dropout: float = f.rate("share of dropped states while training", 0.0)

    @property
    def state_count(self) -> int:
        return 2

    @property
    def roles(self) -> tuple[str, ...]:
        return ("kernel", "recurrent_kernel", *(("bias",) if self.bias else ()))

    def frame(self, operands: Sequence[TensorType]) -> FeatureMap | None:
        """One step's feature map."""
        shape = operands[0].shape
        if shape is None:
            return None
        if len(shape) != self.rank + 3:
            raise ShapeError(
                f"batch, time, channels and {self.rank} spatial axes are needed, got {len(shape)} axes"
            )
        return feature_map((shape[0], *shape[2:]), self.data_format, self.rank)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        self.check_operands(operands, False)
        frame, shape = self.frame(operands), operands[0].shape
        if frame is None or shape is None:
            return (operands[0],) * self.result_count
        state = FeatureMap(frame.batch, self.filters, self.outputs(frame.spatial), self.data_format).shape()
        output = operands[0].with_shape(self.output(shape, state[1:]))
        return (output, *(operands[0].with_shape(state),) * (self.result_count - 1))

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        frame = self.frame(operands)
        channels = None if frame is None else frame.channels
        rows = 4 * self.filters
        specs = {
            "kernel": ParamSpec((rows, channels, *self.kernel)),
            "recurrent_kernel": ParamSpec((rows, self.filters, *self.kernel)),
        }
        return {**specs, "bias": ParamSpec((rows,))} if self.bias else specs
