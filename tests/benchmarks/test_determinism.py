"""The same bytes whatever Python's hash seed is. `python -m benchmarks determinism` does it for the whole corpus."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.determinism import differing
from benchmarks.nets import NETS

CORPUS = Path(__file__).resolve().parents[2].parent / "shared" / "corpus"
SAMPLE = (
    "caffe/bvlc_bvlc_googlenet_train_val.prototxt",
    "caffe/bvlc_hist_alexnet_train_val_v1.prototxt",
    "caffe/fabrik_vgg16.prototxt",
    "keras/fabrik_VQA.json",
    "keras/kerasjs_inception_v3.json",
    "tensorflow/dl4j_rnn_bstack_d_n2.pbtxt",
)


def test_generated_networks(tmp_path: Path) -> None:
    files = [tmp_path / f"{shape}.prototxt" for shape in NETS]
    for file, make in zip(files, NETS.values(), strict=True):
        file.write_text(make(60))
    assert differing(files) == []


def test_files_of_the_corpus() -> None:
    files = [CORPUS / name for name in SAMPLE if (CORPUS / name).is_file()]
    if not files:
        pytest.skip("../shared/corpus is absent")
    assert differing(files) == []
