"""What Inception V3 and V4 have in common: the convolution, the names of branches, the closing layers."""

from __future__ import annotations

from transpiler.builder import Network, PaddingLike, Sizes
from transpiler.ir import Module, Value


class Inception:
    """A network of modules: convolutions with normalization and ReLU, side by side. Channels last, as its authors'."""

    def __init__(self, name: str) -> None:
        self.net = Network(name, data_format="channels_last")
        self.module = "stem"
        self._layers = 0

    def enter(self, module: str) -> None:
        """All further layers are named after this module."""
        self.module = module
        self._layers = 0

    def conv(
        self, x: Value, filters: int, kernel: Sizes, stride: int = 1, padding: PaddingLike = "same"
    ) -> Value:
        """A convolution with SAME padding unless said otherwise; its normalization learns no factor."""
        name = self._named("conv")
        x = self.net.conv(x, filters, kernel, stride, padding, bias=False, name=name)
        x = self.net.batch_norm(x, epsilon=1e-3, momentum=0.9997, scale=False, name=f"{name}_bn")
        return self.net.relu(x, name=f"{name}_relu")

    def chain(self, x: Value, *layers: tuple[int, Sizes]) -> Value:
        """Convolutions one behind the other, given by filters and kernel."""
        for filters, kernel in layers:
            x = self.conv(x, filters, kernel)
        return x

    def max_pool(self, x: Value) -> Value:
        """Pooling that halves the size."""
        return self.net.max_pool(x, 3, 2, name=self._named("pool"))

    def pooled(self, x: Value, filters: int) -> Value:
        """The branch of an average pooling that keeps the size, and a 1x1 convolution."""
        mean = self.net.average_pool(x, 3, 1, "same", name=self._named("pool"))
        return self.conv(mean, filters, 1)

    def join(self, *branches: Value) -> Value:
        return self.net.concat(*branches, name=self._named("concat"))

    def classified(self, x: Value) -> Module:
        """The mean of each channel, and one dense layer to 1000 classes."""
        net = self.net
        x = net.dropout(net.global_average_pool(x, name="pool"), 0.2, name="dropout")
        return net.module(net.softmax(net.dense(x, 1000, name="logits"), name="predictions"))

    def _named(self, kind: str) -> str:
        self._layers += 1
        return f"{self.module}_{kind}{self._layers}"
