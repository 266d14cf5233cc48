"""Every shape against what BVLC Caffe 1.0 said: whole nets of the corpus in both phases, and nets of a few layers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.caffe.nets import ORACLE, blobs, errors, parameters, read, shaped, text_of
from transpiler.ir import Graph, Shape
from transpiler.ops.core import Data

AUTOMATIC_SPLIT = re.compile(r".*_split_\d+$")
"""Blobs that Caffe itself adds where several layers read one blob."""


@pytest.fixture(params=["TEST", "TRAIN"])
def said(request: pytest.FixtureRequest, corpus_net: Path) -> tuple[str, dict[str, Any]]:
    recorded = ORACLE / f"{corpus_net.stem}.json"
    if not recorded.exists():
        pytest.skip("../shared/oracle is absent")
    answer = json.loads(recorded.read_text())[request.param]
    if not answer["loaded"]:
        pytest.skip("Caffe itself does not load it")
    return request.param, answer


def _replaced(text: str, phase: str, answer: dict[str, Any]) -> dict[str, Shape]:
    """The shapes that were given to Caffe in place of data layers."""
    if answer["how"] == "as-is":
        return {}
    module, _ = read(text)
    tops = [
        value.native
        for node in module.graph(phase).nodes
        if isinstance(node.op, Data) and node.origin.layer in answer["data_layers_as_input"]
        for value in node.results
    ]
    return {top: tuple(answer["blobs"][top]) for top in tops if top and top in answer["blobs"]}


def _as_listed(answer: dict[str, Any]) -> dict[str, list[Shape]]:
    """Parameter shapes by layer. The third array of BatchNorm is bookkeeping of Caffe."""
    kinds = dict(answer["layers"])
    return {
        layer: [tuple(shape) for shape in (shapes[:2] if kinds[layer] == "BatchNorm" else shapes)]
        for layer, shapes in answer["params"].items()
    }


def test_every_blob_and_parameter_of_the_corpus(corpus_net: Path, said: tuple[str, dict[str, Any]]) -> None:
    phase, answer = said
    text = text_of(corpus_net)
    shapes = _replaced(text, phase, answer)
    module, found = read(text, input_shapes=shapes)
    graph, more = shaped(module.graph(phase), shapes)
    assert errors([*found, *more]) == []
    mine = blobs(graph)
    assert {blob: mine.get(blob) for blob in answer["blobs"]} == {
        blob: tuple(shape) for blob, shape in answer["blobs"].items()
    }
    assert parameters(graph) == _as_listed(answer)


def test_every_blob_and_parameter_of_the_kit(kit_net: Path) -> None:
    module, found = read(text_of(kit_net))
    graph, more = shaped(module.graph("TEST"))
    assert [*found, *more] == []
    with np.load(kit_net.with_suffix(".npz")) as recorded:
        arrays = {name: recorded[name] for name in recorded.files}
    mine, learned = blobs(graph), parameters(graph)
    for name, array in arrays.items():
        kind, _, rest = name.partition("/")
        if kind == "shape" and not AUTOMATIC_SPLIT.match(rest):
            assert mine[rest] == tuple(array.tolist()), rest
        if kind == "w":
            layer, index = rest.rsplit("/", 1)
            bookkeeping = _type_of(graph, layer) == "BatchNorm" and index == "2"
            assert bookkeeping or learned[layer][int(index)] == array.shape, name


def _type_of(graph: Graph, layer: str) -> str:
    return next(node.origin.type for node in graph.nodes if node.origin.layer == layer)
