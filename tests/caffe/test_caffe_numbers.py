"""The numbers that a real Caffe computed, against the graph's own meaning, computed with numpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.caffe.evaluate import Array, evaluate_all
from tests.caffe.nets import module_of, shaped, text_of
from transpiler.dialects.caffe.dialect import native_arrays
from transpiler.ir import Graph
from transpiler.ops.core import Input
from transpiler.weights.relayout import from_native

AUTOMATIC_SPLIT = "_split_"
NOT_COVERED = {"argmax", "argmax_axis", "lstm", "lstm_static", "parameter", "rnn", "spp"}
"""Ops that the evaluation with numpy leaves out."""


def _params(graph: Graph, recorded: dict[str, Array]) -> dict[str, Array]:
    """The recorded weights by symbol, canonical. BatchNorm's sums are divided by their factor."""
    found: dict[str, Array] = {}
    for node in graph.nodes:
        specs = node.op.params([value.type for value in node.operands])
        for index, array in enumerate(native_arrays(node)):
            numbers = recorded[f"w/{node.origin.layer}/{index}"]
            if node.origin.type == "BatchNorm":
                numbers = numbers / recorded[f"w/{node.origin.layer}/2"]
            shape = [size or 0 for size in specs[array.role].shape]
            found[node.param(array.role).symbol] = np.asarray(from_native(numbers, array, shape), float)
    return found


def _as_recorded(array: Array, recorded: Array) -> Array:
    """Large blobs are recorded thinned: in flat order, every n-th value."""
    if array.shape == recorded.shape:
        return array
    return array.reshape(-1)[:: array.size // recorded.size][: recorded.size]


def test_every_blob(kit_net: Path) -> None:
    if kit_net.stem in NOT_COVERED:
        pytest.skip("an op that numpy does not compute here")
    graph, _ = shaped(module_of(text_of(kit_net)).graph("TEST"))
    with np.load(kit_net.with_suffix(".npz")) as file:
        recorded = {name: file[name] for name in file.files}
    inputs = {
        node.result.name: recorded[f"in/{node.result.native}"]
        for node in graph.nodes
        if isinstance(node.op, Input)
    }
    with np.errstate(all="ignore"):
        values = evaluate_all(graph, inputs, _params(graph, recorded))
    mine = {value.native: array for value, array in values.items()}
    compared = 0
    for name, wanted in recorded.items():
        blob = name.removeprefix("out/")
        if name.startswith("out/") and AUTOMATIC_SPLIT not in blob:
            finite = np.isfinite(wanted) & (
                np.abs(wanted) < 1e38
            )  # beyond: windows outside the image, log of negatives
            found = _as_recorded(mine[blob], wanted)
            np.testing.assert_allclose(found[finite], wanted[finite], rtol=2e-4, atol=2e-5, err_msg=blob)
            compared += 1
    assert compared
