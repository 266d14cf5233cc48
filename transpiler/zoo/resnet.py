"""Residual networks, with and without squeeze-and-excitation."""

from __future__ import annotations

from string import ascii_lowercase
from typing import Final

import msgspec

from transpiler.builder import Network
from transpiler.ir import Module, Value
from transpiler.zoo.entry import Entry

_DEPTHS: Final = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
"""How many blocks each of the four stages has."""
_REDUCTION: Final = 16
"""By how much squeeze-and-excitation narrows the channels."""


class _Parts(msgspec.Struct, frozen=True):
    """What a block has beside its three convolutions."""

    projected: bool
    excited: bool


def _conv_bn(
    net: Network, x: Value, filters: int, kernel: int, stride: int, padding: int, name: str
) -> Value:
    x = net.conv(x, filters, kernel, stride, padding, bias=False, name=name)
    return net.batch_norm(x, epsilon=1e-5, momentum=0.999, name=f"{name}_bn")


def _bottleneck(net: Network, x: Value, name: str, filters: int, stride: int, parts: _Parts) -> Value:
    """1x1, 3x3 and 1x1 convolutions around which the input is added, projected where its channels change."""
    outputs = 4 * filters
    shortcut = x
    if parts.projected:
        shortcut = _conv_bn(net, x, outputs, 1, stride, 0, f"res{name}_branch1")
    inner = _conv_bn(net, x, filters, 1, stride, 0, f"res{name}_branch2a")
    inner = net.relu(inner, name=f"res{name}_branch2a_relu")
    inner = _conv_bn(net, inner, filters, 3, 1, 1, f"res{name}_branch2b")
    inner = net.relu(inner, name=f"res{name}_branch2b_relu")
    inner = _conv_bn(net, inner, outputs, 1, 1, 0, f"res{name}_branch2c")
    if parts.excited:
        inner = _excited(net, inner, name, outputs)
    return net.relu(net.add(shortcut, inner, name=f"res{name}"), name=f"res{name}_relu")


def _excited(net: Network, x: Value, name: str, channels: int) -> Value:
    """Each channel times a weight between 0 and 1, which two small layers make of all channels' means."""
    gate = net.global_average_pool(x, keep=True, name=f"se{name}_squeeze")
    gate = net.conv(gate, channels // _REDUCTION, 1, name=f"se{name}_down")
    gate = net.conv(net.relu(gate, name=f"se{name}_relu"), channels, 1, name=f"se{name}_up")
    return net.multiply(x, net.sigmoid(gate, name=f"se{name}_gate"), name=f"se{name}")


def resnet(depth: int, *, squeeze_and_excitation: bool = False) -> Module:
    """A 7x7 convolution, four stages of bottleneck blocks, a mean, one dense layer. `depth`: 50, 101 or 152."""
    net = Network(f"se_resnet{depth}" if squeeze_and_excitation else f"resnet{depth}")
    x = net.input("data", (3, 224, 224))
    x = net.relu(_conv_bn(net, x, 64, 7, 2, 3, "conv1"), name="conv1_relu")
    x = net.max_pool(x, 3, 2, ceil=True, name="pool1")
    for stage, count in enumerate(_DEPTHS[depth], start=2):
        for i in range(count):
            is_first = i == 0
            letter = ascii_lowercase[i] if count <= 6 else f"b{i}" if i else "a"
            stride = 2 if is_first and stage > 2 else 1
            parts = _Parts(projected=is_first, excited=squeeze_and_excitation)
            x = _bottleneck(net, x, f"{stage}{letter}", 64 * 2 ** (stage - 2), stride, parts)
    x = net.dense(net.average_pool(x, 7, 1, name="pool5"), 1000, name="fc1000")
    return net.module(net.softmax(x, name="prob"))


def resnet50() -> Module:
    return resnet(50)


def resnet101() -> Module:
    return resnet(101)


def se_resnet50() -> Module:
    return resnet(50, squeeze_and_excitation=True)


_PUBLICATION: Final = (
    "K. He, X. Zhang, S. Ren, J. Sun: Deep Residual Learning for Image Recognition. CVPR 2016"
)
_VARIANT: Final = (
    "The authors' release for Caffe: strides in the first 1x1 convolution, no biases before normalization"
)
RESNET50 = Entry(
    name="resnet50",
    title="ResNet-50",
    publication=_PUBLICATION,
    variant=_VARIANT,
    parameters=25_610_152,
    build=resnet50,
)
RESNET101 = Entry(
    name="resnet101",
    title="ResNet-101",
    publication=_PUBLICATION,
    variant=_VARIANT,
    parameters=44_654_504,
    build=resnet101,
)
SE_RESNET50 = Entry(
    name="se_resnet50",
    title="SE-ResNet-50",
    publication="J. Hu, L. Shen, G. Sun: Squeeze-and-Excitation Networks. CVPR 2018",
    variant="ResNet-50 with a squeeze-and-excitation block of reduction 16 in every residual block, as the "
    "authors released it for Caffe",
    parameters=28_141_144,
    build=se_resnet50,
)
