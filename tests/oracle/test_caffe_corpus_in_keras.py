"""Every corpus prototxt whose layers all have an exact form: real Keras loads it, totals and shapes are equal."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.oracle.kit import source_orders
from transpiler.diagnostics import Diagnostic, Severity, Sink
from transpiler.emitters.keras import emit
from transpiler.ir import Graph, Module, Shape
from transpiler.parsers import textproto
from transpiler.passes.lower import caffe
from transpiler.passes.manager import SHAPED, Context, run
from transpiler.passes.pipelines import READ, pipeline
from transpiler.syntax.json import print_json

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
CORPUS = SHARED / "corpus" / "caffe"
ORACLE = SHARED / "oracle" / "caffe"
FILES = sorted(path.stem for path in CORPUS.glob("*.prototxt"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FILES, reason="needs the corpus beside the repository (../shared/corpus)"),
]


def recorded(name: str) -> dict[str, Any]:
    """What a real Caffe said of the TEST phase; empty if it does not load the file."""
    path = ORACLE / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text())["TEST"] if path.exists() else {}
    return found if found.get("loaded") else {}


def given_shapes(module: Module, oracle: dict[str, Any]) -> dict[str, Shape]:
    """The shapes that the reference was given where it replaced data layers."""
    readers = set(oracle.get("data_layers_as_input", ())) if oracle.get("how") != "as-is" else set()
    nodes = module.graph("TEST").nodes
    tops = [value.native for node in nodes if node.origin.layer in readers for value in node.results]
    return {top: tuple(oracle["blobs"][top]) for top in tops if top is not None and top in oracle["blobs"]}


def converted(name: str, oracle: dict[str, Any]) -> tuple[Graph, Graph | None, Sink]:
    """The graph as read, and as it is legal in Keras (None where it has no exact form, the sink says why)."""
    text = (CORPUS / f"{name}.prototxt").read_text(errors="replace")
    sink = Sink()
    tree = textproto.parse(text)
    first = caffe.lower(tree, name, Sink())
    shapes = given_shapes(first, oracle) if oracle else {}
    module = caffe.lower(tree, name, sink, input_shapes=shapes)
    context = Context(sink, input_shapes=shapes)
    read = run(module.graph("TEST"), READ, context)
    if errors(sink):
        return read, None, sink
    legal = run(read, pipeline("caffe", "keras"), context, given=frozenset({SHAPED}))
    return read, None if errors(sink) else legal, sink


def errors(sink: Sink) -> list[Diagnostic]:
    return [one for one in sink.diagnostics if one.severity is Severity.ERROR]


def total(graph: Graph) -> int:
    """The number of learned elements; an array that several nodes use counts once."""
    sizes = {}
    for node in graph.nodes:
        for role, spec in node.op.params([value.type for value in node.operands]).items():
            sizes[node.param(role).symbol] = math.prod(size or 0 for size in spec.shape)
    return sum(sizes.values())


def test_every_file_is_converted_or_refused_with_reasons() -> None:
    for name in FILES:
        _, legal, sink = converted(name, recorded(name))
        assert (legal is None) == bool(errors(sink)), name
        assert all(one.message and one.code for one in errors(sink)), name


@pytest.mark.parametrize("name", FILES)
def test_keras_loads_it_with_equal_totals_and_shapes(name: str) -> None:
    keras = pytest.importorskip("keras", minversion="3.0")
    oracle = recorded(name)
    read, legal, sink = converted(name, oracle)
    if legal is None:
        pytest.skip(
            "; ".join(one.message for one in sink.diagnostics if one.severity is Severity.ERROR)[:300]
        )
    keras.backend.clear_session()
    model = keras.models.model_from_json(print_json(emit(Module(name, "caffe", {"": legal}))))
    assert model.count_params() == total(read)
    for value, tensor in zip(legal.outputs, model.outputs, strict=True):
        assert tuple(tensor.shape) == value.type.shape
        if value.native in oracle.get("blobs", {}):
            blob = tuple(oracle["blobs"][value.native])
            moved = [tuple(tensor.shape[i] for i in order) for order in source_orders(len(tensor.shape))]
            assert any(all(b in (None, a) for a, b in zip(blob, m, strict=True)) for m in moved), value.native
