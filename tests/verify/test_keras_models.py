"""Models of real Keras as sources: nested, shared, of several inputs; tensors are found wherever a layer is called."""

from __future__ import annotations

from typing import Any

import pytest

from transpiler.diagnostics import Source
from transpiler.driver.options import Options
from transpiler.verify.api import verify_source
from transpiler.verify.report import Report

PACKAGES = ("keras", "tf_keras")


@pytest.fixture(params=PACKAGES)
def keras(request: pytest.FixtureRequest) -> Any:
    """Keras 3, and Keras 2 as TensorFlow keeps it."""
    package = pytest.importorskip(request.param)
    package.backend.clear_session()
    return package


def verified(model: Any, target: str) -> Report:
    report = verify_source(Source("model", model.to_json()), target, Options(source_format="keras"))
    assert not report.notes
    assert report.agrees, report.verdict
    return report


def tensors(report: Report) -> list[str]:
    return [row.tensor for row in report.rows]


def test_a_layer_that_is_called_twice(keras: Any) -> None:
    layers = keras.layers
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    shared = layers.Dense(4, name="shared", activation="tanh")
    deep = shared(shared(right))
    model = keras.Model([left, right], layers.Subtract(name="difference")([shared(left), deep]))
    assert tensors(verified(model, "tensorflow")) == ["shared", "shared@1", "shared@2", "difference"]


def test_a_model_inside_a_model_that_is_called_twice(keras: Any) -> None:
    layers = keras.layers
    x = keras.Input((6, 6, 2), name="image")
    inner = keras.Sequential([x, layers.Conv2D(3, 3, name="conv"), layers.ReLU(name="relu")], name="inner")
    left, right = keras.Input((6, 6, 2), name="left"), keras.Input((6, 6, 2), name="right")
    model = keras.Model([left, right], layers.Concatenate(name="both")([inner(left), inner(right)]))
    found = tensors(verified(model, "tensorflow"))
    assert {"inner/conv", "inner/relu", "inner@1/conv", "inner@1/relu", "both"} <= set(found)


def test_inputs_that_have_names_of_their_own(keras: Any) -> None:
    layers = keras.layers
    inputs = {"b": keras.Input((3,), name="second"), "a": keras.Input((2,), name="first")}
    joined = layers.Concatenate(name="joined")([inputs["a"], inputs["b"]])
    model = keras.Model(inputs, layers.Dense(2, name="dense")(joined))
    assert tensors(verified(model, "tensorflow")) == ["joined", "dense"]


def test_words_and_sequences(keras: Any) -> None:
    layers = keras.layers
    words = keras.Input((7,), name="words", dtype="int32")
    embedded = layers.Embedding(20, 5, mask_zero=True, name="embedding")(words)
    state = layers.LSTM(4, name="lstm")(embedded)
    report = verified(keras.Model(words, layers.Dense(2, name="dense")(state)), "keras2")
    assert {"embedding", "lstm", "dense"} <= set(tensors(report))


def test_a_model_that_learns_of_its_input_when_it_is_called(keras: Any) -> None:
    model = keras.Sequential([keras.layers.Dense(3, name="dense"), keras.layers.Softmax(name="softmax")])
    source = Source("model", model.to_json())
    options = Options(source_format="keras", input_shapes={"dense_input": (None, 4)})
    assert verify_source(source, "keras", options).agrees


def test_whole_files_are_run_with_their_own_numbers(keras: Any, tmp_path: Any) -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="dense")])
    path = tmp_path / ("model.keras" if keras.__name__ == "keras" else "model.h5")
    model.save(path)
    report = verify_source(str(path), "tensorflow")
    assert report.agrees
    assert report.weights == "its own"
