"""The quick one of Caffe's networks for CIFAR-10."""

from __future__ import annotations

from transpiler.builder import Network
from transpiler.ir import Module
from transpiler.zoo.entry import Entry


def cifar10_quick() -> Module:
    """Three convolutions with overlapping pooling, two dense layers."""
    net = Network("cifar10_quick")
    x = net.input("data", (3, 32, 32))
    x = net.conv(x, 32, 5, padding=2, name="conv1")
    x = net.relu(net.max_pool(x, 3, 2, ceil=True, name="pool1"), name="relu1")
    for number, filters in ((2, 32), (3, 64)):
        x = net.relu(net.conv(x, filters, 5, padding=2, name=f"conv{number}"), name=f"relu{number}")
        x = net.average_pool(x, 3, 2, ceil=True, name=f"pool{number}")
    x = net.dense(net.dense(x, 64, name="ip1"), 10, name="ip2")
    return net.module(net.softmax(x, name="prob"))


CIFAR10_QUICK = Entry(
    name="cifar10_quick",
    title="CIFAR-10 quick",
    publication="Y. Jia et al.: Caffe: Convolutional Architecture for Fast Feature Embedding. ACM Multimedia "
    "2014; after A. Krizhevsky's cuda-convnet, 2011",
    variant="As Caffe's example has it, with the softmax of its deployment",
    parameters=145_578,
    build=cifar10_quick,
)
