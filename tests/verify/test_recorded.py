"""Conversions against the numbers of a real Caffe: small nets of the kit, whole nets of the corpus."""

from __future__ import annotations

import pytest

from tests.verify.recorded import Recording, compare, kit, nets
from tests.verify.tables import RECORDED, main

KIT = {recording.name: recording for recording in kit()}
SMALL = (
    "bvlc_cifar10_cifar10_quick",
    "bvlc_hist_lenet_v0",
    "bvlc_siamese_mnist_siamese",
    "intel_dcgan_generator",
    "x2paddle_mtcnn_det1",
    "x2paddle_mtcnn_det3",
)
NETS = {recording.name: recording for recording in nets() if recording.name in SMALL}
IN_OPENCV = (
    "batchnorm_scale",
    "concat_then_fc",
    "convolution_dilated_rect",
    "convolution_group",
    "deconvolution_odd",
    "eltwise_coeff",
    "flatten_fc",
    "inplace_fork",
    "lrn_within",
    "negative_maxpool_pad",
    "pooling_ave_k3s2p1",
    "pooling_max_k3s2p1",
    "residual_block",
    "se_gate",
    "slice",
)
"""Nets of the kit that OpenCV runs, for what is written for Caffe itself."""


@pytest.mark.parametrize("name", IN_OPENCV)
def test_what_is_written_for_caffe_computes_what_caffe_computed(name: str) -> None:
    compared = compare(KIT[name], "caffe")
    assert compared.worst[1] <= 1e-4, compared.worst


@pytest.mark.parametrize("target", RECORDED["nets"].targets)
@pytest.mark.parametrize("recording", NETS.values(), ids=NETS.keys())
def test_whole_nets_compute_what_caffe_computed(recording: Recording, target: str) -> None:
    compared = compare(recording, target)
    assert compared.worst[1] <= RECORDED["nets"].tolerance, compared.worst


def test_table_has_a_line_for_each_net(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kit", "relu", "convolution_basic"]) == 0
    lines = [[cell.strip() for cell in line.split("|")] for line in capsys.readouterr().out.splitlines()]
    assert [cell.split()[0] for cell in lines[0][3:6]] == ["Keras", "tf-keras", "TensorFlow"]
    assert [line[1:3] for line in lines[2:4]] == [["convolution_basic", "Convolution"], ["relu", "ReLU"]]
    assert lines[3][3:6] == ["0", "0", "0"]
    assert lines[-1] == ["2 lines: 2 same, 0 refused, 0 wrong."]
