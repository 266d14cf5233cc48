"""What real Keras 3 computes of every layer, computed again by real TensorFlow from the graphs we write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.keras.layer_table import CASES, Case
from tests.keras.test_layers import build, numbers, random_weights, results
from tests.oracle.kit import difference
from tests.tensorflow_write.running import Numbers, assign_all, convert, fitting, session, tensor
from transpiler.diagnostics import CompileError
from transpiler.dialects.keras.dialect import KERAS3, spell_as_written
from transpiler.dialects.rows import Refusal
from transpiler.ir import Graph, Value
from transpiler.ops.core import Input
from transpiler.weights.relayout import from_native

keras = pytest.importorskip("keras")

REFUSED = {
    "Activation sparsemax": "sparsemax",
    "Attention key": "its scores are learned",
    "Attention concat": "its scores are learned",
    "Attention causal": "it has masks",
    "AdditiveAttention": "its scores are learned",
    "AdditiveAttention plain": "its scores are learned",
    "MultiHeadAttention causal": "it has masks",
    "MultiHeadAttention axes": "several axes",
    "MultiHeadAttention gate": "it has masks, a window or a gate",
    "GroupQueryAttention": "group_query_attention",
    "GroupQueryAttention gate": "group_query_attention",
    "Resizing nearest": "no single op that resizes so",
}
"""Layers that are not written, with a part of the reason."""
NOT_YET_ADAPTED = (
    "Normalization adapted",
)  # Keras uses what adapt() found, not the weights, until it has run
CONVERTED = [case for case in CASES if case.name not in (*REFUSED, *NOT_YET_ADAPTED)]


def canonical(graph: Graph, model: Any, weights: list[Numbers]) -> dict[str, Numbers]:
    """The model's weights by symbol, in canonical order."""
    rest = {id(variable): value for variable, value in zip(model.weights, weights, strict=True)}
    found = {}
    for node in graph.nodes:
        if not node.op.roles:
            continue
        spelled = spell_as_written(KERAS3, node)
        assert not isinstance(spelled, Refusal)
        row, native = spelled
        specs = node.op.params([value.type for value in node.operands])
        layer = model.get_layer(node.origin.layer)
        for array, variable in zip(row.arrays(node.op, native.config), layer.weights, strict=True):
            shape = [size or 0 for size in specs[array.role].shape]
            found[node.param(array.role).symbol] = from_native(rest[id(variable)], array, shape)
    return found


def inputs_of(graph: Graph) -> list[Value]:
    return [node.result for node in graph.nodes if isinstance(node.op, Input)]


@pytest.mark.parametrize("case", CONVERTED, ids=lambda case: case.name)
def test_layer_computes_what_keras_does(case: Case, tmp_path: Path) -> None:
    model = build(case)
    path = tmp_path / "model.json"
    path.write_text(model.to_json())
    made = convert(path)
    weights = random_weights(model)
    inputs = numbers(case)
    with session(made.text) as running:
        assign_all(running, made.written, canonical(made.read, model, weights))
        places = [made.written.inputs[value.name] for value in inputs_of(made.legal)]
        feed = {
            tensor(running, place): fitting(tensor(running, place), array)
            for place, array in zip(places, inputs, strict=True)
        }
        wanted = [value.type.shape for value in made.legal.outputs]
        tensors = [tensor(running, name) for name in made.written.outputs]
        assert [tuple(t.shape.as_list()) for t in tensors] == wanted
        found = running.run(tensors, feed)
    if not case.runs:
        return
    model.set_weights(weights)
    for expected, result in zip(results(model, case), found, strict=True):
        assert difference(result, np.asarray(expected, np.float64)) <= 10 * case.tolerance


@pytest.mark.parametrize("case", [case for case in CASES if case.name in REFUSED], ids=lambda case: case.name)
def test_layer_is_refused_with_a_reason(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text(build(case).to_json())
    with pytest.raises(CompileError) as caught:
        convert(path)
    assert REFUSED[case.name] in " ".join(one.message for one in caught.value.diagnostics)
