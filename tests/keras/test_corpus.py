"""Other people's files: shapes and parameters as recorded from the real Keras, and what is written of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.keras.reading import CORPUS, ORACLE, parameters, read, total, typed_module, written
from transpiler.emitters.keras_units import NotLegal
from transpiler.ir import Graph, Shape
from transpiler.ir.equality import difference, graph_difference
from transpiler.ops.core import Opaque
from transpiler.ops.normalization import LRN

FILES = sorted(CORPUS.glob("*.json")) if CORPUS.is_dir() else []
pytestmark = pytest.mark.skipif(not FILES, reason="the corpus of other people's files is not here")
MODELS = ("Sequential", "Functional", "Model", "InputLayer")
USERS_OWN = ("LRN", "Lambda")
"""Classes whose code is not Keras's: nothing is known of their shapes, and Keras 3 does not load them."""


def recorded(file: Path) -> dict[str, Any]:
    """What the Keras that loaded the file said of it."""
    old = ORACLE / "keras1" / file.name
    if old.is_file():
        return dict(json.loads(old.read_text()))
    said = json.loads((ORACLE / "keras" / file.name).read_text())
    return dict(said["keras3"] if said["keras3"].get("loaded") else said["tf_keras"])


def layers(graph: Graph) -> dict[str, tuple[Shape | None, int]]:
    """The shape that each source layer's last node gives, and the layer's number of parameters."""
    found: dict[str, tuple[Shape | None, int]] = {}
    for node in graph.nodes:
        shapes = list(parameters(node).values())
        count = sum(_size(shape) for shape in shapes)
        if "@" in node.name.rpartition("/")[2]:
            continue  # a further call of a layer that has been counted
        before = found.get(node.origin.layer, (None, 0))
        found[node.origin.layer] = (node.results[0].type.shape, before[1] + count)
    return found


def _size(shape: Shape) -> int:
    count = 1
    for size in shape:
        assert size is not None
        count *= size
    return count


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_shapes_and_parameters_are_those_recorded(file: Path) -> None:
    module, _ = read(file.read_text(), file.name)
    graph = typed_module(module).graphs[""]
    said = recorded(file)
    if said.get("total") is None:
        pytest.skip("no Keras loaded this file")
    assert total(graph) == said["total"]
    mine = layers(graph)
    for name, class_name, shape, count in said["layers"]:
        if class_name in MODELS:
            continue
        found, parameters_found = mine[name]
        assert parameters_found == count, name
        several = bool(shape) and isinstance(shape[0], list)
        assert shape is None or found == tuple(shape[0] if several else shape), name


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_file_is_written_and_read_again(file: Path) -> None:
    module, _ = read(file.read_text(), file.name)
    module = typed_module(module)
    if any(isinstance(node.op, LRN) for node in module.graphs[""].nodes):
        with pytest.raises(NotLegal, match="lrn"):
            written(module)
        return
    again = typed_module(read(json.dumps(written(module)))[0])
    third = typed_module(read(json.dumps(written(again)))[0])
    assert graph_difference(module.graphs[""], again.graphs[""], names=False) is None
    assert difference(again, third) is None


LARGE = 100_000
"""Files of more characters describe networks that take seconds to build."""
LOADED = [
    pytest.param(file, id=file.stem, marks=[pytest.mark.slow] if file.stat().st_size > LARGE else [])
    for file in FILES
]


@pytest.mark.parametrize("file", LOADED)
def test_keras_3_loads_what_is_written(file: Path) -> None:
    keras = pytest.importorskip("keras")
    module, _ = read(file.read_text(), file.name)
    module = typed_module(module)
    nodes = module.graphs[""].nodes
    if any(
        isinstance(node.op, LRN) or (isinstance(node.op, Opaque) and node.op.type in USERS_OWN)
        for node in nodes
    ):
        pytest.skip("layers that Keras 3 does not have")
    keras.backend.clear_session(free_memory=False)
    loaded = keras.models.model_from_json(json.dumps(written(module)))
    if loaded.built:
        assert loaded.count_params() == total(module.graphs[""])


@pytest.mark.parametrize("file", LOADED)
def test_keras_2_loads_what_is_written(file: Path) -> None:
    tf_keras = pytest.importorskip("tf_keras")
    module, _ = read(file.read_text(), file.name)
    module = typed_module(module)
    nodes = module.graphs[""].nodes
    if any(
        isinstance(node.op, LRN) or (isinstance(node.op, Opaque) and node.op.type in USERS_OWN)
        for node in nodes
    ):
        pytest.skip("layers that Keras 2 does not have")
    tf_keras.backend.clear_session()
    loaded = tf_keras.models.model_from_json(json.dumps(written(module, 2)))
    if loaded.built:
        assert loaded.count_params() == total(module.graphs[""])
