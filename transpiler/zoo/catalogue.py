"""All networks of the zoo."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Final

from transpiler.ir import Module
from transpiler.zoo.alexnet import ALEXNET, CAFFENET, ZFNET
from transpiler.zoo.all_cnn import ALL_CNN
from transpiler.zoo.autoencoder import DENOISING_AUTOENCODER
from transpiler.zoo.cifar10_quick import CIFAR10_QUICK
from transpiler.zoo.densenet import DENSENET121
from transpiler.zoo.entry import Entry
from transpiler.zoo.fcn import FCN32S
from transpiler.zoo.googlenet import GOOGLENET
from transpiler.zoo.hed import HED
from transpiler.zoo.inception_v3 import INCEPTION_V3
from transpiler.zoo.inception_v4 import INCEPTION_V4
from transpiler.zoo.lenet import LENET, SIAMESE_MNIST
from transpiler.zoo.lrcn import LRCN
from transpiler.zoo.mobilenet import MOBILENET
from transpiler.zoo.nin import NIN
from transpiler.zoo.pix2pix import PIX2PIX
from transpiler.zoo.resnet import RESNET50, RESNET101, SE_RESNET50
from transpiler.zoo.sequences import IMDB_CNN_LSTM, SEQ2SEQ, TEXT_GENERATION
from transpiler.zoo.squeezenet import SQUEEZENET
from transpiler.zoo.unet import UNET
from transpiler.zoo.vgg import VGG16
from transpiler.zoo.vqa import VQA
from transpiler.zoo.yolo import YOLO_V1

NETWORKS: Final[tuple[Entry, ...]] = (
    INCEPTION_V3,
    INCEPTION_V4,
    RESNET101,
    VGG16,
    GOOGLENET,
    SQUEEZENET,
    ALL_CNN,
    DENSENET121,
    ALEXNET,
    YOLO_V1,
    FCN32S,
    PIX2PIX,
    VQA,
    LENET,
    CIFAR10_QUICK,
    CAFFENET,
    NIN,
    RESNET50,
    SE_RESNET50,
    MOBILENET,
    ZFNET,
    SIAMESE_MNIST,
    HED,
    UNET,
    SEQ2SEQ,
    TEXT_GENERATION,
    DENOISING_AUTOENCODER,
    LRCN,
    IMDB_CNN_LSTM,
)
"""The thirteen networks that converters of descriptions are usually shown on, then the others."""


class UnknownNetwork(ValueError):
    """The zoo has no network of that name; the message says which are near."""


def entry(name: str) -> Entry:
    """What the zoo says of a network. Raises UnknownNetwork."""
    for found in NETWORKS:
        if found.name == name:
            return found
    close = get_close_matches(name, [one.name for one in NETWORKS], n=1)
    help = f"did you mean {close[0]}?" if close else "`transpiler zoo list` names all"
    raise UnknownNetwork(f"there is no network {name!r} in the zoo: {help}")


def build(name: str) -> Module:
    """A network by its name. Raises UnknownNetwork."""
    return entry(name).build()
