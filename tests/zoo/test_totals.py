"""Parameters and outputs against figures from elsewhere: publications, and what real frameworks count in files."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import transpiler
from transpiler.ir import Module, Shape
from transpiler.zoo import NETWORKS, Entry, build
from transpiler.zoo.densenet import densenet
from transpiler.zoo.fcn import fcn32s
from transpiler.zoo.resnet import resnet
from transpiler.zoo.sequences import seq2seq, text_generation
from transpiler.zoo.squeezenet import squeezenet
from transpiler.zoo.unet import unet

ORACLE = Path(__file__).resolve().parents[2].parent / "shared" / "oracle"

OUTPUTS: dict[str, list[Shape]] = {
    "all_cnn": [(None, 10)],
    "cifar10_quick": [(None, 10)],
    "denoising_autoencoder": [(None, 28, 28, 1)],
    "fcn32s": [(None, 21, 500, 500)],
    "hed": [(None, 1, 480, 480)] * 6,
    "imdb_cnn_lstm": [(None, 1)],
    "lenet": [(None, 10)],
    "lrcn": [(20, 1, 8801)],
    "pix2pix": [(None, 3, 256, 256)],
    "seq2seq": [(None, None, 93)],
    "siamese_mnist": [(None, 2)] * 2,
    "text_generation": [(None, 47)],
    "unet": [(None, 2, 388, 388)],
    "yolo_v1": [(None, 7 * 7 * 30)],
}
"""Everything else ends in the 1000 classes of ImageNet, or the 1000 answers of VQA."""


@pytest.mark.parametrize("entry", NETWORKS, ids=lambda entry: entry.name)
def test_has_the_stated_parameters_and_outputs(entry: Entry) -> None:
    found = transpiler.inspect(entry.build())
    assert found.param_count == entry.parameters
    assert [value.shape for value in found.outputs] == OUTPUTS.get(entry.name, [(None, 1000)])
    assert not found.diagnostics


CONVOLUTIONS_OF_VGG16 = 14_714_688
"""Keras's VGG16 without its top."""
MOVING = 2
"""A moving mean and a moving variance, which publications do not count, for every channel that is normalized."""


def _lstm(inputs: int, units: int) -> int:
    return 4 * units * (inputs + units + 1)


def _dense(inputs: int, units: int) -> int:
    return units * (inputs + 1)


PUBLISHED = {
    "squeezenet": 1_248_424,  # the publication's table 1
    "se_resnet50": 28_088_024
    + MOVING * 26_560,  # trained numbers of the authors' model; ResNet-50's channels
    "resnet50": 25_557_032 + MOVING * 26_560,  # trained numbers as torchvision counts them
    "resnet101": 44_549_160 + MOVING * 52_672,  # as before
    "pix2pix": 54_413_955 + MOVING * 4_928,  # the authors' program prints 54.414 M for its generator
    "fcn32s": CONVOLUTIONS_OF_VGG16 + 102_764_544 + 16_781_312 + _dense(4096, 21) + (64 * 21) ** 2,
    "hed": CONVOLUTIONS_OF_VGG16
    + sum(_dense(filters, 1) for filters in (64, 128, 256, 512, 512))
    + sum(kernel**2 + 1 for kernel in (4, 8, 16, 32))
    + _dense(5, 1),
    "zfnet": 14_208 + 614_656 + 885_120 + 1_327_488 + 884_992 + 37_752_832 + 16_781_312 + 4_097_000,
    "vqa": 12_602 * 300
    + _lstm(300, 512)
    + _lstm(512, 512)
    + _dense(2048, 1024)
    + _dense(4096, 1024)
    + _dense(1024, 1000)
    + _dense(1000, 1000) * 2,
    "lrcn": 60_965_224 + 8801 * 1000 + _lstm(1000, 1000) + _lstm(2000, 1000) + _dense(1000, 8801),
    "seq2seq": _lstm(71, 256) + _lstm(93, 256) + _dense(256, 93),
    "text_generation": _lstm(1, 256) + _lstm(256, 256) + _dense(256, 47),
    "imdb_cnn_lstm": 20_000 * 128 + _dense(5 * 128, 64) + _lstm(64, 70) + _dense(70, 1),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_has_as_many_parameters_as_published(name: str) -> None:
    assert transpiler.inspect(build(name)).param_count == PUBLISHED[name]


@pytest.mark.parametrize(
    ("module", "parameters"),
    [
        (partial(resnet, 152), 60_192_808 + MOVING * 75_712),
        (partial(densenet, 169), 14_307_880),
        (partial(densenet, 201), 20_242_984),
    ],
    ids=["resnet152", "densenet169", "densenet201"],
)
def test_families_hold_beyond_the_zoo(module: Callable[[], Module], parameters: int) -> None:
    """ResNet-152 as torchvision counts its trained numbers, the DenseNets as Keras counts all of theirs."""
    assert transpiler.inspect(module()).param_count == parameters


CAFFE: dict[str, Callable[[], Module]] = {
    "bvlc_bvlc_alexnet_deploy": partial(build, "alexnet"),
    "bvlc_bvlc_googlenet_deploy": partial(build, "googlenet"),
    "bvlc_bvlc_reference_caffenet_deploy": partial(build, "caffenet"),
    "bvlc_cifar10_cifar10_quick": partial(build, "cifar10_quick"),
    "bvlc_hist_mobilenet_deploy": partial(build, "mobilenet"),
    "bvlc_mnist_lenet": partial(build, "lenet"),
    "bvlc_siamese_mnist_siamese": partial(build, "siamese_mnist"),
    "deepdetect_unet": partial(unet, 3, 8, 480, padding=1),
    "fabrik_All_CNN": partial(build, "all_cnn"),
    "fabrik_Squeezenet": partial(squeezenet, "1.1"),
    "fabrik_vgg16": partial(build, "vgg16"),
    "fabrik_yolo_net": partial(build, "yolo_v1"),
    "netscope_cwlacewe_nin": partial(build, "nin"),
}
"""Files of which a real Caffe was asked, and the same network of the zoo."""


@pytest.mark.skipif(not ORACLE.is_dir(), reason="the recorded results are not here")
@pytest.mark.parametrize("name", CAFFE)
def test_has_as_many_parameters_as_caffe_counts(name: str) -> None:
    recorded = json.loads((ORACLE / "caffe" / f"{name}.json").read_text(encoding="utf-8"))["TEST"]
    assert transpiler.inspect(CAFFE[name]()).param_count == _learned(recorded)


def _learned(recorded: dict[str, Any]) -> int:
    """All parameters but the one number by which every BatchNorm divides its sums."""
    kinds = dict(recorded["layers"])
    counts = (
        math.prod(shape)
        for layer, shapes in recorded["params"].items()
        for shape in (shapes[:2] if kinds[layer] == "BatchNorm" else shapes)
    )
    return sum(counts)


KERAS: dict[str, tuple[Callable[[], Module], int]] = {
    "fabrik_DAE_MNIST": (partial(build, "denoising_autoencoder"), 0),
    "fabrik_imdb_cnn_lstm": (partial(build, "imdb_cnn_lstm"), 0),
    "fabrik_seq2seq_lang": (partial(seq2seq, 73, 92), 0),
    "fabrik_textGeneration": (partial(text_generation, 63), 0),
    "fabrik_v3": (partial(build, "inception_v3"), 0),
    "fabrik_v4": (partial(build, "inception_v4"), _dense(1536, 1)),
    "fabrik_vgg16": (partial(build, "vgg16"), 0),
}
"""Files that tf-keras counted, the same network of the zoo, and how many more the file has (for a 1001st class)."""


@pytest.mark.skipif(not ORACLE.is_dir(), reason="the recorded results are not here")
@pytest.mark.parametrize("name", KERAS)
def test_has_as_many_parameters_as_keras_counts(name: str) -> None:
    recorded = json.loads((ORACLE / "keras" / f"{name}.json").read_text(encoding="utf-8"))
    found = next(one for one in recorded.values() if one["loaded"])
    module, more = KERAS[name]
    assert transpiler.inspect(module()).param_count == found["total"] - more


def test_fcn_of_another_data_set_differs_in_its_scores_alone() -> None:
    more = transpiler.inspect(fcn32s(60)).param_count
    assert more == PUBLISHED["fcn32s"] + _dense(4096, 60 - 21) + 64**2 * (60**2 - 21**2)
