"""AlexNet and the two that follow it closely: CaffeNet and ZFNet."""

from __future__ import annotations

from transpiler.builder import Network
from transpiler.ir import Module, Value
from transpiler.zoo.blocks import conv_relu, dense_relu_dropout
from transpiler.zoo.entry import Entry


def _last_convolutions(net: Network, x: Value, groups: int = 1) -> Value:
    """Convolutions 3 to 5 at 13 x 13, and the pooling behind them; the last two in `groups`."""
    x = conv_relu(net, x, 384, 3, padding=1, name="conv3", relu="relu3")
    x = conv_relu(net, x, 384, 3, padding=1, groups=groups, name="conv4", relu="relu4")
    x = conv_relu(net, x, 256, 3, padding=1, groups=groups, name="conv5", relu="relu5")
    return net.max_pool(x, 3, 2, ceil=True, name="pool5")


def _scores(net: Network, x: Value) -> Value:
    """Three dense layers, to 1000 classes."""
    x = dense_relu_dropout(net, dense_relu_dropout(net, x, 4096, 6), 4096, 7)
    return net.dense(x, 1000, name="fc8")


def alexnet() -> Module:
    """Five convolutions, normalization before pooling, three dense layers."""
    net = Network("alexnet")
    x = net.input("data", (3, 227, 227))
    x = conv_relu(net, x, 96, 11, 4, name="conv1", relu="relu1")
    x = net.max_pool(_normalized(net, x, "norm1"), 3, 2, name="pool1")
    x = conv_relu(net, x, 256, 5, padding=2, groups=2, name="conv2", relu="relu2")
    x = net.max_pool(_normalized(net, x, "norm2"), 3, 2, name="pool2")
    x = _scores(net, _last_convolutions(net, x, groups=2))
    return net.module(net.softmax(x, name="prob"))


def _normalized(net: Network, x: Value, name: str) -> Value:
    """The publication's alpha is 1e-4 for each of five neighbours."""
    return net.lrn(x, 5, alpha=5e-4, beta=0.75, k=2.0, name=name)


def caffenet_scores(net: Network, image: Value) -> Value:
    """CaffeNet from its input [N, 3, 227, 227] to its scores of 1000 classes."""
    x = conv_relu(net, image, 96, 11, 4, name="conv1", relu="relu1")
    x = net.lrn(net.max_pool(x, 3, 2, name="pool1"), 5, alpha=1e-4, name="norm1")
    x = conv_relu(net, x, 256, 5, padding=2, groups=2, name="conv2", relu="relu2")
    x = net.lrn(net.max_pool(x, 3, 2, name="pool2"), 5, alpha=1e-4, name="norm2")
    return _scores(net, _last_convolutions(net, x, groups=2))


def caffenet() -> Module:
    """AlexNet with pooling before normalization."""
    net = Network("caffenet")
    scores = caffenet_scores(net, net.input("data", (3, 227, 227)))
    return net.module(net.softmax(scores, name="prob"))


def zfnet() -> Module:
    """AlexNet with finer first layers and no groups."""
    net = Network("zfnet")
    x = net.input("data", (3, 224, 224))
    x = conv_relu(net, x, 96, 7, 2, 1, name="conv1", relu="relu1")
    x = net.lrn(net.max_pool(x, 3, 2, ceil=True, name="pool1"), 5, alpha=1e-4, name="norm1")
    x = conv_relu(net, x, 256, 5, 2, name="conv2", relu="relu2")
    x = net.lrn(net.max_pool(x, 3, 2, ceil=True, name="pool2"), 5, alpha=1e-4, name="norm2")
    x = _scores(net, _last_convolutions(net, x))
    return net.module(net.softmax(x, name="prob"))


ALEXNET = Entry(
    name="alexnet",
    title="AlexNet",
    publication="A. Krizhevsky, I. Sutskever, G. Hinton: ImageNet Classification with Deep Convolutional "
    "Neural Networks. NIPS 2012",
    variant="Both halves in one network, with groups where they do not see each other; the input is 227 x "
    "227, which the publication's 55 x 55 outputs need, and the normalization has its k = 2",
    parameters=60_965_224,
    build=alexnet,
)
CAFFENET = Entry(
    name="caffenet",
    title="CaffeNet",
    publication="Y. Jia et al.: Caffe: Convolutional Architecture for Fast Feature Embedding. ACM Multimedia "
    "2014",
    variant="BVLC's reference model: AlexNet with pooling before normalization, whose k is 1",
    parameters=60_965_224,
    build=caffenet,
)
ZFNET = Entry(
    name="zfnet",
    title="ZFNet",
    publication="M. Zeiler, R. Fergus: Visualizing and Understanding Convolutional Networks. ECCV 2014",
    variant="The network of the publication's figure 3; its contrast normalization across feature maps is "
    "written as AlexNet's, whose numbers the publication does not repeat",
    parameters=62_357_608,
    build=zfnet,
)
