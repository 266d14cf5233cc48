"""Holistically-nested edge detection."""

from __future__ import annotations

from typing import Final

from transpiler.builder import Network
from transpiler.ir import Module, Value
from transpiler.zoo.entry import Entry
from transpiler.zoo.vgg import BLOCKS, vgg_block, vgg_pool

_OFFSETS: Final = (34, 35, 36, 38, 42)
"""Where the input begins in each side output, after padding by 35 and enlarging 1, 2, 4, 8, 16 times."""


def hed() -> Module:
    """An edge map from each block of VGG-16, brought to the size of the input, and one of all five."""
    net = Network("hed")
    image = x = net.input("data", (3, 480, 480))
    sides: list[Value] = []
    for number, offset in enumerate(_OFFSETS, start=1):
        x = vgg_block(net, x, number, first_padding=35 if number == 1 else 1)
        side = net.conv(x, 1, 1, name=f"score-dsn{number}")
        factor = 2 ** (number - 1)
        if factor > 1:
            side = net.conv_transpose(side, 1, 2 * factor, factor, name=f"upsample_{factor}")
        sides.append(net.crop_like(side, image, offset, name=f"upscore-dsn{number}"))
        if number < len(BLOCKS):
            x = vgg_pool(net, x, number)
    fused = net.conv(net.concat(*sides, name="concat-upscore"), 1, 1, name="upscore-fuse")
    edges = [net.sigmoid(side, name=f"sigmoid-dsn{i}") for i, side in enumerate(sides, start=1)]
    return net.module(*edges, net.sigmoid(fused, name="sigmoid-fuse"))


HED = Entry(
    name="hed",
    title="HED",
    publication="S. Xie, Z. Tu: Holistically-Nested Edge Detection. ICCV 2015",
    variant="The network that the authors released for Caffe, on pictures of 480 x 480; the five side "
    "outputs and the fused one, each after its sigmoid",
    parameters=14_717_535,
    build=hed,
)
