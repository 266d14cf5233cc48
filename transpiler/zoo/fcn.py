"""A fully convolutional network for semantic segmentation."""

from __future__ import annotations

from transpiler.builder import Network
from transpiler.ir import Module
from transpiler.zoo.entry import Entry
from transpiler.zoo.vgg import BLOCKS, vgg_block, vgg_pool


def fcn32s(classes: int = 21) -> Module:
    """VGG-16 with its dense layers as convolutions; a score for each class at every 32nd place, brought back to all.

    The crop begins at 19: there the result of the transposed convolution lies over the input, which was padded by 100.
    """
    net = Network("fcn32s")
    image = x = net.input("data", (3, 500, 500))
    for number in range(1, len(BLOCKS) + 1):
        x = vgg_pool(net, vgg_block(net, x, number, first_padding=100 if number == 1 else 1), number)
    for number, kernel in ((6, 7), (7, 1)):
        x = net.relu(net.conv(x, 4096, kernel, name=f"fc{number}"), name=f"relu{number}")
        x = net.dropout(x, 0.5, name=f"drop{number}")
    x = net.conv(x, classes, 1, name="score_fr")
    x = net.conv_transpose(x, classes, 64, 32, bias=False, name="upscore")
    return net.module(net.crop_like(x, image, 19, name="score"))


FCN32S = Entry(
    name="fcn32s",
    title="FCN-32s",
    publication="J. Long, E. Shelhamer, T. Darrell: Fully Convolutional Networks for Semantic Segmentation. "
    "CVPR 2015",
    variant="For PASCAL VOC (21 classes), as the authors released it for Caffe, on pictures of 500 x 500; "
    "the result are scores",
    parameters=136_152_917,
    build=fcn32s,
)
