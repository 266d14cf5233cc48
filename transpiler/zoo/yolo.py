"""The first YOLO."""

from __future__ import annotations

from typing import Final

from transpiler.builder import Network
from transpiler.ir import Module, Value
from transpiler.zoo.entry import Entry

_SLOPE: Final = 0.1
_STAGES: Final = (
    ((192, 3),),
    ((128, 1), (256, 3), (256, 1), (512, 3)),
    (*((256, 1), (512, 3)) * 4, (512, 1), (1024, 3)),
    (*((512, 1), (1024, 3)) * 2, *((1024, 3),) * 4),
)
"""Filters and kernel of each convolution but the first; between stages there is pooling."""
_STRIDED: Final = 22
"""The convolution that halves the size once more."""


def _conv(net: Network, x: Value, number: int, filters: int, kernel: int, stride: int = 1) -> Value:
    x = net.conv(x, filters, kernel, stride, kernel // 2, name=f"conv{number}")
    return net.relu(x, slope=_SLOPE, name=f"relu{number}")


def yolo_v1() -> Module:
    """Twenty-four convolutions, two dense layers; 7 x 7 cells with 20 classes and two boxes of 5 numbers each."""
    net = Network("yolo_v1")
    x = net.input("data", (3, 448, 448))
    x = net.max_pool(_conv(net, x, 1, 64, 7, 2), 2, 2, name="pool1")
    number = 1
    for stage in _STAGES:
        if number > 1:
            x = net.max_pool(x, 2, 2, name=f"pool{number}")
        for filters, kernel in stage:
            number += 1
            x = _conv(net, x, number, filters, kernel, 2 if number == _STRIDED else 1)
    x = net.relu(net.dense(x, 4096, name="fc25"), slope=_SLOPE, name="relu25")
    x = net.dense(net.dropout(x, 0.5, name="drop25"), 7 * 7 * (20 + 2 * 5), name="fc26")
    return net.module(x)


YOLO_V1 = Entry(
    name="yolo_v1",
    title="YOLO v1",
    publication="J. Redmon, S. Divvala, R. Girshick, A. Farhadi: You Only Look Once: Unified, Real-Time "
    "Object Detection. CVPR 2016",
    variant="The network of the publication's figure 3, with the dropout of its training, for PASCAL VOC",
    parameters=271_703_550,
    build=yolo_v1,
)
