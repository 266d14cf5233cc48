"""Every layer class against the real Keras 3: shapes, parameters, and the model that is written back."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tests.keras.layer_table import CASES, Case
from tests.keras.reading import native_shapes, parameters, read, typed_module, warnings, written
from transpiler.ir import Module
from transpiler.ir.equality import difference

keras = pytest.importorskip("keras")


def build(case: Case) -> Any:
    """A real model of the case's one layer."""
    keras.backend.clear_session(free_memory=False)
    dtype = "int32" if case.integers else "float32"
    inputs = [keras.Input(shape, dtype=dtype) for shape in case.shapes]
    layer = case.make(keras.layers)
    outputs = case.call(layer, inputs) if case.call else layer(inputs if len(inputs) > 1 else inputs[0])
    return keras.Model(inputs, outputs)


def numbers(case: Case) -> list[Any]:
    rng = np.random.default_rng(0)
    shapes = [(2, *(4 if n is None else n for n in shape)) for shape in case.shapes]
    if case.integers:
        return [rng.integers(0, 5, shape).astype("int32") for shape in shapes]
    return [rng.standard_normal(shape).astype("float32") for shape in shapes]


def random_weights(model: Any) -> list[Any]:
    rng = np.random.default_rng(1)
    return [np.asarray(rng.uniform(0.1, 0.9, w.shape)).astype(w.dtype) for w in model.weights]


def results(model: Any, case: Case) -> list[Any]:
    inputs = numbers(case)
    return [
        np.asarray(y)
        for y in keras.tree.flatten(model(inputs if len(inputs) > 1 else inputs[0], training=False))
    ]


def shapes_of(module: Module) -> list[Any]:
    return [value.type.shape for value in module.graphs[""].outputs]


def fitting(found: tuple[int, ...], shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
    """A computed shape, unknown where the inferred one is: the batch, and a time axis of any length."""
    assert len(found) == len(shape)
    return tuple(None if mine is None else real for real, mine in zip(found, shape, strict=True))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_layer_is_read_and_written_as_keras_has_it(case: Case) -> None:
    model = build(case)
    module, sink = read(model.to_json())
    assert not warnings(sink)
    module = typed_module(module)
    if not case.runs:
        assert shapes_of(module) == [tuple(y.shape) for y in keras.tree.flatten(model.outputs)]
    node = next(node for node in module.graphs[""].nodes if node.origin.layer == model.layers[-1].name)
    real = next(layer for layer in model.layers if layer.name == node.origin.layer)
    mine = [
        shape for n in module.graphs[""].nodes if n.origin.layer == real.name for shape in native_shapes(n)
    ]
    assert mine == [tuple(weight.shape) for weight in real.weights]
    assert all(parameters(n) is not None for n in module.graphs[""].nodes)

    text = json.dumps(written(module))
    again, _ = read(text)
    assert difference(module, typed_module(again)) is None
    loaded = keras.models.model_from_json(text)
    weights = random_weights(model)
    assert [tuple(w.shape) for w in loaded.weights] == [w.shape for w in weights]
    if not case.runs:
        return
    model.set_weights(weights)
    loaded.set_weights(weights)
    computed = results(model, case)
    assert shapes_of(module) == [
        fitting(y.shape, shape) for y, shape in zip(computed, shapes_of(module), strict=True)
    ]
    for expected, found in zip(computed, results(loaded, case), strict=True):
        np.testing.assert_allclose(found, expected, rtol=case.tolerance, atol=case.tolerance)
