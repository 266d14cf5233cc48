"""SqueezeNet."""

from __future__ import annotations

from typing import Final

import msgspec

from transpiler.builder import Network
from transpiler.ir import Module, Value
from transpiler.zoo.blocks import conv_relu
from transpiler.zoo.entry import Entry


class _Version(msgspec.Struct, frozen=True):
    filters: int
    kernel: int
    pooled: tuple[int, ...]
    """Behind which layers (1: the convolution, from 2 on the fire modules) there is pooling."""


_VERSIONS: Final = {"1.0": _Version(96, 7, (1, 4, 8)), "1.1": _Version(64, 3, (1, 3, 5))}


def _fire(net: Network, x: Value, number: int) -> Value:
    """A few 1x1 filters, then four times as many of 1x1 and of 3x3 side by side."""
    squeeze = 16 * (number // 2)
    name = f"fire{number}"
    x = conv_relu(net, x, squeeze, 1, name=f"{name}/squeeze1x1", relu=f"{name}/relu_squeeze1x1")
    one = conv_relu(net, x, 4 * squeeze, 1, name=f"{name}/expand1x1", relu=f"{name}/relu_expand1x1")
    three = conv_relu(
        net, x, 4 * squeeze, 3, padding=1, name=f"{name}/expand3x3", relu=f"{name}/relu_expand3x3"
    )
    return net.concat(one, three, name=f"{name}/concat")


def squeezenet(version: str = "1.0") -> Module:
    """A convolution, eight fire modules, a convolution to the classes. `version`: 1.0 or 1.1."""
    made = _VERSIONS[version]
    net = Network(f"squeezenet_v{version}")
    x = net.input("data", (3, 227, 227))
    x = conv_relu(net, x, made.filters, made.kernel, 2, name="conv1", relu="relu_conv1")
    for number in range(1, 10):
        if number > 1:
            x = _fire(net, x, number)
        if number in made.pooled:
            x = net.max_pool(x, 3, 2, ceil=True, name=f"pool{number}")
    x = conv_relu(net, net.dropout(x, 0.5, name="drop9"), 1000, 1, name="conv10", relu="relu_conv10")
    x = net.flatten(net.global_average_pool(x, keep=True, name="pool10"), name="scores")
    return net.module(net.softmax(x, name="prob"))


SQUEEZENET = Entry(
    name="squeezenet",
    title="SqueezeNet",
    publication="F. Iandola et al.: SqueezeNet: AlexNet-level Accuracy with 50x Fewer Parameters and < 0.5 "
    "MB Model Size. arXiv:1602.07360, 2016",
    variant="Version 1.0, the network of the publication's table 1, whose 111 x 111 outputs need an input of "
    "227 x 227",
    parameters=1_248_424,
    build=squeezenet,
)
