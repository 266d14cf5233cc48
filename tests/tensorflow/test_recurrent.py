"""Recurrent networks as the real TensorFlow writes them: raised to layers that compute the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.tensorflow.applications import differences, forms
from tests.tensorflow.graphs import ops
from tests.tensorflow.numbers import compute, frozen_function, frozen_graph, run
from transpiler.diagnostics import Severity, Sink
from transpiler.ir import Module
from transpiler.ops.core import Opaque
from transpiler.ops.recurrent import LSTM
from transpiler.passes.lower.tensorflow import lower

tf = pytest.importorskip("tensorflow")
tf_keras = pytest.importorskip("tf_keras")
pytestmark = [
    pytest.mark.filterwarnings("ignore:`tf.nn.rnn_cell"),
    pytest.mark.filterwarnings("ignore:`tf.nn.static_rnn"),
]
X = np.random.default_rng(0).standard_normal((2, 5, 3)).astype("f4")
Made = tuple[Any, list[str]]


def raised(made: Made) -> Module:
    """The module of a frozen graph, read without complaints."""
    sink = Sink()
    module = lower(made[0].SerializeToString(), "net", sink, outputs=made[1])
    assert not [one for one in sink.diagnostics if one.severity is not Severity.NOTE]
    return module


def computes_the_same(made: Made, expected: list[str]) -> Module:
    """Whether a graph is raised to these ops, and they compute what TensorFlow computes."""
    module = raised(made)
    assert ops(module.graph("")) == expected
    feeds = {"x": X}
    for ours, theirs in zip(compute(module, feeds), run(made[0], feeds, made[1]), strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)
    return module


def keras(layer: Any, *, lowered: bool, time: int | None = None) -> Made:
    """A layer with random weights, traced for inference."""
    layer.build((None, time, 3))
    drawn = np.random.default_rng(1)
    for weight in layer.weights:
        weight.assign(drawn.standard_normal(weight.shape) * 0.5)
    spec = tf.TensorSpec((None, time, 3), name="x")
    return frozen_function(layer.call, spec, lowered=lowered)


KERAS: dict[str, tuple[Callable[[Any], Any], list[str]]] = {
    "lstm": (lambda k: k.LSTM(4), ["lstm"]),
    "lstm with sequences and states": (
        lambda k: k.LSTM(4, return_sequences=True, return_state=True),
        ["lstm"],
    ),
    "lstm backwards": (lambda k: k.LSTM(4, go_backwards=True, return_sequences=True), ["lstm"]),
    "lstm, gate by gate, without bias": (
        lambda k: k.LSTM(
            4, activation="relu", recurrent_activation="hard_sigmoid", use_bias=False, implementation=1
        ),
        ["lstm"],
    ),
    "gru": (lambda k: k.GRU(4), ["gru"]),
    "gru with the reset before": (lambda k: k.GRU(4, reset_after=False, return_sequences=True), ["gru"]),
    "simple": (lambda k: k.SimpleRNN(4, return_sequences=True), ["simple_rnn"]),
    "two directions": (
        lambda k: k.Bidirectional(k.LSTM(4, return_sequences=True)),
        ["lstm", "lstm", "flip", "concat"],
    ),
    "a stack": (lambda k: k.RNN([k.LSTMCell(4), k.GRUCell(3)], return_sequences=True), ["lstm", "gru"]),
}


@pytest.mark.parametrize("name", KERAS)
@pytest.mark.parametrize("lowered", [False, True], ids=["functions", "dataflow"])
def test_loops_of_keras(name: str, lowered: bool) -> None:
    build, expected = KERAS[name]
    computes_the_same(keras(build(tf_keras.layers), lowered=lowered), ["input", *expected])


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
@pytest.mark.parametrize("sequences", [False, True], ids=["last", "sequence"])
def test_unrolled_layers_of_keras(kind: str, sequences: bool) -> None:
    layer = getattr(tf_keras.layers, kind)(4, unroll=True, return_sequences=sequences)
    expected = {"LSTM": "lstm", "GRU": "gru", "SimpleRNN": "simple_rnn"}[kind]
    computes_the_same(keras(layer, lowered=False, time=5), ["input", expected])


def cells() -> Any:
    from tf_keras.src.layers.rnn import legacy_cells

    return legacy_cells


def cell_graph(cell: Callable[[Any], Any], *, dynamic: bool, time: int | None = 5) -> Made:
    """A cell of TensorFlow 1 run over a sequence, its outputs and final states."""

    def build(v1: Any) -> list[Any]:
        x = v1.placeholder("float32", (None, time, 3), name="x")
        if dynamic:
            outputs, state = v1.nn.dynamic_rnn(cell(cells()), x, dtype="float32")
        else:
            outputs, state = v1.nn.static_rnn(cell(cells()), tf.unstack(x, axis=1), dtype="float32")
            outputs = tf.stack(outputs, 1)
        return [tf.identity(tensor) for tensor in (outputs, *tf.nest.flatten(state))]

    return frozen_graph(build)


CELLS: dict[str, tuple[Callable[[Any], Any], list[str]]] = {
    "basic lstm": (lambda c: c.BasicLSTMCell(4), ["lstm"]),
    "lstm with another forget bias": (lambda c: c.LSTMCell(4, forget_bias=0.5), ["lstm"]),
    "gru": (lambda c: c.GRUCell(4), ["gru"]),
    "basic": (lambda c: c.BasicRNNCell(4), ["simple_rnn"]),
    "several": (lambda c: c.MultiRNNCell([c.BasicLSTMCell(4), c.GRUCell(3)]), ["lstm", "gru"]),
}


@pytest.mark.parametrize("name", CELLS)
def test_cells_in_dynamic_loops(name: str) -> None:
    cell, expected = CELLS[name]
    for time in (5, None):
        computes_the_same(cell_graph(cell, dynamic=True, time=time), ["input", *expected])


@pytest.mark.parametrize("name", [name for name in CELLS if name != "several"])
def test_cells_step_by_step(name: str) -> None:
    cell, expected = CELLS[name]
    computes_the_same(cell_graph(cell, dynamic=False), ["input", *expected])


def test_stacked_cells_step_by_step() -> None:
    cell, _ = CELLS["several"]
    computes_the_same(cell_graph(cell, dynamic=False), ["input", "lstm", "unstack", "gru"])


def test_the_forget_bias_is_in_the_layers_bias() -> None:
    module = raised(cell_graph(lambda c: c.BasicLSTMCell(4), dynamic=True))
    (node,) = [node for node in module.graph("").nodes if isinstance(node.op, LSTM)]
    stored = module.constants["rnn/basic_lstm_cell/bias"].load()
    joined = module.constants[node.param("bias").symbol].load()
    i, g, f, o = np.split(stored, 4)
    np.testing.assert_array_equal(joined, np.concatenate([i, f + 1, g, o]))


@pytest.mark.parametrize(
    "options", [{"use_peepholes": True}, {"num_proj": 2}], ids=["peepholes", "projection"]
)
@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
def test_cells_without_an_exact_layer_stay_as_they_are(options: dict[str, Any], dynamic: bool) -> None:
    found = ops(raised(cell_graph(lambda c: c.LSTMCell(4, **options), dynamic=dynamic)).graph(""))
    assert "lstm" not in found
    assert ("While" in found) == dynamic


def test_an_array_that_something_else_uses_too_is_not_taken_apart() -> None:
    def build(v1: Any) -> list[Any]:
        x = v1.placeholder("float32", (None, 5, 3), name="x")
        outputs, _ = v1.nn.dynamic_rnn(cells().BasicLSTMCell(4), x, dtype="float32")
        (kernel,) = [one for one in v1.global_variables() if "kernel" in one.name]
        return [tf.identity(outputs), tf.identity(tf.matmul(x[:, 0], kernel[:3]))]

    assert "While" in ops(raised(frozen_graph(build)).graph(""))


@pytest.mark.parametrize("clip", [-1.0, 3.0])
def test_lstm_block_cells(clip: float) -> None:
    """Their gates are input, candidate, forget, output; with a clipped state there is no such layer."""

    def build(v1: Any) -> list[Any]:
        x = v1.placeholder("float32", (2, 5, 3), name="x")
        kernel, bias = v1.get_variable("kernel", (7, 16)), v1.get_variable("bias", (16,))
        h, c = tf.zeros((2, 4)), tf.zeros((2, 4))
        zero = tf.zeros((4,))
        outputs = []
        for step in tf.unstack(x, axis=1):
            made = tf.raw_ops.LSTMBlockCell(
                x=step, cs_prev=c, h_prev=h, w=kernel, wci=zero, wcf=zero, wco=zero, b=bias, cell_clip=clip
            )
            c, h = made.cs, made.h
            outputs.append(h)
        return [tf.identity(tf.stack(outputs, 1)), tf.identity(c)]

    made = frozen_graph(build)
    if clip > 0:
        assert "lstm" not in ops(raised(made).graph(""))
    else:
        computes_the_same(made, ["input", "lstm"])


def test_gru_block_cells() -> None:
    def build(v1: Any) -> list[Any]:
        x = v1.placeholder("float32", (2, 5, 3), name="x")
        w_ru, w_c = v1.get_variable("w_ru", (7, 8)), v1.get_variable("w_c", (7, 4))
        b_ru, b_c = v1.get_variable("b_ru", (8,)), v1.get_variable("b_c", (4,))
        h, outputs = tf.zeros((2, 4)), []
        for step in tf.unstack(x, axis=1):
            h = tf.raw_ops.GRUBlockCell(x=step, h_prev=h, w_ru=w_ru, w_c=w_c, b_ru=b_ru, b_c=b_c).h
            outputs.append(h)
        return [tf.identity(tf.stack(outputs, 1))]

    computes_the_same(frozen_graph(build), ["input", "gru"])


def test_a_loop_that_runs_once_too_often_stays_a_loop() -> None:
    def build(v1: Any) -> list[Any]:
        x = v1.placeholder("float32", (None, 5, 3), name="x")
        kernel = v1.get_variable("kernel", (3, 4))
        recurrent = v1.get_variable("recurrent", (4, 4))
        steps = tf.TensorArray("float32", 5).unstack(tf.transpose(x, [1, 0, 2]))

        def body(i: Any, h: Any) -> tuple[Any, Any]:
            return i + 1, tf.tanh(tf.matmul(steps.read(tf.minimum(i, 4)), kernel) + tf.matmul(h, recurrent))

        _, h = v1.while_loop(lambda i, _: i < 6, body, (0, tf.zeros((tf.shape(x)[0], 4))))
        return [tf.identity(h)]

    graph = raised(frozen_graph(build)).graph("")
    assert [node.op.type for node in graph.nodes if isinstance(node.op, Opaque)].count("While") == 1


def recurrent() -> Any:
    """One model of most recurrent layers, with dropout inside."""
    layers = tf_keras.layers
    x = given = tf_keras.Input((6, 4))
    x = layers.LSTM(5, return_sequences=True, dropout=0.2, recurrent_dropout=0.1)(x)
    x = layers.GRU(4, return_sequences=True)(x)
    x = layers.Bidirectional(layers.GRU(3, return_sequences=True, reset_after=False))(x)
    x = layers.TimeDistributed(layers.Dense(4, activation="relu"))(x)
    x = layers.RNN([layers.LSTMCell(4), layers.GRUCell(3)], return_sequences=True)(x)
    x = layers.SimpleRNN(3, unroll=True, return_sequences=True)(x)
    return tf_keras.Model(given, layers.Dense(2)(layers.LSTM(3, go_backwards=True)(x)))


def test_recurrent_network_is_the_same_as_graph_and_as_function() -> None:
    assert differences(forms(recurrent)) == []
