"""MobileNet."""

from __future__ import annotations

from typing import Final

from transpiler.builder import Network
from transpiler.ir import Module, Value
from transpiler.zoo.entry import Entry

_LAYERS: Final = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2),
    (512, 1), (512, 1), (512, 1), (512, 1), (512, 1), (1024, 2), (1024, 1),
)  # fmt: skip
"""Filters of the 1x1 convolution and stride of the depthwise one before it."""


def _bn_relu6(net: Network, x: Value, name: str) -> Value:
    x = net.batch_norm(x, epsilon=1e-3, momentum=0.9997, name=f"{name}_bn")
    return net.relu(x, max_value=6.0, name=f"{name}_relu")


def mobilenet() -> Module:
    """A convolution, thirteen depthwise convolutions each followed by a 1x1 convolution, one dense layer."""
    net = Network("mobilenet_v1", data_format="channels_last")
    x = net.input("data", (224, 224, 3))
    x = _bn_relu6(net, net.conv(x, 32, 3, 2, "same", bias=False, name="conv1"), "conv1")
    for number, (filters, stride) in enumerate(_LAYERS, start=1):
        name = f"conv_dw_{number}"
        x = _bn_relu6(net, net.depthwise_conv(x, 3, stride, "same", bias=False, name=name), name)
        name = f"conv_pw_{number}"
        x = _bn_relu6(net, net.conv(x, filters, 1, bias=False, name=name), name)
    x = net.dropout(net.global_average_pool(x, keep=True, name="pool"), 1e-3, name="dropout")
    x = net.flatten(net.conv(x, 1000, 1, name="conv_preds"), name="scores")
    return net.module(net.softmax(x, name="prob"))


MOBILENET = Entry(
    name="mobilenet",
    title="MobileNet",
    publication="A. Howard et al.: MobileNets: Efficient Convolutional Neural Networks for Mobile Vision "
    "Applications. arXiv:1704.04861, 2017",
    variant="Version 1, full width, on 224 x 224; SAME padding and ReLU6 as in the authors' code for "
    "TensorFlow",
    parameters=4_253_864,
    build=mobilenet,
)
