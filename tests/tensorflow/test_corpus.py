"""Every graph of the corpus is read, and what is said of its tensors is what TensorFlow says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tensorflow.graphs import CORPUS, read_file
from tests.tensorflow.recorded import agreement, recorded, tensorflow_shapes
from tests.tensorflow.same_net import count_parameters
from transpiler.diagnostics import Severity, Sink
from transpiler.ir.verifier import verify

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="../shared is absent")
FILES = [pytest.param(path, id=path.stem) for path in sorted(CORPUS.glob("*.pbtxt"))]
RECORDED = ("slim_alexnet_v2", "slim_inception_v1", "slim_resnet_v1_50_train", "tfkeras_mobilenet")
PARTIAL = ("kazuhito", "modelexplorer", "vjgpt")
"""Graphs that TensorFlow itself does not import."""


@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize("raised", [True, False], ids=["raised", "single ops"])
def test_graph_is_read_with_tensorflows_shapes(path: Path, raised: bool) -> None:
    sink = Sink()
    graph = read_file(path, sink, raised=raised).graph("")
    verify(graph, shaped=True)
    assert not sink.has_errors
    assert graph.outputs
    if not path.stem.startswith(PARTIAL):
        assert not [one for one in sink.diagnostics if one.severity is Severity.WARNING]
    if not recorded("graphdef", path.stem):
        pytest.importorskip("tensorflow")
    shapes = tensorflow_shapes(path)
    assert (shapes is None) == path.stem.startswith(PARTIAL)
    if shapes is not None:
        found = agreement(graph, shapes)
        assert found.compared
        assert found.wrong == ()


@pytest.mark.parametrize("name", RECORDED)
def test_network_has_the_recorded_total_and_output(name: str) -> None:
    expected = recorded("tensorflow", name)
    graph = read_file(CORPUS / f"{name}.pbtxt", Sink()).graph("")
    assert count_parameters(graph) == expected["total"]
    found = {value.native: value.type.shape for value in graph.values()}
    assert found[expected["output"]] == tuple(expected["shape"])


def test_what_only_training_needs_is_left_out_and_said_so() -> None:
    sink = Sink()
    graph = read_file(CORPUS / "dl4j_train_iris.pbtxt", sink).graph("")
    assert [node.op.name for node in graph.nodes].count("dense") == 4
    (note,) = [one for one in sink.diagnostics if one.code == "T3020"]
    assert "training" in note.message
    assert "saving" in note.message


def test_missing_nodes_are_one_warning() -> None:
    sink = Sink()
    read_file(CORPUS / "vjgpt_mask_rcnn_inception_v2_opencv.pbtxt", sink)
    assert [one.code for one in sink.diagnostics].count("T3010") == 1
