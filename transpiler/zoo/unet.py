"""U-Net."""

from __future__ import annotations

from typing import Final

from transpiler.builder import Network
from transpiler.ir import Module, Value
from transpiler.zoo.blocks import conv_relu
from transpiler.zoo.entry import Entry

_FILTERS: Final = (64, 128, 256, 512, 1024)
"""Filters at each size, from the largest to the smallest."""


def _twice(net: Network, x: Value, filters: int, padding: int, name: str) -> Value:
    for letter in "bc":
        x = conv_relu(
            net, x, filters, 3, padding=padding, name=f"conv_{name}{letter}", relu=f"relu_{name}{letter}"
        )
    return x


def _joined(net: Network, x: Value, skipped: Value, name: str) -> Value:
    """What was kept from the way down, cut to the size of x if that is smaller, joined to it."""
    size, kept = x.type.shape, skipped.type.shape
    assert size is not None
    assert kept is not None
    if kept[2:] != size[2:]:
        cut = [((have or 0) - (want or 0)) // 2 for have, want in zip(kept[2:], size[2:], strict=True)]
        skipped = net.crop(skipped, [(margin, margin) for margin in cut], name=f"crop_{name}")
    return net.concat(x, skipped, name=f"concat_{name}")


def unet(channels: int = 1, classes: int = 2, size: int = 572, *, padding: int = 0) -> Module:
    """Down to a sixteenth of the size and up again, with what is lost on the way down joined in on the way up.

    `padding`: that of the 3x3 convolutions; 1 keeps sizes, 0 loses a margin, as in the publication.
    """
    net = Network("unet")
    x = net.input("data", (channels, size, size))
    skipped: list[Value] = []
    for level, filters in enumerate(_FILTERS):
        if level:
            x = net.max_pool(x, 2, 2, name=f"pool_d{level}")
        x = _twice(net, x, filters, padding, f"d{level}")
        if level >= len(_FILTERS) - 2:
            x = net.dropout(x, 0.5, name=f"dropout_d{level}")
        skipped.append(x)
    for level in range(len(_FILTERS) - 2, -1, -1):
        filters = _FILTERS[level]
        x = net.relu(net.conv_transpose(x, filters, 2, 2, name=f"upconv_u{level}"), name=f"relu_u{level}a")
        x = _twice(net, _joined(net, x, skipped[level], f"u{level}"), filters, padding, f"u{level}")
    return net.module(net.softmax(net.conv(x, classes, 1, name="score"), axis=1, name="prob"))


UNET = Entry(
    name="unet",
    title="U-Net",
    publication="O. Ronneberger, P. Fischer, T. Brox: U-Net: Convolutional Networks for Biomedical Image "
    "Segmentation. MICCAI 2015",
    variant="The network of the publication's figure 1: 572 x 572 in, 388 x 388 out, two classes",
    parameters=31_030_658,
    build=unet,
)
