"""Products by index equations, layer normalization in plain order, and sizes that a graph leaves open."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.tensorflow.applications import differences, forms
from tests.tensorflow.graphs import built, counts, last, ops, read_bytes, traced, x_of
from tests.tensorflow.same_net import difference, keras_graph
from transpiler import CompileError, convert
from transpiler.ops.einsum import EinsumDense
from transpiler.ops.normalization import LayerNorm

pytest.importorskip("tensorflow")


EQUATIONS = {
    "heads": ("abc,cde->abde", (5, 2, 3), (2, 3), "de"),
    "heads joined": ("abc,cd->abd", (5, 4), (4,), "d"),
    "a bias for each head": ("abc,cde->abde", (5, 2, 3), (2, 1), "d"),
    "a bias for each place": ("abc,cd->abd", (5, 4), (7, 4), "bd"),
}


@pytest.mark.parametrize("name", EQUATIONS)
def test_a_product_with_a_learned_kernel_and_its_bias(name: str) -> None:
    equation, kernel, bias, axes = EQUATIONS[name]

    def build(tf: Any) -> None:
        y = tf.einsum(equation, x_of(tf, None, 7, 5), tf.get_variable("kernel", kernel))
        tf.add(y, tf.get_variable("bias", bias))

    wanted = EinsumDense(equation=equation, output_shape=(7, *kernel[1:]), bias_axes=axes)
    assert last(built(build)) == wanted


def test_a_kernel_in_front_is_the_same_layer() -> None:
    def build(tf: Any) -> None:
        tf.einsum("cd,abc->abd", tf.get_variable("kernel", (5, 4)), x_of(tf, None, 7, 5))

    assert last(built(build)) == EinsumDense(equation="abc,cd->abd", output_shape=(7, 4))


@pytest.mark.parametrize("equation", ["abc,cd->bad", "abc,ca->abc"], ids=["batch inside", "batch in kernel"])
def test_a_product_that_is_no_layer_of_examples_stays_a_product(equation: str) -> None:
    def build(tf: Any) -> None:
        tf.einsum(equation, x_of(tf, 4, 7, 5), tf.get_variable("kernel", (5, 4)))

    assert ops(built(build)) == ["input", "parameter", "einsum"]


def test_layers_of_keras_with_equations() -> None:
    tf_keras = pytest.importorskip("tf_keras")
    import tensorflow as tf

    given = tf_keras.Input((7, 5))
    y = tf_keras.layers.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de")(given)
    y = tf_keras.layers.EinsumDense("abde,de->abd", (7, 2))(y)
    model = tf_keras.Model(given, y)
    graph = traced(lambda x: model(x, training=False), tf.TensorSpec((None, 7, 5)))
    assert ops(graph) == ["input", "einsum_dense", "einsum_dense"]
    assert difference(graph, keras_graph(model.to_json()), traced=True) is None


def attending(tf_keras: Any, **config: Any) -> Any:
    """A network with an attention of a query and a memory, and of that to itself."""
    query, memory = tf_keras.Input((7, 6)), tf_keras.Input((5, 4))
    y = tf_keras.layers.MultiHeadAttention(2, 3, **config)(query, memory)
    y = tf_keras.layers.LayerNormalization()(query + y)
    return tf_keras.Model([query, memory], tf_keras.layers.MultiHeadAttention(3, 4, dropout=0.2)(y, y))


@pytest.mark.parametrize("config", [{}, {"value_dim": 5}, {"use_bias": False}], ids=str)
def test_attention_of_keras_is_one_layer(config: dict[str, Any]) -> None:
    tf_keras = pytest.importorskip("tf_keras")
    made = forms(lambda: attending(tf_keras, **config))
    assert differences(made) == []
    found = counts(read_bytes(made.function))
    assert (found["multi_head_attention"], found["layer_norm"]) == (2, 1)


@pytest.mark.parametrize("shape", [(None, 6), (None, 7, 6), (2, 7, 6)], ids=str)
@pytest.mark.parametrize("config", [{}, {"center": False}, {"scale": False}, {"epsilon": 1e-6}], ids=str)
def test_layer_normalization_of_keras(shape: tuple[int | None, ...], config: dict[str, Any]) -> None:
    tf_keras = pytest.importorskip("tf_keras")
    import tensorflow as tf

    layer = tf_keras.layers.LayerNormalization(**config)
    graph = traced(layer, tf.TensorSpec(shape))
    assert ops(graph) == ["input", "layer_norm"]
    wanted = {"axes": (len(shape) - 1,), "epsilon": 1e-3, **config}
    assert last(graph) == LayerNorm(**wanted)


def test_layer_normalization_over_several_axes_of_keras() -> None:
    tf_keras = pytest.importorskip("tf_keras")
    import tensorflow as tf

    graph = traced(tf_keras.layers.LayerNormalization(axis=[2, 3]), tf.TensorSpec((None, 7, 6, 5)))
    assert last(graph) == LayerNorm(axes=(2, 3))


def test_statistics_of_a_batch_that_nobody_stores_are_not_learned() -> None:
    def build(tf: Any) -> None:
        x = x_of(tf, 2, 7, 6, 5)
        ones, zeros = tf.ones(5), tf.zeros(5)
        tf.nn.fused_batch_norm(x, ones, zeros, is_training=True)

    assert "batch_norm" not in ops(built(build))


def normalized(tf: Any, x: Any, axes: list[int], *, keepdims: bool = True) -> Any:
    mean, variance = tf.nn.moments(x, axes, keepdims=keepdims)
    return (x - mean) * tf.math.rsqrt(variance + 0.01)


def test_layer_normalization_in_plain_order_takes_up_what_is_applied_behind() -> None:
    def build(tf: Any) -> None:
        y = normalized(tf, x_of(tf, None, 7, 5), [2])
        tf.add(y * tf.get_variable("gamma", (5,)), tf.get_variable("beta", (5,)))

    assert last(built(build)) == LayerNorm(axes=(2,), epsilon=0.01)


def test_layer_normalization_without_learned_vectors() -> None:
    graph = built(lambda tf: normalized(tf, x_of(tf, None, 7, 5), [1, 2]))
    assert last(graph) == LayerNorm(axes=(1, 2), epsilon=0.01, scale=False, center=False)


def test_statistics_of_examples_applied_to_channels_are_no_layer_normalization() -> None:
    graph = built(lambda tf: normalized(tf, x_of(tf, 4, 4), [1], keepdims=False))
    assert "layer_norm" not in ops(graph)


def graph_of(shape: list[int | None] | None, folder: Any) -> Any:
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default():
        tf.nn.relu(tf.compat.v1.placeholder("float32", shape, name="x"))
    path = folder / "net.pb"
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return path


def test_open_sizes_of_a_graph_stay_open_in_keras(tmp_path: Any) -> None:
    made = convert(graph_of([None, None, None, 3], tmp_path), "keras")
    first = json.loads(made.text)["config"]["layers"][0]
    assert first["config"]["batch_shape"] == [None, None, None, 3]


def test_an_open_number_of_axes_is_asked_for(tmp_path: Any) -> None:
    with pytest.raises(CompileError) as caught:
        convert(graph_of(None, tmp_path), "keras")
    assert [one.code for one in caught.value.diagnostics] == ["T5004"]
