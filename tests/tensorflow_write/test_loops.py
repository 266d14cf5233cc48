"""Recurrent layers over sequences of any length: loops, and the same numbers as Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tensorflow_write.keras_models import canonical
from tests.tensorflow_write.running import assign_all, convert, session, tensor

keras = pytest.importorskip("keras")

LAYERS = {
    "LSTM": lambda k: k.LSTM(3),
    "LSTM sequences": lambda k: k.LSTM(3, return_sequences=True, return_state=True),
    "LSTM backwards": lambda k: k.LSTM(3, return_sequences=True, go_backwards=True, use_bias=False),
    "LSTM hard": lambda k: k.LSTM(3, recurrent_activation="hard_sigmoid", activation="softsign"),
    "GRU": lambda k: k.GRU(3, return_sequences=True),
    "GRU no bias": lambda k: k.GRU(3, use_bias=False),
    "GRU before": lambda k: k.GRU(3, reset_after=False, return_state=True),
    "SimpleRNN": lambda k: k.SimpleRNN(3, activation="relu", return_sequences=True),
    "two": lambda k: k.Bidirectional(k.LSTM(3, return_sequences=True)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_loop_computes_what_keras_does(name: str, tmp_path: Path) -> None:
    keras.backend.clear_session()
    inputs = keras.Input((None, 2))
    model = keras.Model(inputs, LAYERS[name](keras.layers)(inputs))
    path = tmp_path / "model.json"
    path.write_text(model.to_json())
    made = convert(path)
    rng = np.random.default_rng(1)
    weights: list[Any] = [rng.uniform(-0.9, 0.9, w.shape).astype("float32") for w in model.weights]
    model.set_weights(weights)
    given = [rng.standard_normal((2, length, 2)).astype("float32") for length in (1, 4)]
    expected = [keras.tree.flatten(model(x, training=False)) for x in given]
    with session(made.text) as running:
        assign_all(running, made.written, canonical(made.read, model, weights))
        assert "LoopCond" in {node.type for node in running.graph.get_operations()}
        (place,) = made.written.inputs.values()
        outputs = [tensor(running, name) for name in made.written.outputs]
        found = [running.run(outputs, {tensor(running, place): x}) for x in given]
    for mine, theirs in zip(found, expected, strict=True):
        for one, other in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(one, np.asarray(other), rtol=1e-4, atol=1e-5)


MASKED = {
    "embedding": lambda k, x: k.LSTM(3)(k.Embedding(5, 2, mask_zero=True)(x)),
    "sequences": lambda k, x: k.GRU(3)(
        k.LSTM(2, return_sequences=True)(k.Embedding(5, 2, mask_zero=True)(x))
    ),
    "dense between": lambda k, x: k.GRU(3)(
        k.Dense(2, activation="relu")(k.Embedding(5, 2, mask_zero=True)(x))
    ),
    "both ways": lambda k, x: k.Bidirectional(k.LSTM(3, return_sequences=True))(
        k.Embedding(5, 2, mask_zero=True)(x)
    ),
    "masking": lambda k, x: k.SimpleRNN(3)(k.Masking(0.0)(k.Embedding(5, 2)(x))),
}


@pytest.mark.parametrize("name", MASKED)
def test_masked_steps_are_skipped(name: str, tmp_path: Path) -> None:
    """Files of Keras 2 do not write masks down: they hold all the same."""
    tf_keras = pytest.importorskip("tf_keras")
    tf_keras.backend.clear_session()
    inputs = tf_keras.Input((5,), dtype="int32")
    model = tf_keras.Model(inputs, MASKED[name](tf_keras.layers, inputs))
    path = tmp_path / "model.json"
    path.write_text(model.to_json())
    made = convert(path)
    rng = np.random.default_rng(1)
    weights: list[Any] = [rng.uniform(-0.9, 0.9, w.shape).astype("float32") for w in model.weights]
    if name == "masking":
        weights[0][0] = 0.0
    model.set_weights(weights)
    x = np.array([[1, 2, 0, 0, 3], [0, 0, 4, 1, 0]], "int32")
    with session(made.text) as running:
        assign_all(running, made.written, canonical(made.read, model, weights))
        (place,) = made.written.inputs.values()
        found = running.run(tensor(running, made.written.outputs[0]), {tensor(running, place): x})
    np.testing.assert_allclose(found, np.asarray(model(x)), rtol=1e-4, atol=1e-5)
