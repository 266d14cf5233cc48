"""Layers that act only while training (identity otherwise)."""

from __future__ import annotations

from transpiler.ir.op import op
from transpiler.ops import fields as f
from transpiler.ops.activation import Activation


@op("dropout", "Common")
class Dropout(Activation):
    """While training, elements set to 0 with probability `rate`, the others divided by 1 - rate."""

    rate: float = f.rate("share of dropped elements", 0.5)
    noise_shape: tuple[int | None, ...] | None = f.optional_shape(
        "shape of the random mask, if not the operand's", None
    )
    seed: int | None = f.optional_integer("seed of the generator", None)


@op("spatial_dropout", "Common")
class SpatialDropout(Activation):
    """Dropout of whole feature maps."""

    rate: float = f.rate("share of dropped maps", 0.5)
    rank: int = f.integer("number of spatial axes", 2, least=1)
    channels_last: bool = f.flag("whether the channels are last", True)
    seed: int | None = f.optional_integer("seed of the generator", None)


@op("gaussian_noise", "Noise")
class GaussianNoise(Activation):
    """While training, normal noise of deviation `stddev` is added."""

    stddev: float = f.number("standard deviation")
    seed: int | None = f.optional_integer("seed of the generator", None)


@op("gaussian_dropout", "Noise")
class GaussianDropout(Activation):
    """While training, elements are multiplied with normal noise of mean 1 and deviation sqrt(rate / (1 - rate))."""

    rate: float = f.rate("as in dropout")
    seed: int | None = f.optional_integer("seed of the generator", None)


@op("alpha_dropout", "Noise")
class AlphaDropout(Activation):
    """Dropout that keeps mean and variance of self-normalizing networks."""

    rate: float = f.rate("share of dropped elements")
    noise_shape: tuple[int | None, ...] | None = f.optional_shape(
        "shape of the random mask, if not the operand's", None
    )
    seed: int | None = f.optional_integer("seed of the generator", None)


@op("activity_regularization", "Utility")
class ActivityRegularization(Activation):
    """x; while training, l1 * sum |x| + l2 * sum x**2 is added to the loss."""

    l1: float = f.number("factor of the absolute values", 0.0)
    l2: float = f.number("factor of the squares", 0.0)


@op("masking", "Utility")
class Masking(Activation):
    """Steps whose every feature equals `value` are marked to be skipped by later layers, and set to 0."""

    value: float = f.number("the marking value", 0.0)
