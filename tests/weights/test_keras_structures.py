"""Models of any form in Keras's weight files: whose an array is follows from where layers stand, and in which order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.weights.arrays import assert_same, read
from tests.weights.graphs import arrays_of, layers_of, random_model, shuffled, with_random_weights
from transpiler.weights.keras_tree import in_loaded_order, is_operation
from transpiler.weights.writing import write_keras_archive, write_keras_h5, write_keras_weights

PACKAGES = {"keras": pytest.importorskip("keras"), "tf_keras": pytest.importorskip("tf_keras")}
keras, tf_keras = PACKAGES.values()
SEEDS = range(10)

pytestmark = pytest.mark.slow


def model_of(package: Any, seed: int) -> Any:
    package.backend.clear_session()
    return with_random_weights(random_model(package, seed))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("package", PACKAGES)
def test_order_is_that_of_the_loaded_model(package: str, seed: int) -> None:
    text = shuffled(model_of(PACKAGES[package], seed), seed)
    real = [layer.name for layer in PACKAGES[package].models.model_from_json(text).layers]
    mine = in_loaded_order(json.loads(text)["config"])
    names = [layer["name"] for layer in mine if not is_operation(layer) and layer["name"] in real]
    assert [name for name in names if not name.startswith("in")] == [
        name for name in real if not name.startswith("in")
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_keras_3_finds_every_array(seed: int, tmp_path: Path) -> None:
    model = model_of(keras, seed)
    text, expected = shuffled(model, seed), arrays_of(model)
    whole, alone = tmp_path / "model.keras", tmp_path / "model.weights.h5"
    write_keras_archive(str(whole), text, layers_of(model))
    write_keras_weights(str(alone), text, layers_of(model))
    assert_same(arrays_of(keras.models.load_model(whole)), expected)
    again = keras.models.model_from_json(text)
    again.load_weights(alone)
    assert_same(arrays_of(again), expected)
    assert_same(read(whole), expected)
    assert_same(read(alone, json.loads(text)), expected)
    assert_same(read(alone), expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_tf_keras_finds_every_array(seed: int, tmp_path: Path) -> None:
    model = model_of(tf_keras, seed)
    text, expected = shuffled(model, seed), arrays_of(model)
    whole, alone = tmp_path / "model.h5", tmp_path / "weights.h5"
    write_keras_h5(str(whole), text, layers_of(model))
    write_keras_h5(str(alone), text, layers_of(model), whole=False)
    assert_same(arrays_of(tf_keras.models.load_model(whole)), expected)
    again = tf_keras.models.model_from_json(text)
    again.load_weights(alone)
    assert_same(arrays_of(again), expected)
    assert_same(read(whole), expected)
    assert_same(read(alone, json.loads(text)), expected)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("name", ["model.keras", "model.h5", "model.weights.h5"])
def test_what_keras_saves_is_read(package: str, name: str, seed: int, tmp_path: Path) -> None:
    model = model_of(PACKAGES[package], seed)
    path = tmp_path / name
    if name == "model.weights.h5":
        model.save_weights(path)
        assert_same(read(path, json.loads(model.to_json())), arrays_of(model))
    else:
        model.save(path)
        assert_same(read(path), arrays_of(model))


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("generation", [2, 3])
def test_a_model_for_every_step(package: str, generation: int, tmp_path: Path) -> None:
    library = PACKAGES[package]
    library.backend.clear_session()
    step = library.Sequential(
        [library.Input((3,)), library.layers.Dense(2, name="one"), library.layers.Dense(2, name="two")]
    )
    x = library.Input((4, 3))
    model = with_random_weights(library.Model(x, library.layers.TimeDistributed(step, name="steps")(x)))
    expected = arrays_of(model)
    assert set(expected) == {"steps/one", "steps/two"}
    path = tmp_path / ("model.keras" if generation == 3 else "model.h5")
    model.save(path)
    assert_same(read(path), expected)
    if (generation == 3) == (package == "keras"):
        write = write_keras_archive if generation == 3 else write_keras_h5
        write(str(path), model.to_json(), layers_of(model))
        assert_same(arrays_of(library.models.load_model(path)), expected)
        assert_same(read(path), expected)


def stacked(k: Any) -> Any:
    return k.RNN([k.LSTMCell(2), k.GRUCell(3), k.LSTMCell(4)], return_sequences=True)


WRAPPED = {
    "steps of both directions": lambda k: k.TimeDistributed(k.Bidirectional(k.LSTM(2))),
    "both directions of a stack": lambda k: k.Bidirectional(stacked(k)),
    "steps of a normalization": lambda k: k.TimeDistributed(k.BatchNormalization(scale=False)),
    "frozen normalization": lambda k: k.BatchNormalization(trainable=False),
}


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("case", WRAPPED)
def test_layers_within_layers_within_models(package: str, case: str, tmp_path: Path) -> None:
    library = PACKAGES[package]
    library.backend.clear_session()
    shape = (2, 4, 3) if case == "steps of both directions" else (4, 3)
    inner = library.Sequential([library.Input(shape), WRAPPED[case](library.layers)], name="inner")
    x = library.Input(shape)
    model = with_random_weights(
        library.Model(x, inner(WRAPPED["steps of a normalization"](library.layers)(x)))
    )
    expected = arrays_of(model)
    write = write_keras_archive if package == "keras" else write_keras_h5
    path = tmp_path / ("model.keras" if package == "keras" else "model.h5")
    write(str(path), model.to_json(), layers_of(model))
    assert_same(arrays_of(library.models.load_model(path)), expected)
    assert_same(read(path), expected)
    for name in ("saved.keras", "saved.h5"):
        model.save(tmp_path / name)
        assert_same(read(tmp_path / name), expected)


def test_a_layer_that_two_models_share(tmp_path: Path) -> None:
    keras.backend.clear_session()
    dense = keras.layers.Dense(3, name="dense")
    x = keras.Input((3,))
    inner = keras.Model(x, keras.layers.Dense(3, name="last")(dense(x)), name="inner")
    y = keras.Input((3,))
    model = with_random_weights(keras.Model(y, inner(dense(y))))
    path = tmp_path / "model.keras"
    model.save(path)
    expected = arrays_of(model)
    assert set(expected) == {"dense", "inner/dense", "inner/last"}
    assert_same(read(path), expected)
