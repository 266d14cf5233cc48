"""GoogLeNet, the first Inception network."""

from __future__ import annotations

from typing import Final

from transpiler.builder import Network
from transpiler.ir import Module, Value
from transpiler.zoo.blocks import conv_relu
from transpiler.zoo.entry import Entry

_MODULES: Final = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
"""Filters of the 1x1 branch, of the 3x3 and the 5x5 branch (first its reduction), and behind the pooling."""
_POOLED: Final = {"3b": "pool3/3x3_s2", "4e": "pool4/3x3_s2"}
"""The poolings behind modules."""


def _inception(net: Network, x: Value, module: str) -> Value:
    ones, reduce3, threes, reduce5, fives, projected = _MODULES[module]
    name = f"inception_{module}"
    one = _conv(net, x, ones, 1, 0, name, "1x1")
    three = _conv(net, _conv(net, x, reduce3, 1, 0, name, "3x3_reduce"), threes, 3, 1, name, "3x3")
    five = _conv(net, _conv(net, x, reduce5, 1, 0, name, "5x5_reduce"), fives, 5, 2, name, "5x5")
    pooled = net.max_pool(x, 3, 1, 1, name=f"{name}/pool")
    pool = _conv(net, pooled, projected, 1, 0, name, "pool_proj")
    return net.concat(one, three, five, pool, name=f"{name}/output")


def _conv(net: Network, x: Value, filters: int, kernel: int, padding: int, module: str, what: str) -> Value:
    name = f"{module}/{what}"
    return conv_relu(net, x, filters, kernel, padding=padding, name=name, relu=f"{module}/relu_{what}")


def googlenet() -> Module:
    """Three convolutions, nine modules of four branches each, one dense layer."""
    net = Network("googlenet")
    x = net.input("data", (3, 224, 224))
    x = conv_relu(net, x, 64, 7, 2, 3, name="conv1/7x7_s2", relu="conv1/relu_7x7")
    x = net.max_pool(x, 3, 2, ceil=True, name="pool1/3x3_s2")
    x = net.lrn(x, 5, alpha=1e-4, name="pool1/norm1")
    x = _conv(net, x, 64, 1, 0, "conv2", "3x3_reduce")
    x = net.lrn(_conv(net, x, 192, 3, 1, "conv2", "3x3"), 5, alpha=1e-4, name="conv2/norm2")
    x = net.max_pool(x, 3, 2, ceil=True, name="pool2/3x3_s2")
    for module in _MODULES:
        x = _inception(net, x, module)
        if module in _POOLED:
            x = net.max_pool(x, 3, 2, ceil=True, name=_POOLED[module])
    x = net.dropout(net.average_pool(x, 7, 1, name="pool5/7x7_s1"), 0.4, name="pool5/drop_7x7_s1")
    x = net.dense(x, 1000, name="loss3/classifier")
    return net.module(net.softmax(x, name="prob"))


GOOGLENET = Entry(
    name="googlenet",
    title="GoogLeNet",
    publication="C. Szegedy et al.: Going Deeper with Convolutions. CVPR 2015",
    variant="Without the two auxiliary classifiers, which serve training; normalization as in BVLC's model",
    parameters=6_998_552,
    build=googlenet,
)
