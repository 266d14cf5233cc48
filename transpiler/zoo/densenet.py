"""Densely connected networks."""

from __future__ import annotations

from typing import Final

from transpiler.builder import Network
from transpiler.ir import Module, Value
from transpiler.zoo.entry import Entry

_BLOCKS: Final = {121: (6, 12, 24, 16), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}
"""How many layers each of the four blocks has."""
_GROWTH: Final = 32
"""How many channels each layer adds."""


def _bn_relu(net: Network, x: Value, name: str) -> Value:
    x = net.batch_norm(x, epsilon=1e-5, momentum=0.9, name=f"{name}_bn")
    return net.relu(x, name=f"{name}_relu")


def _channels(x: Value) -> int:
    assert x.type.shape is not None
    assert x.type.shape[1] is not None
    return x.type.shape[1]


def _layer(net: Network, x: Value, name: str) -> Value:
    """A 1x1 and a 3x3 convolution, each behind normalization, whose result is joined to the input."""
    new = net.conv(_bn_relu(net, x, f"{name}_x1"), 4 * _GROWTH, 1, bias=False, name=f"{name}_x1")
    new = net.conv(_bn_relu(net, new, f"{name}_x2"), _GROWTH, 3, padding=1, bias=False, name=f"{name}_x2")
    return net.concat(x, new, name=name)


def _transition(net: Network, x: Value, name: str) -> Value:
    """Half as many channels, half the size."""
    x = net.conv(_bn_relu(net, x, name), _channels(x) // 2, 1, bias=False, name=name)
    return net.average_pool(x, 2, 2, name=f"{name}_pool")


def densenet(depth: int) -> Module:
    """A 7x7 convolution, four dense blocks with transitions between them, one dense layer. `depth`: 121, 169 or 201."""
    net = Network(f"densenet{depth}")
    x = net.input("data", (3, 224, 224))
    x = net.conv(x, 2 * _GROWTH, 7, 2, 3, bias=False, name="conv1")
    x = net.max_pool(_bn_relu(net, x, "conv1"), 3, 2, 1, name="pool1")
    blocks = _BLOCKS[depth]
    for block, count in enumerate(blocks, start=2):
        for i in range(1, count + 1):
            x = _layer(net, x, f"conv{block}_{i}")
        if block <= len(blocks):
            x = _transition(net, x, f"conv{block}_blk")
    x = net.global_average_pool(_bn_relu(net, x, f"conv{len(blocks) + 1}_blk"), name="pool5")
    return net.module(net.softmax(net.dense(x, 1000, name="fc6"), name="prob"))


def densenet121() -> Module:
    return densenet(121)


def densenet_cifar(depth: int = 40, growth: int = 12) -> Module:
    """The plain form for CIFAR-10: three blocks of 3x3 convolutions without bottleneck or compression."""
    net = Network(f"densenet_cifar_l{depth}_k{growth}")
    x = net.conv(net.input("data", (3, 32, 32)), 16, 3, padding=1, bias=False, name="conv1")
    for block in range(1, 4):
        for i in range(1, (depth - 4) // 3 + 1):
            name = f"block{block}_{i}"
            new = net.conv(_bn_relu(net, x, name), growth, 3, padding=1, bias=False, name=f"{name}_conv")
            x = net.concat(x, net.dropout(new, 0.2, name=f"{name}_drop"), name=name)
        if block < 3:
            name = f"transition{block}"
            x = net.conv(_bn_relu(net, x, name), _channels(x), 1, bias=False, name=name)
            x = net.average_pool(net.dropout(x, 0.2, name=f"{name}_drop"), 2, 2, name=f"{name}_pool")
    x = net.global_average_pool(_bn_relu(net, x, "last"), name="pool")
    return net.module(net.softmax(net.dense(x, 10, name="fc"), name="prob"))


DENSENET121 = Entry(
    name="densenet121",
    title="DenseNet-121",
    publication="G. Huang, Z. Liu, L. van der Maaten, K. Weinberger: Densely Connected Convolutional "
    "Networks. CVPR 2017",
    variant="DenseNet-BC with a growth of 32, as the publication's table 1 has it for ImageNet",
    parameters=8_062_504,
    build=densenet121,
)
