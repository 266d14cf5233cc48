"""The all-convolutional network."""

from __future__ import annotations

from transpiler.builder import Network
from transpiler.ir import Module
from transpiler.zoo.blocks import conv_relu
from transpiler.zoo.entry import Entry


def all_cnn() -> Module:
    """Nine convolutions; strides take the place of pooling, a mean that of dense layers."""
    net = Network("all_cnn_c")
    x = net.dropout(net.input("data", (3, 32, 32)), 0.2, name="drop1")
    for number, filters in ((1, 96), (4, 192)):
        for i in range(3):
            name = str(number + i)
            stride = 2 if i == 2 else 1
            x = conv_relu(net, x, filters, 3, stride, 1, name=f"conv{name}", relu=f"relu{name}")
        x = net.dropout(x, 0.5, name=f"drop{2 if number == 1 else 3}")
    x = conv_relu(net, x, 192, 3, name="conv7", relu="relu7")
    x = conv_relu(net, x, 192, 1, name="conv8", relu="relu8")
    x = conv_relu(net, x, 10, 1, name="conv9", relu="relu9")
    x = net.flatten(net.global_average_pool(x, keep=True, name="pool"), name="scores")
    return net.module(net.softmax(x, name="prob"))


ALL_CNN = Entry(
    name="all_cnn",
    title="All-CNN",
    publication="J. T. Springenberg, A. Dosovitskiy, T. Brox, M. Riedmiller: Striving for Simplicity: The "
    "All Convolutional Net. ICLR Workshop 2015",
    variant="All-CNN-C for CIFAR-10",
    parameters=1_369_738,
    build=all_cnn,
)
