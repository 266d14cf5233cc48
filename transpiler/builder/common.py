"""Layers that work on any tensor: matrix products, activations, normalization, joins, changes of shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from transpiler.builder.core import Core, Learned, Named, NetworkError
from transpiler.ir import Value
from transpiler.ops.activation import Elu, PRelu, Relu, Sigmoid, Softmax, Tanh
from transpiler.ops.dense import Dense, Embedding
from transpiler.ops.elementwise import Add, Average, Maximum, Multiply, Subtract
from transpiler.ops.normalization import LRN, BatchNorm, Bias, L2Normalize, Scale
from transpiler.ops.regularization import Dropout, GaussianNoise
from transpiler.ops.shape import Concat, Flatten, RepeatVector, Reshape, Split, Transpose


class CommonLayers(Core):
    """Calls for tensors of any shape; `axis` counts the batch as axis 0."""

    def dense(
        self, x: Value, units: int, *, axis: int = 1, bias: bool = True, **layer: Unpack[Learned]
    ) -> Value:
        """All axes from `axis` on, read as one vector, times a learned matrix [units, inputs]."""
        return self.layer(Dense(units=units, axis=axis, bias=bias), x, **layer)

    def embedding(
        self, x: Value, count: int, units: int, *, bias: bool = False, **layer: Unpack[Learned]
    ) -> Value:
        """Row x of a learned table [count, units] for every integer x."""
        return self.layer(Embedding(count=count, units=units, bias=bias), x, **layer)

    def relu(
        self, x: Value, *, slope: float = 0.0, max_value: float | None = None, **layer: Unpack[Named]
    ) -> Value:
        """Max(x, 0); `slope`: that of the leak below 0, `max_value`: an upper bound."""
        return self.layer(Relu(negative_slope=slope, max_value=max_value), x, **layer)

    def prelu(self, x: Value, *, shared_axes: Sequence[int] = (), **layer: Unpack[Learned]) -> Value:
        """A ReLU whose leak is learned, one for each element of an example except along `shared_axes`."""
        return self.layer(PRelu(shared_axes=tuple(shared_axes)), x, **layer)

    def elu(self, x: Value, *, alpha: float = 1.0, **layer: Unpack[Named]) -> Value:
        """X above 0, else alpha * (exp(x) - 1)."""
        return self.layer(Elu(alpha=alpha), x, **layer)

    def sigmoid(self, x: Value, **layer: Unpack[Named]) -> Value:
        """1 / (1 + exp(-x))."""
        return self.layer(Sigmoid(), x, **layer)

    def tanh(self, x: Value, **layer: Unpack[Named]) -> Value:
        """Hyperbolic tangent."""
        return self.layer(Tanh(), x, **layer)

    def softmax(self, x: Value, *, axis: int = -1, **layer: Unpack[Named]) -> Value:
        """Exp(x) divided by its sum along an axis."""
        return self.layer(Softmax(axis=axis), x, **layer)

    def dropout(self, x: Value, rate: float = 0.5, **layer: Unpack[Named]) -> Value:
        """While training, a share of the elements set to 0."""
        return self.layer(Dropout(rate=rate), x, **layer)

    def gaussian_noise(self, x: Value, stddev: float, **layer: Unpack[Named]) -> Value:
        """While training, normal noise added."""
        return self.layer(GaussianNoise(stddev=stddev), x, **layer)

    def batch_norm(
        self,
        x: Value,
        *,
        axis: int | None = None,
        epsilon: float = 1e-3,
        momentum: float = 0.99,
        center: bool = True,
        scale: bool = True,
        **layer: Unpack[Learned],
    ) -> Value:
        """Normalization by batch statistics, along the channel axis unless another is given."""
        where = self.channel_axis(x) if axis is None else axis
        op = BatchNorm(axis=where, epsilon=epsilon, momentum=momentum, center=center, scale=scale)
        return self.layer(op, x, **layer)

    def lrn(
        self,
        x: Value,
        size: int = 5,
        *,
        alpha: float = 1.0,
        beta: float = 0.75,
        k: float = 1.0,
        **layer: Unpack[Named],
    ) -> Value:
        """X / (k + alpha / size * sum of squares of `size` neighbouring channels) ** beta."""
        return self.layer(LRN(size=size, alpha=alpha, beta=beta, k=k, axis=self.channel_axis(x)), x, **layer)

    def l2_normalize(self, x: Value, *, axis: int = -1, **layer: Unpack[Named]) -> Value:
        """X divided by its length along an axis."""
        return self.layer(L2Normalize(axes=(axis,)), x, **layer)

    def scale(
        self,
        x: Value,
        factor: Value | None = None,
        *,
        axis: int = 1,
        bias: bool = False,
        **layer: Unpack[Learned],
    ) -> Value:
        """X times a learned factor for each index of `axis`, or times a tensor that spans axes from `axis` on."""
        operands = (x,) if factor is None else (x, factor)
        return self.layer(Scale(axis=axis, bias=bias, learned=factor is None), *operands, **layer)

    def bias(self, x: Value, *, axis: int = 1, **layer: Unpack[Learned]) -> Value:
        """X plus a learned number for each index of `axis`."""
        return self.layer(Bias(axis=axis), x, **layer)

    def add(self, *values: Value, **layer: Unpack[Named]) -> Value:
        """The sum of tensors, broadcast against each other."""
        return self.layer(Add(), *values, **layer)

    def subtract(self, a: Value, b: Value, **layer: Unpack[Named]) -> Value:
        """A - b."""
        return self.layer(Subtract(), a, b, **layer)

    def multiply(self, *values: Value, **layer: Unpack[Named]) -> Value:
        """The product of tensors, element by element."""
        return self.layer(Multiply(), *values, **layer)

    def maximum(self, *values: Value, **layer: Unpack[Named]) -> Value:
        """The largest of tensors, element by element."""
        return self.layer(Maximum(), *values, **layer)

    def average(self, *values: Value, **layer: Unpack[Named]) -> Value:
        """The mean of tensors, element by element."""
        return self.layer(Average(), *values, **layer)

    def concat(self, *values: Value, axis: int | None = None, **layer: Unpack[Named]) -> Value:
        """Tensors one after another along the channel axis, or another one."""
        if not values:
            raise NetworkError("there is nothing to join")
        where = self.channel_axis(values[0]) if axis is None else axis
        return self.layer(Concat(axis=where), *values, **layer)

    def split(
        self, x: Value, count: int, *, axis: int | None = None, **layer: Unpack[Named]
    ) -> tuple[Value, ...]:
        """So many equal parts of the channel axis, or of another one."""
        where = self.channel_axis(x) if axis is None else axis
        return self.apply(Split(axis=where, count=count), x, **layer)

    def flatten(self, x: Value, *, axis: int = 1, **layer: Unpack[Named]) -> Value:
        """All axes from `axis` on as one."""
        return self.layer(Flatten(axis=axis), x, **layer)

    def reshape(self, x: Value, target: Sequence[int], **layer: Unpack[Named]) -> Value:
        """Each example in another shape; -1 stands for whatever remains."""
        return self.layer(Reshape(target=tuple(target), axis=1), x, **layer)

    def transpose(self, x: Value, axes: Sequence[int], **layer: Unpack[Named]) -> Value:
        """Result axis i is axis `axes[i]` of x."""
        return self.layer(Transpose(axes=tuple(axes)), x, **layer)

    def repeat_vector(self, x: Value, count: int, **layer: Unpack[Named]) -> Value:
        """Vectors [N, features] repeated along a new axis of time."""
        return self.layer(RepeatVector(count=count), x, **layer)
