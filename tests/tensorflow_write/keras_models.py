"""A real Keras model against the graph that is written for it: the same random weights, the same inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.oracle.kit import difference
from tests.tensorflow_write.running import Converted, Numbers, assign_all, convert, fitting, session, tensor
from transpiler.dialects.keras.dialect import KERAS3, spell_as_written
from transpiler.dialects.keras.dialect_keras2 import KERAS2
from transpiler.dialects.rows import Refusal
from transpiler.driver.native_arrays import native_shape
from transpiler.ir import Graph
from transpiler.weights.relayout import from_native


def canonical(graph: Graph, model: Any, weights: list[Numbers]) -> dict[str, Numbers]:
    """The model's weights by symbol, in canonical order."""
    rest = {id(variable): value for variable, value in zip(model.weights, weights, strict=True)}
    found = {}
    for node in graph.nodes:
        if not node.op.roles:
            continue
        spelled = spell_as_written(KERAS3, node)
        if isinstance(spelled, Refusal):  # a layer that Keras 3 has no more
            spelled = spell_as_written(KERAS2, node)
        assert not isinstance(spelled, Refusal)
        row, native = spelled
        specs = node.op.params([value.type for value in node.operands])
        layer = model.get_layer(node.origin.layer)
        for array, variable in zip(row.arrays(node.op, native.config), layer.weights, strict=True):
            shape = tuple(size or 0 for size in specs[array.role].shape)
            sizes = [size or 0 for size in native_shape(array, shape)]
            numbers = rest[id(variable)].reshape(sizes)  # Keras views some kernels with fewer axes
            found[node.param(array.role).symbol] = from_native(numbers, array, shape)
    return found


def read_model(model: Any, folder: Path) -> Converted:
    """The graph written for a model's description."""
    path = folder / "model.json"
    path.write_text(model.to_json())
    return convert(path)


def drawn_weights(model: Any, seed: int = 1) -> list[Numbers]:
    rng = np.random.default_rng(seed)
    return [rng.uniform(0.1, 0.9, w.shape).astype("float32") for w in model.weights]


def computed(made: Converted, model: Any, weights: list[Numbers], inputs: list[Numbers]) -> list[Numbers]:
    """What the graph gives for inputs in the order of the model's."""
    with session(made.text) as running:
        assign_all(running, made.written, canonical(made.read, model, weights))
        places = [made.written.inputs[x._keras_history[0].name] for x in model.inputs]
        feed = {
            tensor(running, place): fitting(tensor(running, place), array)
            for place, array in zip(places, inputs, strict=True)
        }
        tensors = [tensor(running, name) for name in made.written.outputs]
        assert [tuple(t.shape.as_list()) for t in tensors] == [
            value.type.shape for value in made.legal.outputs
        ]
        found: list[Numbers] = running.run(tensors, feed)
    return found


def _flat(results: Any) -> list[Any]:
    """The tensors of a model's answer, in order."""
    return (
        [one for item in results for one in _flat(item)] if isinstance(results, (list, tuple)) else [results]
    )


def agrees(model: Any, inputs: list[Numbers], folder: Path, tolerance: float = 1e-4) -> None:
    """Assert that the graph computes what the model does."""
    weights = drawn_weights(model)
    found = computed(read_model(model, folder), model, weights, inputs)
    model.set_weights(weights)
    results = _flat(model(inputs if len(inputs) > 1 else inputs[0], training=False))
    assert len(found) == len(results)
    for mine, theirs in zip(found, results, strict=True):
        assert difference(mine, np.asarray(theirs, np.float64)) <= tolerance
