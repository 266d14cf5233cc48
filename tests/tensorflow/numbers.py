"""Graphs with numbers, run by TensorFlow, and what their raised form computes with the same numbers.

The few ops that raised recurrent networks consist of are computed here with numpy, from the formulas of
`transpiler.ops.recurrent`; nothing of TensorFlow is used for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from transpiler.ir import Module, Node, Op
from transpiler.ops import activation as act
from transpiler.ops import array, core, shape
from transpiler.ops.dense import Dense
from transpiler.ops.recurrent import GRU, LSTM, SimpleRNN

Numbers = np.ndarray[Any, np.dtype[Any]]
FUNCTIONS: dict[type[Op], Callable[[Any, Numbers], Numbers]] = {
    act.Tanh: lambda _, x: np.tanh(x),
    act.Sigmoid: lambda _, x: 1 / (1 + np.exp(-x)),
    act.Relu: lambda _, x: np.maximum(x, 0),
    act.HardSigmoid: lambda op, x: np.clip(op.slope * x + op.offset, 0, 1),
    act.Identity: lambda _, x: x,
}


def frozen_graph(build: Callable[[Any], Sequence[Any]], *, v2: bool = False) -> tuple[Any, list[str]]:
    """A GraphDef of what `build` adds to a TF 1 graph, random variables as constants; the names of its results."""
    import tensorflow as tf

    v1 = tf.compat.v1
    graph = tf.Graph()
    with graph.as_default():
        if not v2:
            v1.disable_control_flow_v2()
        try:
            results = build(v1)
        finally:
            v1.enable_control_flow_v2()
        names = [tensor.op.name for tensor in results]
        with v1.Session(graph=graph) as session:
            session.run(v1.global_variables_initializer())
            definition = graph.as_graph_def()
            return v1.graph_util.convert_variables_to_constants(session, definition, names), names


def frozen_function(function: Any, *specs: Any, lowered: bool) -> tuple[Any, list[str]]:
    """The same of a concrete function; `lowered`: its loops as dataflow."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    concrete = tf.function(function).get_concrete_function(*specs)
    frozen = convert_variables_to_constants_v2(concrete, lower_control_flow=lowered)
    return frozen.graph.as_graph_def(), [tensor.op.name for tensor in frozen.outputs]


def run(definition: Any, feeds: dict[str, Numbers], names: Sequence[str]) -> list[Numbers]:
    """What TensorFlow computes."""
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        tf.graph_util.import_graph_def(definition, name="")
        with tf.compat.v1.Session(graph=graph) as session:
            made: list[Numbers] = session.run(
                [f"{name}:0" for name in names], {f"{name}:0": value for name, value in feeds.items()}
            )
            return made


def compute(module: Module, feeds: dict[str, Numbers]) -> list[Numbers]:
    """What a raised graph computes with the numbers that its file holds."""
    graph = module.graph("")
    known: dict[Any, Numbers] = {}
    for node in graph.nodes:
        operands = [known[value] for value in node.operands]
        results = _node(node, module, operands, feeds)
        known.update(zip(node.results, results, strict=True))
    return [known[value] for value in graph.outputs]


def _node(node: Node, module: Module, operands: list[Numbers], feeds: dict[str, Numbers]) -> list[Numbers]:
    op: Any = node.op
    arrays = {role: module.constants[node.param(role).symbol].load() for role in op.roles}
    match op:
        case core.Input():
            return [feeds[node.name]]
        case core.Constant():
            return [np.full(op.shape, np.resize(op.values, op.shape))]
        case core.Parameter():
            return [arrays["value"]]
        case Dense():
            return [operands[0] @ arrays["kernel"] + arrays.get("bias", 0.0)]
        case SimpleRNN() | LSTM() | GRU():
            return _recurrent(op, arrays, operands)
        case shape.Transpose():
            return [operands[0].transpose(op.axes)]
        case shape.Concat():
            return [np.concatenate(operands, op.axis)]
        case array.Flip():
            return [np.flip(operands[0], op.axes)]
        case array.Unstack():
            return [np.take(operands[0], i, op.axis) for i in range(op.count)]
        case array.Stack():
            return [np.stack(operands, op.axis)]
        case act.Affine():
            return [op.scale * operands[0] + op.shift]
        case _:
            return [FUNCTIONS[type(op)](op, operands[0])]


def _recurrent(op: Any, arrays: dict[str, Numbers], operands: list[Numbers]) -> list[Numbers]:
    x = operands[0] if op.time_major else operands[0].transpose(1, 0, 2)
    zeros = np.zeros((x.shape[1], op.units), x.dtype)
    states = operands[1:] or [zeros] * op.states
    outputs = []
    for step in x[::-1] if op.go_backwards else x:
        states = _step(op, arrays, step, states)
        outputs.append(states[0])
    sequence = np.stack(outputs)
    if not op.time_major:
        sequence = sequence.transpose(1, 0, 2)
    return [sequence if op.return_sequences else outputs[-1], *(states if op.return_state else ())]


def _step(op: Any, arrays: dict[str, Numbers], x: Numbers, states: list[Numbers]) -> list[Numbers]:
    def f(inner: Op, z: Numbers) -> Numbers:
        return FUNCTIONS[type(inner)](inner, z)

    h, kernel, recurrent, bias = states[0], arrays["kernel"], arrays["recurrent_kernel"], arrays.get("bias")
    zero = np.zeros((1, kernel.shape[1]), x.dtype)
    rows = [zero, zero] if bias is None else [bias, zero] if bias.ndim == 1 else list(bias)
    mine = x @ kernel + rows[0]
    if isinstance(op, SimpleRNN):
        return [f(op.activation, mine + h @ recurrent)]
    gate, u = op.recurrent_activation, op.units
    if isinstance(op, LSTM):
        i, forget, g, o = np.split(mine + h @ recurrent, 4, axis=1)
        c = f(gate, forget) * states[1] + f(gate, i) * f(op.activation, g)
        return [f(gate, o) * f(op.activation, c), c]
    theirs = h @ recurrent + rows[1]
    z = f(gate, mine[:, :u] + theirs[:, :u])
    r = f(gate, mine[:, u : 2 * u] + theirs[:, u : 2 * u])
    inner = r * theirs[:, 2 * u :] if op.reset_after else (r * h) @ recurrent[:, 2 * u :]
    return [z * h + (1 - z) * f(op.activation, mine[:, 2 * u :] + inner)]
