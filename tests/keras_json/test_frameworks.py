"""What is read and written against the real Keras 3 and tf-keras: they load it, and it computes the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.keras_json.support import ORACLES, corpus_files, needs_corpus, read
from transpiler.dialects.keras.model import KerasLayer, KerasModel
from transpiler.dialects.keras.upgrade_objects import upgrade_initializer
from transpiler.dialects.keras.writer import Written, to_keras3
from transpiler.dialects.keras.writer_keras2 import to_keras2

keras = pytest.importorskip("keras")
tf_keras = pytest.importorskip("tf_keras")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

OPAQUE = {
    "dl4j_keras2_yolo9000": "Lambda layers",
    "mmdnn_mnist_siamese": "Lambda layers",
    "fabrik_AlexNet": "a layer LRN of the author's",
    "keras_pr_caffe_googlenet_keras0": "a layer LRN2D of the author's",
}
"""Files with layers that no Keras knows."""

LARGE = 20_000_000
"""Models of more parameters than this are built with zeros: random numbers for them take seconds."""


def load(package: Any, written: Written) -> Any:
    """Build a model from a document, in safe mode and without custom objects."""
    return package.models.model_from_json(json.dumps(written.document))


def oracle_of(path: Path) -> dict[str, Any] | None:
    """Return what the framework that the file was written for says of it, if any loads it."""
    record = json.loads((ORACLES / "keras" / path.name).read_text(encoding="utf-8"))
    found = [said for said in (record["keras3"], record["tf_keras"]) if said["loaded"]]
    keras1 = ORACLES / "keras1" / path.name
    if not found and keras1.is_file():
        found = [said for said in [json.loads(keras1.read_text(encoding="utf-8"))] if said["loaded"]]
    return dict(found[0]) if found else None


def shapes_of(model: Any) -> dict[str, Any]:
    """Return the output shape of every layer."""
    shapes = {}
    for layer in model.layers:
        output = layer.output
        is_list = isinstance(output, list | tuple)
        shapes[layer.name] = [list(each.shape) for each in output] if is_list else list(output.shape)
    return shapes


def without_brackets(shape: Any) -> Any:
    """Return a shape, or a list of shapes, without lists of one shape."""
    is_single = isinstance(shape, list) and len(shape) == 1 and isinstance(shape[0], list)
    return without_brackets(shape[0]) if is_single else shape


def with_zeros(model: KerasModel) -> KerasModel:
    """Return a model whose weights start at zero."""
    zeros = upgrade_initializer("zeros")

    def config_of(layer: KerasLayer) -> dict[str, Any]:
        return {key: zeros if key.endswith("_initializer") else value for key, value in layer.config.items()}

    return msgspec.structs.replace(
        model, layers=tuple(msgspec.structs.replace(each, config=config_of(each)) for each in model.layers)
    )


@needs_corpus
@pytest.mark.parametrize("target", ["keras3", "keras2"])
@pytest.mark.parametrize("path", corpus_files(), ids=lambda path: path.stem)
def test_corpus(path: Path, target: str) -> None:
    text = path.read_text(encoding="utf-8")
    model = read(text)
    said = oracle_of(path)
    if said is None or said["total"] > LARGE:
        model = with_zeros(model)
    written = to_keras3(model) if target == "keras3" else to_keras2(model)
    if path.stem in OPAQUE:
        assert written.losses or target == "keras2", OPAQUE[path.stem]
        return
    loaded = load(keras if target == "keras3" else tf_keras, written)
    if said is None:
        return
    assert loaded.count_params() == said["total"]
    shapes = shapes_of(loaded)
    for name, class_name, shape, _ in said["layers"]:
        if class_name != "InputLayer":
            assert without_brackets(shapes[name]) == without_brackets(shape), name


Build = Callable[[Any, Any], Any]
X, Y = (np.random.default_rng(seed).standard_normal((3, 4, 6)).astype("float32") for seed in (0, 1))


def outputs_of(model: Any) -> list[Any]:
    """Run a model on the two inputs; a dict's values come in the order of its keys."""
    outputs = model([X, Y])
    if isinstance(outputs, dict):
        return [np.asarray(outputs[key]) for key in sorted(outputs)]
    return [np.asarray(each) for each in (outputs if isinstance(outputs, list | tuple) else [outputs])]


def assert_same(model: Any, other: Any) -> None:
    """Check that two models compute the same from the same weights."""
    weights = model.get_weights()
    assert [each.shape for each in weights] == [each.shape for each in other.get_weights()]
    other.set_weights(weights)
    for expected, found in zip(outputs_of(model), outputs_of(other), strict=True):
        assert expected.shape == found.shape
        np.testing.assert_allclose(found.astype("float64"), expected.astype("float64"), atol=1e-5, rtol=1e-5)


def ops_cases() -> dict[str, Build]:
    """Return models of Keras 3's operations, by name."""
    ops = keras.ops
    array = np.arange(6, dtype="float32")
    return {
        "add": lambda x, y: x + y,
        "add_number": lambda x, y: x + 1.5,
        "subtract_from_number": lambda x, y: 1.0 - x,
        "multiply_array": lambda x, y: x * array,
        "array_multiply": lambda x, y: ops.multiply(array, x),
        "divide": lambda x, y: [x / 2, ops.divide(x, y), ops.floor_divide(x, y), ops.mod(x, y)],
        "power": lambda x, y: x**2,
        "extrema": lambda x, y: [ops.maximum(x, 0.1), ops.minimum(x, y)],
        "unary": lambda x, y: [-x, abs(x), ops.sign(x), ops.square(x), ops.exp(x), ops.tanh(x), ops.round(x)],
        "roots": lambda x, y: [ops.sqrt(ops.abs(x)), ops.rsqrt(ops.abs(x)), ops.log(ops.abs(x)), ops.log1p(ops.abs(x))],
        "comparisons": lambda x, y: [ops.where(x > 0, x, y), ops.logical_and(x > 0, y >= 0), ops.equal(x, y)],
        "index": lambda x, y: [x[:, 0], x[..., 1:3, None], x[:, ::2, -1]],
        "concatenate": lambda x, y: [ops.concatenate([x, y], axis=-1), ops.stack([x, y], axis=1)],
        "split": lambda x, y: ops.split(x, 2, axis=1),
        "split_at": lambda x, y: ops.split(x, [1, 3], axis=-1),
        "unstack": lambda x, y: ops.unstack(x, 4, axis=1),
        "sums": lambda x, y: [ops.sum(x, axis=-1, keepdims=True), ops.mean(x, axis=(1, 2)), ops.prod(x, axis=1)],
        "statistics": lambda x, y: [ops.var(x, axis=1), ops.std(x, axis=1), ops.logsumexp(x, axis=1),
                                    *ops.moments(x, axes=[1], keepdims=True)],
        "indices": lambda x, y: [ops.argmax(x, axis=-1), ops.argmin(x, axis=1), *ops.top_k(x, 2)],
        "shapes": lambda x, y: [ops.transpose(x, (0, 2, 1)), ops.reshape(x, (-1, 24)), ops.expand_dims(x, 1),
                                ops.squeeze(ops.expand_dims(x, 1), axis=1), ops.broadcast_to(x, (3, 4, 6))],
        "repetition": lambda x, y: [ops.tile(x, (1, 2, 1)), ops.repeat(x, 2, axis=1), ops.flip(x, axis=[1]),
                                    ops.roll(x, 1, axis=1), ops.cumsum(x, axis=1)],
        "products": lambda x, y: [ops.matmul(x, ops.transpose(y, (0, 2, 1))), ops.einsum("...ij,...kj->...ik", x, y)],
        "take": lambda x, y: ops.take(x, np.array([0, 2]), axis=1),
        "pads": lambda x, y: [ops.pad(x, [[0, 0], [1, 1], [0, 0]]),
                              ops.pad(x, [[0, 0], [1, 1], [0, 0]], mode="reflect"),
                              ops.pad(x, [[0, 0], [1, 1], [0, 0]], constant_values=2.0)],
        "activations": lambda x, y: [ops.relu(x), ops.softmax(x, axis=1), ops.sigmoid(x), ops.gelu(x),
                                     ops.gelu(x, approximate=False), ops.elu(x), ops.leaky_relu(x, 0.1), ops.silu(x),
                                     ops.softplus(x), ops.log_softmax(x), ops.relu6(x)],
        "casts": lambda x, y: [ops.cast(x, "float16"), ops.one_hot(ops.cast(x, "int32"), 5), ops.clip(x, 0.0, 1.0)],
        "like": lambda x, y: ops.zeros_like(x) + ops.ones_like(y),
        "normalize": lambda x, y: ops.normalize(x, axis=1),
        "images": lambda x, y: ops.image.resize(ops.expand_dims(x, -1), (8, 12)),
    }  # fmt: skip


def keras3_cases() -> dict[str, Build]:
    """Return models of Keras 3's layers that Keras 2 has as well, by name."""
    layers = keras.layers

    def inner(name: str = "inner") -> Any:
        source = keras.Input((4, 6))
        return keras.Model(source, layers.Dense(2)(source), name=name)

    def shared(make: Callable[[], Any]) -> Build:
        def build(x: Any, y: Any) -> Any:
            layer = make()
            return [layer(x), layer(y)]

        return build

    def reused(x: Any, y: Any) -> Any:
        model = inner()
        first, second = model(x), model(y)
        return [layers.Add()([first, second]), second]

    return {
        "shared_layer": shared(lambda: layers.Dense(3)),
        "shared_model": shared(inner),
        "shared_sequential": shared(lambda: keras.Sequential([layers.Input((4, 6)), layers.Dense(3)])),
        "shared_deferred": shared(lambda: keras.Sequential([layers.Dense(3)])),
        "reused_model": reused,
        "dict_of_outputs": lambda x, y: {"b": x + y, "a": layers.Dense(2)(y)},
        "attention": lambda x, y: [layers.MultiHeadAttention(2, 3)(x, y),
                                   layers.MultiHeadAttention(2, 3)(query=x, value=y, use_causal_mask=True),
                                   layers.Attention()([x, y])],
        "states": lambda x, y: [layers.LSTM(3)(x, initial_state=[y[:, 0, :3], y[:, 1, :3]]),
                                layers.GRU(3, return_sequences=True)(x, initial_state=y[:, 0, :3]),
                                *layers.LSTM(3, return_state=True)(x)],
        "bidirectional": lambda x, y: [layers.Bidirectional(layers.LSTM(3))(x),
                                       layers.Bidirectional(layers.GRU(3, return_sequences=True), merge_mode="ave")(x)],
        "cells": lambda x, y: layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)])(x),
        "time_distributed": lambda x, y: layers.TimeDistributed(
            keras.Sequential([layers.Input((6,)), layers.Dense(2)]))(x),
        "activations": lambda x, y: [layers.Dense(3, activation="silu", kernel_regularizer="l2")(x),
                                     layers.Dense(3, activation=layers.LeakyReLU(0.2))(x), layers.LeakyReLU()(x),
                                     layers.PReLU(shared_axes=[1])(x), layers.ReLU(6.0, 0.1, 0.2)(x)],
        "normalization": lambda x, y: [layers.BatchNormalization()(x), layers.LayerNormalization()(x),
                                       layers.GroupNormalization(3)(x),
                                       layers.Normalization(mean=1.0, variance=2.0)(x)],
        "others": lambda x, y: [layers.Conv1D(4, 3, padding="causal")(x), layers.Dot(axes=(2, 2))([x, y]),
                                layers.Rescaling(2.0, 1.0)(x), layers.EinsumDense("abc,cd->abd", (None, 3))(x)],
    }  # fmt: skip


@pytest.mark.parametrize("name", [*ops_cases(), *keras3_cases()])
def test_keras_3_models_through_keras_2_and_back(name: str) -> None:
    build = {**keras3_cases(), **ops_cases()}[name]
    x, y = keras.Input((4, 6), name="x"), keras.Input((4, 6), name="y")
    original = keras.Model([x, y], build(x, y))
    model = read(original.to_json())
    assert_same(original, load(keras, to_keras3(model)))
    old = to_keras2(model)
    assert old.losses == ()
    loaded = load(tf_keras, old)
    assert_same(original, loaded)
    assert_same(original, load(keras, to_keras3(read(loaded.to_json()))))


def tf_keras_cases() -> dict[str, Build]:
    """Return models of tf.keras, by name."""
    tf = pytest.importorskip("tensorflow")
    layers, backend = tf_keras.layers, tf_keras.backend
    return {
        "functions": lambda x, y: [x + y, 1 - x, tf.math.squared_difference(x, y), tf.math.l2_normalize(x, axis=-1),
                                   tf.math.l2_normalize(x, axis=[1, 2], epsilon=4.0), backend.mean(x, axis=1)],
        "activations": lambda x, y: [tf_keras.activations.relu(x, max_value=6), tf_keras.activations.relu(x, alpha=0.1),
                                     tf_keras.activations.hard_sigmoid(x), tf.nn.gelu(x), tf.nn.leaky_relu(x)],
        "shapes": lambda x, y: [tf.reshape(x, (tf.shape(x)[0], 24)), tf.squeeze(x[:, None], 1), *tf.unstack(x, axis=1),
                                *tf.split(x, [1, 3], axis=1), backend.permute_dimensions(x, (0, 2, 1))],
        "products": lambda x, y: [tf.matmul(x, y, transpose_b=True), tf.matmul(x, y, transpose_a=True)],
        "images": lambda x, y: [tf.image.resize(x[..., None], (8, 12)),
                                tf.image.resize(x[..., None], (8, 12), method="nearest")],
        "hard_sigmoid": lambda x, y: [layers.LSTM(3, recurrent_activation="hard_sigmoid")(x),
                                      layers.GRU(3, recurrent_activation="hard_sigmoid", reset_after=False)(x),
                                      layers.Dense(3, activation="hard_sigmoid")(x)],
        "convolutional_lstm": lambda x, y: layers.ConvLSTM1D(2, 3)(x[..., None]),
        "thresholds": lambda x, y: [layers.ThresholdedReLU(0.3)(x), layers.LeakyReLU()(x),
                                    layers.ReLU(6.0, 0.1, 0.2)(x)],
        "masking": lambda x, y: layers.LSTM(2)(layers.Masking()(x)),
        "merges": lambda x, y: [layers.Subtract()([x, y]), layers.Dot(2, normalize=True)([x, y])],
        "causal": lambda x, y: layers.Attention()([x, y], use_causal_mask=True),
        "convolutions": lambda x, y: [layers.Conv1DTranspose(3, 3, strides=2, padding="same")(x),
                                      layers.SeparableConv1D(3, 3)(x), layers.DepthwiseConv1D(3)(x)],
        "batch_normalization": lambda x, y: layers.BatchNormalization(axis=1)(x),
    }  # fmt: skip


@pytest.mark.parametrize("name", list(tf_keras_cases()))
def test_keras_2_models_in_keras_3(name: str) -> None:
    x, y = tf_keras.Input((4, 6), name="x"), tf_keras.Input((4, 6), name="y")
    original = tf_keras.Model([x, y], tf_keras_cases()[name](x, y))
    written = to_keras3(read(original.to_json()))
    assert written.losses == ()
    assert_same(original, load(keras, written))


def test_the_old_hard_sigmoid_survives_keras_3() -> None:
    source = keras.Input((4,))
    text = json.dumps(to_keras3(read({
        "class_name": "Sequential", "keras_version": "2.2.4", "config": [
            {"class_name": "Dense", "config": {"name": "fc", "units": 3, "activation": "hard_sigmoid",
                                               "batch_input_shape": [None, 4]}}]})).document)  # fmt: skip
    loaded = keras.models.model_from_json(text)
    loaded(source)
    assert read(loaded.to_json()).layer("fc").config["activation"] == "hard_sigmoid_02"


def test_names_with_slashes() -> None:
    dense = {"class_name": "Dense", "name": "a/b", "config": {"name": "a/b", "units": 2},
             "inbound_nodes": [[["x/y", 0, 0, {}]]]}  # fmt: skip
    source = {"class_name": "InputLayer", "name": "x/y", "config": {"name": "x/y", "batch_input_shape": [None, 4]},
              "inbound_nodes": []}  # fmt: skip
    model = read({"class_name": "Model", "keras_version": "2.2.4", "config": {
        "name": "m/n", "layers": [source, dense], "input_layers": [["x/y", 0, 0]],
        "output_layers": [["a/b", 0, 0]]}})  # fmt: skip
    assert [layer.name for layer in load(keras, to_keras3(model)).layers] == ["x_y", "a_b"]
    assert load(tf_keras, to_keras2(model)).count_params() == 10
