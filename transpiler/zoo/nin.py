"""Network in network."""

from __future__ import annotations

from transpiler.builder import Network
from transpiler.ir import Module, Value
from transpiler.zoo.blocks import conv_relu
from transpiler.zoo.entry import Entry


def _mlpconv(
    net: Network, x: Value, filters: int, kernel: int, stride: int, padding: int, number: int, last: int = 0
) -> Value:
    """A convolution and two 1x1 convolutions behind it, the second one with `last` filters if that is given."""
    x = conv_relu(net, x, filters, kernel, stride, padding, name=f"conv{number}")
    x = conv_relu(net, x, filters, 1, name=f"cccp{2 * number - 1}")
    return conv_relu(net, x, last or filters, 1, name=f"cccp{2 * number}")


def nin() -> Module:
    """Four of these blocks; the last one has a feature map for each class, whose mean is the score."""
    net = Network("nin")
    x = net.input("data", (3, 224, 224))
    x = net.max_pool(_mlpconv(net, x, 96, 11, 4, 0, 1), 3, 2, ceil=True, name="pool1")
    x = net.max_pool(_mlpconv(net, x, 256, 5, 1, 2, 2), 3, 2, ceil=True, name="pool2")
    x = net.max_pool(_mlpconv(net, x, 384, 3, 1, 1, 3), 3, 2, ceil=True, name="pool3")
    x = net.dropout(x, 0.5, name="drop3")
    x = _mlpconv(net, x, 1024, 3, 1, 1, 4, last=1000)
    x = net.flatten(net.global_average_pool(x, keep=True, name="pool4"), name="scores")
    return net.module(net.softmax(x, name="prob"))


NIN = Entry(
    name="nin",
    title="NIN",
    publication="M. Lin, Q. Chen, S. Yan: Network In Network. ICLR 2014",
    variant="The network for ImageNet that the authors released for Caffe, with the softmax of its deployment",
    parameters=7_595_176,
    build=nin,
)
