"""Every layer class of Keras in the files that we write: real Keras loads them, every number where it belongs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.keras.layer_table import CASES, Case
from tests.keras.reading import read as read_json
from tests.keras.reading import typed_module, written
from tests.keras.test_layers import build, random_weights
from tests.weights.arrays import assert_same, layer, read
from transpiler.emitters.keras import write
from transpiler.emitters.keras_units import NotLegal
from transpiler.weights.writing import LayerArrays, write_keras_archive, write_keras_h5, write_keras_weights

keras = pytest.importorskip("keras")
tf_keras = pytest.importorskip("tf_keras")
pytestmark = pytest.mark.slow


def with_random_weights(case: Case) -> Any:
    model = build(case)
    model.set_weights(random_weights(model))
    return model


def layers_of(model: Any) -> list[LayerArrays]:
    return [layer(one.name, one.get_weights(), type(one).__name__) for one in model.layers if one.weights]


def arrays_of(model: Any) -> dict[str, list[Any]]:
    return {one.name: one.get_weights() for one in model.layers if one.weights}


def text_of(model: Any) -> str:
    return json.dumps(written(typed_module(read_json(model.to_json())[0])))


def keras2_text_of(model: Any) -> str:
    """The model in the words of Keras 2. Skips the test where it has none."""
    try:
        found = write(typed_module(read_json(model.to_json())[0]), 2)
    except NotLegal as refusal:
        pytest.skip(f"Keras 2 has no such layer: {refusal}")
    if found.losses:
        pytest.skip(found.losses[0].what)
    return json.dumps(found.document)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_keras_3_loads_every_layer(case: Case, tmp_path: Path) -> None:
    model = with_random_weights(case)
    text = text_of(model)
    expected = arrays_of(model)
    whole, alone = tmp_path / "model.keras", tmp_path / "model.weights.h5"
    write_keras_archive(str(whole), text, layers_of(model))
    write_keras_weights(str(alone), text, layers_of(model))
    assert_same(arrays_of(keras.models.load_model(whole)), expected)
    model.set_weights([np.full_like(array, 7) for array in model.get_weights()])
    model.load_weights(alone)
    assert_same(arrays_of(model), expected)
    assert_same(read(whole), expected)
    assert_same(read(alone, json.loads(text)), expected)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_keras_3_saves_is_read(case: Case, tmp_path: Path) -> None:
    model = with_random_weights(case)
    if not arrays_of(model):  # and for some of these Keras cannot even write every format
        return
    whole, legacy, alone = (tmp_path / name for name in ("model.keras", "model.h5", "model.weights.h5"))
    model.save(whole)
    model.save(legacy)
    model.save_weights(alone)
    for path in (whole, legacy, alone):
        assert_same(read(path, json.loads(model.to_json()) if path == alone else None), arrays_of(model))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_keras_2_loads_every_layer_that_it_has(case: Case, tmp_path: Path) -> None:
    model = with_random_weights(case)
    text = keras2_text_of(model)
    expected = arrays_of(model)
    whole, alone, new = tmp_path / "model.h5", tmp_path / "weights.h5", tmp_path / "model.keras"
    write_keras_h5(str(whole), text, layers_of(model))
    write_keras_h5(str(alone), text, layers_of(model), whole=False)
    assert_same(read(whole), expected)
    assert_same(read(alone, json.loads(text)), expected)
    if case.name.startswith("SpectralNormalization"):
        pytest.skip("tf-keras cannot build its SpectralNormalization where tf.keras is Keras 3")
    loaded = tf_keras.models.load_model(whole)
    assert_same(arrays_of(loaded), expected)
    again = tf_keras.models.model_from_json(text)
    again.load_weights(alone)
    assert_same(arrays_of(again), expected)
    if expected:
        loaded.save(new)
        assert_same(read(new), expected)
