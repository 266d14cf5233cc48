"""The generator of pix2pix."""

from __future__ import annotations

from typing import Final

from transpiler.builder import Network
from transpiler.ir import Module, Value
from transpiler.zoo.entry import Entry

_DOWN: Final = (64, 128, 256, 512, 512, 512, 512, 512)
_UP: Final = (512, 512, 512, 512, 256, 128, 64)
_DROPPED: Final = 3
"""So many of the first layers on the way up have dropout."""


def _bn(net: Network, x: Value, name: str) -> Value:
    return net.batch_norm(x, epsilon=1e-5, momentum=0.9, name=f"{name}_bn")


def pix2pix() -> Module:
    """Eight 4x4 convolutions of stride 2 down to one place, eight transposed ones up, joined level by level."""
    net = Network("pix2pix_generator")
    x = net.input("image", (3, 256, 256))
    kept: list[Value] = []
    for level, filters in enumerate(_DOWN, start=1):
        name, is_first, is_last = f"down{level}", level == 1, level == len(_DOWN)
        x = x if is_first else net.relu(x, slope=0.2, name=f"{name}_relu")
        x = net.conv(x, filters, 4, 2, 1, bias=False, name=name)
        x = x if is_first or is_last else _bn(net, x, name)
        kept.append(x)
    kept.pop()
    for level, filters in enumerate(_UP, start=1):
        name = f"up{level}"
        x = net.conv_transpose(net.relu(x, name=f"{name}_relu"), filters, 4, 2, 1, bias=False, name=name)
        x = _bn(net, x, name)
        x = net.dropout(x, 0.5, name=f"{name}_drop") if level <= _DROPPED else x
        x = net.concat(kept.pop(), x, name=f"{name}_concat")
    x = net.conv_transpose(net.relu(x, name="out_relu"), 3, 4, 2, 1, name="out")
    return net.module(net.tanh(x, name="picture"))


PIX2PIX = Entry(
    name="pix2pix",
    title="pix2pix",
    publication="P. Isola, J.-Y. Zhu, T. Zhou, A. Efros: Image-to-Image Translation with Conditional "
    "Adversarial Networks. CVPR 2017",
    variant="The U-Net generator for 256 x 256; no normalization of the bottleneck (the publication's "
    "errata), a bias only in the last layer, as in the authors' code for PyTorch. They normalize by the "
    "statistics of the batch at test time too; here the moving ones are meant",
    parameters=54_423_811,
    build=pix2pix,
)
