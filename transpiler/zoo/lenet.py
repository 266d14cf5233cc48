"""LeNet, and the Siamese network of two of them."""

from __future__ import annotations

from transpiler.builder import Learned, Network
from transpiler.ir import Module, Value
from transpiler.zoo.entry import Entry


def _tower(net: Network, image: Value, twin: str = "") -> Value:
    """From a digit [N, 1, 28, 28] to ten numbers. A `twin` has that behind its names, and the first tower's arrays."""

    def learned(name: str) -> Learned:
        return Learned(name=name + twin, shared=name if twin else None)

    x = net.conv(image, 20, 5, **learned("conv1"))
    x = net.max_pool(x, 2, 2, name=f"pool1{twin}")
    x = net.conv(x, 50, 5, **learned("conv2"))
    x = net.max_pool(x, 2, 2, name=f"pool2{twin}")
    x = net.relu(net.dense(x, 500, **learned("ip1")), name=f"relu1{twin}")
    return net.dense(x, 10, **learned("ip2"))


def lenet() -> Module:
    """Two convolutions with pooling, two dense layers."""
    net = Network("lenet")
    scores = _tower(net, net.input("data", (1, 28, 28)))
    return net.module(net.softmax(scores, name="prob"))


def siamese_mnist() -> Module:
    """Two digits, each brought into a plane by the same LeNet; digits that are alike lie near each other there."""
    net = Network("siamese_mnist")
    left, right = net.input("data", (1, 28, 28)), net.input("data_p", (1, 28, 28))
    feature = net.dense(_tower(net, left), 2, name="feat")
    twin = net.dense(_tower(net, right, "_p"), 2, name="feat_p", shared="feat")
    return net.module(feature, twin)


LENET = Entry(
    name="lenet",
    title="LeNet",
    publication="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-Based Learning Applied to Document "
    "Recognition. Proceedings of the IEEE 86(11), 1998",
    variant="The form in which Caffe teaches it on MNIST: maximum pooling and a ReLU in place of subsampling "
    "and sigmoids",
    parameters=431_080,
    build=lenet,
)
SIAMESE_MNIST = Entry(
    name="siamese_mnist",
    title="Siamese network on MNIST",
    publication="R. Hadsell, S. Chopra, Y. LeCun: Dimensionality Reduction by Learning an Invariant Mapping. "
    "CVPR 2006",
    variant="Two LeNets that share all arrays, as in Caffe's example; without the contrastive loss of its "
    "training",
    parameters=431_102,
    build=siamese_mnist,
)
