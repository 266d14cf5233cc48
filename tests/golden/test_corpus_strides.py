"""Networks from the wild, each with one stride changed: exactly that is told, at its very line."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from transpiler.driver.options import Options
from transpiler.golden.capture import capture
from transpiler.golden.compare import compared

CORPUS = Path(__file__).resolve().parents[2].parent / "shared" / "corpus"
pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not beside this checkout")

NETS = [
    "caffe/bvlc_bvlc_alexnet_deploy.prototxt",
    "caffe/bvlc_bvlc_alexnet_train_val.prototxt",
    "caffe/bvlc_hist_imagenet_winner2013_v0.prototxt",
    "caffe/bvlc_mnist_lenet.prototxt",
    "caffe/deepdetect_segnet_deploy.prototxt",
    "caffe/fabrik_yolo_net.prototxt",
    "caffe/intel_dcgan_generator.prototxt",
    "keras/dermai_b.json",
    "keras/dl4j_keras1_yolo.json",
    "keras/fabrik_shapeCheck3D.json",
]
STRIDE = re.compile(r"(stride(?:_h|_w)?: |\"strides\": \[\s*)(\d+)")


@pytest.mark.parametrize("name", NETS)
def test_changed_stride_is_told_as_exactly_that(name: str, tmp_path: Path) -> None:
    text = (CORPUS / name).read_text(encoding="utf-8")
    found = random.Random(name).choice(list(STRIDE.finditer(text)))
    path = tmp_path / Path(name).name
    path.write_text(text)
    golden = capture(path, ("keras2",), Options()).files
    path.write_text(f"{text[: found.start(2)]}{int(found[2]) + 1}{text[found.end(2) :]}")
    (change,) = compared(path.name, capture(path, ("keras2",), Options()), golden).changes.changes
    assert change.what.startswith("strides [")
    assert change.span is not None
    assert change.span.line == text.count("\n", 0, found.start(1)) + 1
