"""Inception V3."""

from __future__ import annotations

from transpiler.ir import Module, Value
from transpiler.zoo.entry import Entry
from transpiler.zoo.inception import Inception


def _stem(net: Inception, x: Value) -> Value:
    x = net.conv(x, 32, 3, 2, "valid")
    x = net.conv(net.conv(x, 32, 3, padding="valid"), 64, 3)
    x = net.conv(net.max_pool(x), 80, 1, padding="valid")
    return net.max_pool(net.conv(x, 192, 3, padding="valid"))


def _module_a(net: Inception, x: Value, pooled: int) -> Value:
    """At 35 x 35: 5x5 as such and as two 3x3."""
    one = net.conv(x, 64, 1)
    five = net.chain(x, (48, 1), (64, 5))
    double = net.chain(x, (64, 1), (96, 3), (96, 3))
    return net.join(one, five, double, net.pooled(x, pooled))


def _reduction_a(net: Inception, x: Value) -> Value:
    three = net.conv(x, 384, 3, 2, "valid")
    double = net.conv(net.chain(x, (64, 1), (96, 3)), 96, 3, 2, "valid")
    return net.join(three, double, net.max_pool(x))


def _module_b(net: Inception, x: Value, inner: int) -> Value:
    """At 17 x 17: 7x7 as 1x7 and 7x1."""
    one = net.conv(x, 192, 1)
    seven = net.chain(x, (inner, 1), (inner, (1, 7)), (192, (7, 1)))
    double = net.chain(x, (inner, 1), (inner, (7, 1)), (inner, (1, 7)), (inner, (7, 1)), (192, (1, 7)))
    return net.join(one, seven, double, net.pooled(x, 192))


def _reduction_b(net: Inception, x: Value) -> Value:
    three = net.conv(net.conv(x, 192, 1), 320, 3, 2, "valid")
    seven = net.conv(net.chain(x, (192, 1), (192, (1, 7)), (192, (7, 1))), 192, 3, 2, "valid")
    return net.join(three, seven, net.max_pool(x))


def _module_c(net: Inception, x: Value) -> Value:
    """At 8 x 8: 3x3 as 1x3 and 3x1 side by side."""
    one = net.conv(x, 320, 1)
    three = net.conv(x, 384, 1)
    three = net.join(net.conv(three, 384, (1, 3)), net.conv(three, 384, (3, 1)))
    double = net.chain(x, (448, 1), (384, 3))
    double = net.join(net.conv(double, 384, (1, 3)), net.conv(double, 384, (3, 1)))
    return net.join(one, three, double, net.pooled(x, 192))


def inception_v3() -> Module:
    """Five convolutions, eleven modules of three kinds, one dense layer."""
    net = Inception("inception_v3")
    x = _stem(net, net.net.input("image", (299, 299, 3)))
    for i, pooled in enumerate((32, 64, 64), start=1):
        net.enter(f"a{i}")
        x = _module_a(net, x, pooled)
    net.enter("reduction_a")
    x = _reduction_a(net, x)
    for i, inner in enumerate((128, 160, 160, 192), start=1):
        net.enter(f"b{i}")
        x = _module_b(net, x, inner)
    net.enter("reduction_b")
    x = _reduction_b(net, x)
    for i in (1, 2):
        net.enter(f"c{i}")
        x = _module_c(net, x)
    return net.classified(x)


INCEPTION_V3 = Entry(
    name="inception_v3",
    title="Inception V3",
    publication="C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna: Rethinking the Inception "
    "Architecture for Computer Vision. CVPR 2016",
    variant="As the authors released it for TensorFlow, without the auxiliary classifier, for 1000 classes",
    parameters=23_851_784,
    build=inception_v3,
)
