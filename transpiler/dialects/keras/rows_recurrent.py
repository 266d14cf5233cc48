"""Rows of Keras's recurrent layers and cells: kernels are [inputs, gates * units], gates in the order of the ops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transpiler.dialects.keras.activations import read_activation, write_activation
from transpiler.dialects.keras.calls import is_operand, operand
from transpiler.dialects.keras.inner import read_inner, write_inner
from transpiler.dialects.keras.rows_convolution import (
    kernel_axes,
    padding_reader,
    padding_writer,
    window_links,
)
from transpiler.dialects.keras.spelling import CALL, KerasRow, data_format, required, required_link
from transpiler.dialects.rows import Array, FieldError, Link, Native, Refusal, Row
from transpiler.ir import Node, Op
from transpiler.ir.attributes import Attr
from transpiler.ops import recurrent as r
from transpiler.ops.recurrent_stack import RNN, ConvLSTM

_SEQUENCE = (
    Link("return_sequences", "return_sequences", False),
    Link("return_state", "return_state", False),
    Link("go_backwards", "go_backwards", False),
    Link("stateful", "stateful", False),
)
_ZERO_OUTPUT = Link("zero_output_for_mask", "zero_output_for_mask", False)
_TIME_MAJOR = Link("time_major", "time_major", False)


def _function(field: str, default: str) -> Link:
    return Link(field, field, default, read_activation, write_activation)


def _cell_links(*, gated: bool) -> tuple[Link, ...]:
    return (
        required_link("units", "units"),
        _function("activation", "tanh"),
        *((_function("recurrent_activation", "sigmoid"),) if gated else ()),
        Link("bias", "use_bias", True),
        Link("dropout", "dropout", 0.0),
        Link("recurrent_dropout", "recurrent_dropout", 0.0),
    )


def _arrays(op: Op, config: Mapping[str, Attr]) -> tuple[Array, ...]:
    """[gates * units, inputs] is [inputs, gates * units] in Keras; biases are the same."""
    return tuple(Array(role, None if role.endswith("bias") else (1, 0)) for role in op.roles)


def _conv_arrays(op: Op, config: Mapping[str, Attr]) -> tuple[Array, ...]:
    assert isinstance(op, ConvLSTM)
    axes = kernel_axes(op.rank)
    return tuple(Array(role, None if role.endswith("bias") else axes) for role in op.roles)


def call_on_states(native: Native) -> bool:
    """Whether a recurrent layer is called on a sequence, perhaps initial states, perhaps a mask. Raises FieldError."""
    pattern: Any = native.config.get(CALL)
    if pattern is None:
        return False
    kwargs: Mapping[str, Any] = pattern["kwargs"]
    states = kwargs.get("initial_state", [])
    given = states if isinstance(states, list) else [states]
    if (
        len(pattern["args"]) != 1
        or set(kwargs) - {"initial_state", "mask"}
        or not all(map(is_operand, given))
    ):
        raise FieldError("", "it is called in a way that is not understood")
    first = pattern["args"][0]
    whole = all(map(is_operand, first)) if isinstance(first, list) else is_operand(first)
    if not whole or ("mask" in kwargs and not is_operand(kwargs["mask"])):
        raise FieldError("", "it is called in a way that is not understood")
    return "mask" in kwargs


def _masked(native: Native) -> Mapping[str, Any]:
    return {"masked": call_on_states(native)}


def states_call(count: int, *, masked: bool) -> Mapping[str, Attr]:
    """The call of a recurrent layer on so many operands."""
    states: list[Attr] = [operand(i) for i in range(1, count - masked)]
    if not states and not masked:
        return {}
    kwargs: dict[str, Attr] = {"initial_state": states} if states else {}
    if masked:
        kwargs["mask"] = operand(count - 1)
    return {CALL: {"args": [operand(0)], "kwargs": kwargs}}


def _put_call(node: Node) -> Mapping[str, Attr] | Refusal:
    if getattr(node.op, "time_major", False):
        return Refusal(
            "Keras 3 has the batch before the time axis", "swap both axes before and after the layer"
        )
    return states_call(len(node.operands), masked=getattr(node.op, "masked", False))


def gates_guard(node: Node) -> Refusal | None:
    """Functions inside gates must have a name."""
    for field in ("activation", "recurrent_activation"):
        op = getattr(node.op, field, None)
        if isinstance(op, Op) and write_activation(op).startswith("no function"):
            return Refusal(f"Keras has no activation function that computes {op} inside a recurrent layer")
    return None


def _layer(native: str, op: type[Op], links: tuple[Link, ...]) -> Row:
    return KerasRow(
        native,
        op,
        links=(*links, *_SEQUENCE, _ZERO_OUTPUT, _TIME_MAJOR),
        reads=(CALL,),
        get=_masked,
        put=_put_call,
        guard=gates_guard,
        roles=_arrays,
    )


_RESET = Link("reset_after", "reset_after", True)


def _rnn(native: Native) -> Mapping[str, Any]:
    written: Any = required(native, "cell")
    stacked = isinstance(written, Mapping) and written.get("class_name") == "StackedRNNCells"
    cells = written["config"].get("cells") if stacked else [written]
    if not isinstance(cells, list):
        raise FieldError("cell", "a stack of cells needs a list of cells")
    return {"cells": tuple(read_inner(cell, "cell") for cell in cells), "stacked": stacked, **_masked(native)}


def _put_rnn(node: Node) -> Mapping[str, Attr] | Refusal:
    op = node.op
    assert isinstance(op, RNN)
    cells: list[Attr] = []
    for cell in op.cells:
        made = write_inner(cell)
        if isinstance(made, Refusal):
            return made
        cells.append(made)
    call = _put_call(node)
    if isinstance(call, Refusal):
        return call
    if op.stacked:
        return {"cell": {"class_name": "StackedRNNCells", "config": {"cells": cells}}, **call}
    return {"cell": cells[0], **call}


def _conv_lstm(rank: int) -> Row:
    put_padding = padding_writer(causal=False)
    read_padding = padding_reader(rank)

    def get(native: Native) -> Mapping[str, Any]:
        call_on_states(native)
        return read_padding(native)

    def put(node: Node) -> Mapping[str, Attr] | Refusal:
        padding = put_padding(node)
        if isinstance(padding, Refusal):
            return padding
        return {**padding, **states_call(len(node.operands), masked=False)}

    def guard(node: Node) -> Refusal | None:
        assert isinstance(node.op, ConvLSTM)
        if node.op.rank != rank:
            return Refusal(f"ConvLSTM{rank}D has {rank} spatial axes, not {node.op.rank}")
        return gates_guard(node)

    return KerasRow(
        f"ConvLSTM{rank}D",
        ConvLSTM,
        links=(
            required_link("filters", "filters"),
            *window_links(rank),
            data_format(),
            *_cell_links(gated=True)[1:],
            *_SEQUENCE,
        ),
        reads=("padding", CALL),
        get=get,
        put=put,
        guard=guard,
        roles=_conv_arrays,
    )


def _cell(native: str, op: type[Op], links: tuple[Link, ...]) -> Row:
    return KerasRow(native, op, links=links, guard=gates_guard, roles=_arrays)


RECURRENT_ROWS = (
    _layer("SimpleRNN", r.SimpleRNN, _cell_links(gated=False)),
    _layer("LSTM", r.LSTM, _cell_links(gated=True)),
    _layer("GRU", r.GRU, (*_cell_links(gated=True), _RESET)),
    _cell("SimpleRNNCell", r.SimpleRNNCell, _cell_links(gated=False)),
    _cell("LSTMCell", r.LSTMCell, _cell_links(gated=True)),
    _cell("GRUCell", r.GRUCell, (*_cell_links(gated=True), _RESET)),
    KerasRow(
        "RNN",
        RNN,
        links=(*_SEQUENCE, _ZERO_OUTPUT, _TIME_MAJOR),
        reads=("cell", CALL),
        get=_rnn,
        put=_put_rnn,
        roles=_arrays,
    ),
    *(_conv_lstm(rank) for rank in (2, 1, 3)),
)
