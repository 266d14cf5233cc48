"""VGG-16, and the convolutions that FCN and HED take from it."""

from __future__ import annotations

from typing import Final

from transpiler.builder import Network
from transpiler.ir import Module, Value
from transpiler.zoo.blocks import conv_relu, dense_relu_dropout
from transpiler.zoo.entry import Entry

BLOCKS: Final = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
"""How many convolutions each block has, and how many filters they."""


def vgg_block(net: Network, x: Value, number: int, first_padding: int = 1) -> Value:
    """Block `number` (from 1): 3x3 convolutions, of which the first may be padded more; without its pooling."""
    count, filters = BLOCKS[number - 1]
    for i in range(1, count + 1):
        padding = first_padding if i == 1 else 1
        name = f"{number}_{i}"
        x = conv_relu(net, x, filters, 3, padding=padding, name=f"conv{name}", relu=f"relu{name}")
    return x


def vgg_pool(net: Network, x: Value, number: int) -> Value:
    """The pooling behind block `number`; where a size is odd, the last window hangs over."""
    return net.max_pool(x, 2, 2, ceil=True, name=f"pool{number}")


def vgg16() -> Module:
    """Thirteen 3x3 convolutions in five blocks, three dense layers."""
    net = Network("vgg16")
    x = net.input("data", (3, 224, 224))
    for number in range(1, len(BLOCKS) + 1):
        x = vgg_pool(net, vgg_block(net, x, number), number)
    x = dense_relu_dropout(net, dense_relu_dropout(net, x, 4096, 6), 4096, 7)
    return net.module(net.softmax(net.dense(x, 1000, name="fc8"), name="prob"))


VGG16 = Entry(
    name="vgg16",
    title="VGG-16",
    publication="K. Simonyan, A. Zisserman: Very Deep Convolutional Networks for Large-Scale Image "
    "Recognition. ICLR 2015",
    variant="Configuration D",
    parameters=138_357_544,
    build=vgg16,
)
