"""What networks of several papers are made of."""

from __future__ import annotations

from transpiler.builder import Network, PaddingLike, Sizes
from transpiler.ir import Value


def conv_relu(
    net: Network,
    x: Value,
    filters: int,
    kernel: Sizes,
    stride: Sizes = 1,
    padding: PaddingLike = 0,
    *,
    groups: int = 1,
    name: str,
    relu: str | None = None,
) -> Value:
    """A convolution, and a ReLU named `relu` (default: `NAME_relu`)."""
    x = net.conv(x, filters, kernel, stride, padding, groups=groups, name=name)
    return net.relu(x, name=relu or f"{name}_relu")


def dense_relu_dropout(net: Network, x: Value, units: int, number: int) -> Value:
    """Layers `fcN`, `reluN` and `dropN` of the networks of the ImageNet challenge."""
    x = net.relu(net.dense(x, units, name=f"fc{number}"), name=f"relu{number}")
    return net.dropout(x, 0.5, name=f"drop{number}")
