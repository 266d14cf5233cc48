"""Inception V4."""

from __future__ import annotations

from transpiler.ir import Module, Value
from transpiler.zoo.entry import Entry
from transpiler.zoo.inception import Inception


def _stem(net: Inception, x: Value) -> Value:
    """Three times, two ways side by side (the publication's figure 3)."""
    x = net.conv(net.conv(net.conv(x, 32, 3, 2, "valid"), 32, 3, padding="valid"), 64, 3)
    x = net.join(net.max_pool(x), net.conv(x, 96, 3, 2, "valid"))
    short = net.conv(net.conv(x, 64, 1), 96, 3, padding="valid")
    long = net.conv(net.chain(x, (64, 1), (64, (1, 7)), (64, (7, 1))), 96, 3, padding="valid")
    x = net.join(short, long)
    return net.join(net.conv(x, 192, 3, 2, "valid"), net.max_pool(x))


def _module_a(net: Inception, x: Value) -> Value:
    one = net.conv(x, 96, 1)
    three = net.chain(x, (64, 1), (96, 3))
    double = net.chain(x, (64, 1), (96, 3), (96, 3))
    return net.join(one, three, double, net.pooled(x, 96))


def _reduction_a(net: Inception, x: Value) -> Value:
    three = net.conv(x, 384, 3, 2, "valid")
    double = net.conv(net.chain(x, (192, 1), (224, 3)), 256, 3, 2, "valid")
    return net.join(three, double, net.max_pool(x))


def _module_b(net: Inception, x: Value) -> Value:
    one = net.conv(x, 384, 1)
    seven = net.chain(x, (192, 1), (224, (1, 7)), (256, (7, 1)))
    double = net.chain(x, (192, 1), (192, (7, 1)), (224, (1, 7)), (224, (7, 1)), (256, (1, 7)))
    return net.join(one, seven, double, net.pooled(x, 128))


def _reduction_b(net: Inception, x: Value) -> Value:
    three = net.conv(net.conv(x, 192, 1), 192, 3, 2, "valid")
    seven = net.conv(net.chain(x, (256, 1), (256, (1, 7)), (320, (7, 1))), 320, 3, 2, "valid")
    return net.join(three, seven, net.max_pool(x))


def _module_c(net: Inception, x: Value) -> Value:
    one = net.conv(x, 256, 1)
    three = net.conv(x, 384, 1)
    three = net.join(net.conv(three, 256, (1, 3)), net.conv(three, 256, (3, 1)))
    double = net.chain(x, (384, 1), (448, (3, 1)), (512, (1, 3)))
    double = net.join(net.conv(double, 256, (1, 3)), net.conv(double, 256, (3, 1)))
    return net.join(one, three, double, net.pooled(x, 256))


def inception_v4() -> Module:
    """A stem of three joins, four, seven and three modules with reductions between them, one dense layer."""
    net = Inception("inception_v4")
    x = _stem(net, net.net.input("image", (299, 299, 3)))
    for i in range(1, 5):
        net.enter(f"a{i}")
        x = _module_a(net, x)
    net.enter("reduction_a")
    x = _reduction_a(net, x)
    for i in range(1, 8):
        net.enter(f"b{i}")
        x = _module_b(net, x)
    net.enter("reduction_b")
    x = _reduction_b(net, x)
    for i in range(1, 4):
        net.enter(f"c{i}")
        x = _module_c(net, x)
    return net.classified(x)


INCEPTION_V4 = Entry(
    name="inception_v4",
    title="Inception V4",
    publication="C. Szegedy, S. Ioffe, V. Vanhoucke, A. Alemi: Inception-v4, Inception-ResNet and the Impact "
    "of Residual Connections on Learning. AAAI 2017",
    variant="As the authors released it for TensorFlow, without the auxiliary classifier, for 1000 classes",
    parameters=42_711_400,
    build=inception_v4,
)
