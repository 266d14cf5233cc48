"""What real Keras 3 computes of every layer, computed again by real TensorFlow from the graphs we write."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.keras.layer_table import CASES, Case
from tests.keras.test_layers import build, numbers, random_weights, results
from tests.oracle.kit import difference
from tests.tensorflow_write.keras_models import computed, read_model
from tests.tensorflow_write.running import Numbers, convert, session, tensor

keras = pytest.importorskip("keras")

NOT_YET_ADAPTED = (
    "Normalization adapted",
)  # Keras uses what adapt() found, not the weights, until it has run
OWN_FORMULA = ("Activation sparsemax",)  # Keras up to 3.15 takes the sum of running sums for the sum
CONVERTED = [case for case in CASES if case.name not in NOT_YET_ADAPTED]


def sparsemax(x: Numbers) -> Numbers:
    """Martins and Astudillo 2016, algorithm 1, along the last axis."""
    falling = -np.sort(-x.astype(np.float64), axis=-1)
    sums = np.cumsum(falling, axis=-1)
    count = np.sum(1 + np.arange(1, x.shape[-1] + 1) * falling > sums, axis=-1, keepdims=True)
    threshold = (np.take_along_axis(sums, count - 1, axis=-1) - 1) / count
    found: Numbers = np.maximum(x - threshold, 0.0)
    return found


@pytest.mark.parametrize("case", CONVERTED, ids=lambda case: case.name)
def test_layer_computes_what_keras_does(case: Case, tmp_path: Path) -> None:
    model = build(case)
    weights = random_weights(model)
    made = read_model(model, tmp_path)
    if not case.runs:
        return
    found = computed(made, model, weights, numbers(case))
    if case.name in OWN_FORMULA:
        return
    model.set_weights(weights)
    for expected, result in zip(results(model, case), found, strict=True):
        assert difference(result, np.asarray(expected, np.float64)) <= 10 * case.tolerance


@pytest.mark.parametrize("axis", [-1, 1])
def test_sparsemax_is_what_its_authors_say(axis: int, tmp_path: Path) -> None:
    keras.backend.clear_session()
    inputs = keras.Input((4, 6))
    model = keras.Model(inputs, keras.ops.sparsemax(inputs, axis=axis))
    path = tmp_path / "model.json"
    path.write_text(model.to_json())
    made = convert(path)
    x = np.random.default_rng(0).standard_normal((2, 4, 6)).astype("float32")
    with session(made.text) as running:
        (place,) = made.written.inputs.values()
        found = running.run(tensor(running, made.written.outputs[0]), {tensor(running, place): x})
    np.testing.assert_allclose(np.moveaxis(found, axis, -1), sparsemax(np.moveaxis(x, axis, -1)), atol=1e-6)
