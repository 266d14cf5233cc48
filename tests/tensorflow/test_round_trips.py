"""Small networks of the corpus as GraphDef, IR, GraphDef and the same IR again; `round_trips` runs all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tensorflow.graphs import SHARED
from tests.tensorflow.round_trips import difference, first_reading, opaque_ops

CORPUS = SHARED / "corpus"
SMALL = 130_000
OPAQUE = (
    "dl4j_confusion_with_num_classes",
    "dl4j_embedding_lookup_rank4_multiple_div_nomaxnorm",
    "dl4j_g_09",
    "dl4j_losses_softmax_ce_smooth01",
    "dl4j_simplewhile_nested",
    "modelexplorer_graphdef_foo",
)
"""Graphs with ops that have no counterpart."""
OTHERS = (
    "caffe/bvlc_bvlc_alexnet_deploy.prototxt",
    "caffe/bvlc_cifar10_cifar10_full.prototxt",
    "caffe/bvlc_mnist_lenet.prototxt",
    "caffe/fabrik_pix2pix.prototxt",
    "caffe/netscope_cwlacewe_1d_lstm.prototxt",
    "keras/dl4j_keras1_imdb_lstm.json",
    "keras/dl4j_keras2_conv1d_dilation.json",
    "keras/dl4j_keras2_seq2seq.json",
    "keras/dl4j_keras2_simple_rnn.json",
    "keras/fabrik_SeparableConvKerasTest.json",
)
FILES = [path for path in sorted((CORPUS / "tensorflow").glob("*.pbtxt")) if path.stat().st_size < SMALL]


@pytest.mark.skipif(not FILES, reason="../shared is absent")
@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in FILES])
def test_graph_survives_a_round_trip(path: Path) -> None:
    module = first_reading(path)
    assert bool(opaque_ops(module.graph(""))) == (path.stem in OPAQUE)
    if path.stem not in OPAQUE:
        assert difference(module) is None


@pytest.mark.skipif(not FILES, reason="../shared is absent")
@pytest.mark.parametrize("name", OTHERS)
def test_network_of_another_framework_survives_a_round_trip(name: str) -> None:
    module = first_reading(CORPUS / name)
    assert opaque_ops(module.graph("")) == {}
    assert difference(module) is None
