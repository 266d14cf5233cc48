"""Layers of the real Keras 2 (tf-keras): read, and written for Keras 2 and Keras 3 with the same numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import transpiler
from tests.keras.reading import native_shapes, read, total, typed_module, warnings, written
from transpiler.diagnostics import CompileError, Source

tf_keras = pytest.importorskip("tf_keras")
keras = pytest.importorskip("keras")
K = tf_keras.layers

LAYERS: dict[str, tuple[tuple[int, ...], Callable[[], Any]]] = {
    "Dense": ((4,), lambda: K.Dense(3, activation="relu")),
    "Dense hard sigmoid": ((4,), lambda: K.Dense(3, activation="hard_sigmoid")),
    "Activation hard sigmoid": ((4,), lambda: K.Activation("hard_sigmoid")),
    "Conv1D causal": ((9, 3), lambda: K.Conv1D(4, 3, padding="causal", dilation_rate=2)),
    "Conv2D": ((9, 8, 3), lambda: K.Conv2D(4, 3, strides=2, padding="same", activation="elu")),
    "Conv2DTranspose": (
        (4, 5, 3),
        lambda: K.Conv2DTranspose(2, 3, strides=2, padding="same", output_padding=1),
    ),
    "SeparableConv2D": ((9, 8, 3), lambda: K.SeparableConv2D(4, 3, depth_multiplier=2)),
    "DepthwiseConv2D": ((9, 8, 3), lambda: K.DepthwiseConv2D(3, padding="same")),
    "MaxPooling2D": ((9, 8, 3), lambda: K.MaxPooling2D(3, 2, padding="same")),
    "AveragePooling2D": ((9, 8, 3), lambda: K.AveragePooling2D(3, 2, padding="same")),
    "GlobalAveragePooling2D": ((5, 4, 3), lambda: K.GlobalAveragePooling2D(keepdims=True)),
    "BatchNormalization": ((5, 4, 3), lambda: K.BatchNormalization(epsilon=1e-4)),
    "LayerNormalization": ((5, 3), K.LayerNormalization),
    "ThresholdedReLU": ((4,), lambda: K.ThresholdedReLU(theta=0.3)),
    "LeakyReLU": ((4,), lambda: K.LeakyReLU(alpha=0.1)),
    "PReLU": ((5, 4, 3), lambda: K.PReLU(shared_axes=[1, 2])),
    "ReLU": ((4,), lambda: K.ReLU(2.0, 0.1, 0.2)),
    "Softmax": ((4, 3), lambda: K.Softmax(axis=1)),
    "SimpleRNN": ((5, 3), lambda: K.SimpleRNN(2, return_sequences=True)),
    "LSTM": ((5, 3), lambda: K.LSTM(2)),
    "LSTM hard sigmoid": ((5, 3), lambda: K.LSTM(2, recurrent_activation="hard_sigmoid", go_backwards=True)),
    "GRU": ((5, 3), lambda: K.GRU(2)),
    "GRU reset before": ((5, 3), lambda: K.GRU(2, reset_after=False, recurrent_activation="hard_sigmoid")),
    "ConvLSTM2D": ((3, 6, 5, 2), lambda: K.ConvLSTM2D(2, 3, padding="same")),
    "Bidirectional": ((5, 3), lambda: K.Bidirectional(K.LSTM(2, return_sequences=True), merge_mode="ave")),
    "TimeDistributed": ((5, 3), lambda: K.TimeDistributed(K.Dense(2, activation="softmax"))),
    "RNN": ((5, 3), lambda: K.RNN([K.LSTMCell(2), K.GRUCell(3)])),
    "Reshape": ((4, 6), lambda: K.Reshape((3, -1))),
    "Permute": ((4, 6, 2), lambda: K.Permute((3, 1, 2))),
    "ZeroPadding2D": ((4, 6, 2), lambda: K.ZeroPadding2D(((1, 2), (0, 1)))),
    "Cropping2D": ((4, 6, 2), lambda: K.Cropping2D(1)),
    "UpSampling2D": ((4, 6, 2), lambda: K.UpSampling2D((2, 3), interpolation="bilinear")),
    "Rescaling": ((4,), lambda: K.Rescaling(0.5, offset=1.0)),
    "EinsumDense": ((5, 4), lambda: K.EinsumDense("abc,cd->abd", output_shape=(None, 6), bias_axes="d")),
}
RETIRED: dict[str, tuple[tuple[int, ...], Callable[[], Any]]] = {
    "LocallyConnected1D": ((9, 3), lambda: K.LocallyConnected1D(4, 3, strides=2)),
    "LocallyConnected2D": ((6, 5, 3), lambda: K.LocallyConnected2D(4, 3, activation="relu")),
}
"""Layers that only Keras 2 has."""


def model_of(shape: tuple[int, ...], make: Callable[[], Any]) -> Any:
    return tf_keras.Sequential([tf_keras.Input(shape), make()])


def weights_of(model: Any) -> list[Any]:
    rng = np.random.default_rng(1)
    return [rng.uniform(0.1, 0.9, w.shape).astype("float32") for w in model.weights]


@pytest.mark.parametrize("name", [*LAYERS, *RETIRED])
def test_layer_of_keras_2(name: str) -> None:
    shape, make = {**LAYERS, **RETIRED}[name]
    model = model_of(shape, make)
    module, sink = read(model.to_json())
    assert not warnings(sink)
    module = typed_module(module)
    graph = module.graphs[""]
    assert [v.type.shape for v in graph.outputs] == [tuple(model.output_shape)]
    assert total(graph) == model.count_params()
    if name not in RETIRED:
        assert [s for node in graph.nodes for s in native_shapes(node)] == [
            tuple(w.shape) for w in model.weights
        ]

    weights = weights_of(model)
    model.set_weights(weights)
    given = np.random.default_rng(0).standard_normal((2, *shape)).astype("float32")
    expected = np.asarray(model(given, training=False))
    loaded = [tf_keras.models.model_from_json(json.dumps(written(module, 2)))]
    if name not in RETIRED:
        loaded.append(keras.models.model_from_json(json.dumps(written(module))))
    for other in loaded:
        other.set_weights(weights)
        np.testing.assert_allclose(np.asarray(other(given, training=False)), expected, rtol=1e-5, atol=1e-6)


def test_functional_model_with_sharing_and_nesting_for_keras_2() -> None:
    a, b = tf_keras.Input((4,)), tf_keras.Input((4,))
    base = tf_keras.Sequential([tf_keras.Input((4,)), K.Dense(3, activation="relu")], name="base")
    dense = K.Dense(2, name="shared")
    model = tf_keras.Model([a, b], K.Concatenate()([dense(base(a)), dense(base(b))]))
    module, _ = read(model.to_json())
    module = typed_module(module)
    given = [np.random.default_rng(i).standard_normal((2, 4)).astype("float32") for i in range(2)]
    expected = np.asarray(model(given))
    second = tf_keras.models.model_from_json(json.dumps(written(module, 2)))
    third = keras.models.model_from_json(json.dumps(written(module)))
    for other in (second, third):
        other.set_weights(model.get_weights())
        np.testing.assert_allclose(np.asarray(other(given)), expected, rtol=1e-5, atol=1e-6)
    assert [layer.name for layer in second.layers if layer.name in ("base", "shared")] == ["base", "shared"]


def test_operations_for_keras_2() -> None:
    x = tf_keras.Input((4, 6))
    model = tf_keras.Model(x, (x[:, 1:3] * 2.0 + 1.0) / 3.0)
    module, sink = read(model.to_json())
    assert not warnings(sink)
    module = typed_module(module)
    given = np.random.default_rng(0).standard_normal((2, 4, 6)).astype("float32")
    for generation, package in ((2, tf_keras), (3, keras)):
        loaded = package.models.model_from_json(json.dumps(written(module, generation)))
        np.testing.assert_allclose(np.asarray(loaded(given)), np.asarray(model(given)), rtol=1e-6)


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        (
            '%y = einsum(%x, %x) {equation = "ab,ac->abc"}',
            "Keras 2 has no counterpart of the operation Einsum",
        ),
        ("%y = layer_norm(%x) {axes = [1], rms = true, center = false}", "layer_norm has no exact form"),
    ],
    ids=["operation", "layer"],
)
def test_what_keras_2_has_no_word_for_is_refused(node: str, reason: str) -> None:
    text = f"%x = input() {{shape = [?, 4]}} : f32[?, 4]\n{node}\nreturn %y\n"
    transpiler.convert(Source("x.ir", text), to="keras")
    with pytest.raises(CompileError) as caught:
        transpiler.convert(Source("x.ir", text), to="keras2")
    assert [one.code for one in caught.value.diagnostics] == ["T5002"]
    assert reason in caught.value.diagnostics[0].message
