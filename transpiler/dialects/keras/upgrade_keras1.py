"""Keras 0.x and 1.x layer configs into the words of Keras 2: class names, argument names, forms of values.

What is the same in Keras 2 and in Keras 3 is already in its final form afterwards; `upgrade_keras2` does the
rest. Facts are from the sources of Keras 1.2.2 and its predecessors, and from Keras 2's own conversion of old
arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from transpiler.dialects.keras.upgrade_layer import LayerUpgrade

KERAS1_CLASS_NAMES: Final[Mapping[str, str]] = {
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "AtrousConvolution1D": "Conv1D",
    "AtrousConv1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "AtrousConv2D": "Conv2D",
    "Deconvolution2D": "Conv2DTranspose",
    "Deconv2D": "Conv2DTranspose",
    "Deconvolution3D": "Conv3DTranspose",
    "Deconv3D": "Conv3DTranspose",
    "SeparableConvolution1D": "SeparableConv1D",
    "SeparableConvolution2D": "SeparableConv2D",
    "TimeDistributedDense": "Dense",
    "UpSample1D": "UpSampling1D",
    "UpSample2D": "UpSampling2D",
}
"""Classes that Keras 2 calls otherwise. TimeDistributedDense is a Dense: that works on the last axis of any
input.
"""

_DIM_ORDERINGS: Final[Mapping[str, str]] = {"th": "channels_first", "tf": "channels_last"}

_COMMON: Final[Mapping[str, str]] = {
    "init": "kernel_initializer",
    "W_regularizer": "kernel_regularizer",
    "W_constraint": "kernel_constraint",
    "b_regularizer": "bias_regularizer",
    "b_constraint": "bias_constraint",
    "bias": "use_bias",
    "inner_init": "recurrent_initializer",
    "U_regularizer": "recurrent_regularizer",
    "U_constraint": "recurrent_constraint",
    "inner_activation": "recurrent_activation",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
    "border_mode": "padding",
    "nb_filter": "filters",
    "subsample": "strides",
}
_RENAMED: Final[Mapping[str, Mapping[str, str]]] = {
    "Dense": {"output_dim": "units"},
    "MaxoutDense": {"output_dim": "units"},
    "LSTM": {"output_dim": "units"},
    "GRU": {"output_dim": "units"},
    "SimpleRNN": {"output_dim": "units"},
    "Embedding": {
        "init": "embeddings_initializer",
        "W_regularizer": "embeddings_regularizer",
        "W_constraint": "embeddings_constraint",
    },
    "BatchNormalization": {"gamma_init": "gamma_initializer", "beta_init": "beta_initializer"},
    "PReLU": {"init": "alpha_initializer"},
    "Dropout": {"p": "rate"},
    "SpatialDropout1D": {"p": "rate"},
    "SpatialDropout2D": {"p": "rate"},
    "SpatialDropout3D": {"p": "rate"},
    "GaussianDropout": {"p": "rate"},
    "AlphaDropout": {"p": "rate"},
    "GaussianNoise": {"sigma": "stddev"},
    "UpSampling1D": {"length": "size"},
    "MaxPooling1D": {"pool_length": "pool_size", "stride": "strides"},
    "AveragePooling1D": {"pool_length": "pool_size", "stride": "strides"},
}

_NO_LONGER: Final = (
    "input_dim",
    "input_length",
    "consume_less",
    "weights",
    "input_dtype",
    "truncate_gradient",
)
"""Arguments that say nothing about what the layer computes, or whose meaning is in the InputLayer by now."""


def upgrade_keras1(layer: LayerUpgrade) -> None:
    """Rewrite a Keras 1 config into Keras 2's words. Configs that use none of the old words are left
    alone.
    """
    original = layer.class_name
    layer.class_name = KERAS1_CLASS_NAMES.get(original, original)
    layer.rename(_RENAMED.get(layer.class_name, {}))
    special = _SPECIAL.get(layer.class_name)
    if special is not None:
        special(layer)
    layer.rename(_COMMON)
    _read_dim_ordering(layer)
    if layer.class_name != "Embedding":
        layer.drop("input_dim")
    layer.drop(*_NO_LONGER[1:])
    for key in [key for key in layer.config if key.endswith("_learning_rate_multiplier")]:
        if layer.take(key) is not None:
            layer.lost(key, "it only matters for training")


def _read_dim_ordering(layer: LayerUpgrade) -> None:
    if "dim_ordering" not in layer.config:
        return
    ordering = layer.take("dim_ordering")
    if ordering is None or ordering == "default":
        return
    if ordering not in tuple(_DIM_ORDERINGS):
        layer.unclear("dim_ordering", ordering, "'th' or 'tf'")
        return
    layer.put("data_format", _DIM_ORDERINGS[ordering], origin="dim_ordering")


def _join(layer: LayerUpgrade, argument: str, parts: tuple[str, ...]) -> None:
    """Make one list argument of several numbers: nb_row and nb_col become kernel_size."""
    if not all(part in layer.config for part in parts):
        return
    values = [layer.take(part) for part in parts]
    if argument not in layer.config:
        layer.put(argument, values, origin=parts[0])


def _convolution1d(layer: LayerUpgrade) -> None:
    _join(layer, "kernel_size", ("filter_length",))
    _join(layer, "strides", ("subsample_length",))
    _join(layer, "dilation_rate", ("atrous_rate",))


def _convolution2d(layer: LayerUpgrade) -> None:
    _join(layer, "kernel_size", ("nb_row", "nb_col"))
    layer.rename({"atrous_rate": "dilation_rate"})


def _convolution3d(layer: LayerUpgrade) -> None:
    _join(layer, "kernel_size", ("kernel_dim1", "kernel_dim2", "kernel_dim3"))


def _transposed2d(layer: LayerUpgrade) -> None:
    _convolution2d(layer)
    layer.rename({"output_shape": "keras1_output_shape"})


def _transposed3d(layer: LayerUpgrade) -> None:
    _convolution3d(layer)
    layer.rename({"output_shape": "keras1_output_shape"})


def _separable2d(layer: LayerUpgrade) -> None:
    _convolution2d(layer)
    if "init" in layer.config:
        initializer = layer.take("init")
        layer.put("depthwise_initializer", initializer, origin="init")
        layer.put("pointwise_initializer", initializer, origin="init")


def _recurrent(layer: LayerUpgrade) -> None:
    _join(layer, "kernel_size", ("nb_row", "nb_col"))
    if "forget_bias_init" in layer.config:
        initializer = layer.take("forget_bias_init")
        if initializer not in ("one", "ones", "zero", "zeros"):
            layer.lost("forget_bias_init", "Keras 3 starts the forget bias at one or at zero")
        layer.put("unit_forget_bias", initializer in ("one", "ones"), origin="forget_bias_init")
    layer.make_explicit({"recurrent_activation": "hard_sigmoid"} if layer.class_name != "SimpleRNN" else {})


def _embedding(layer: LayerUpgrade) -> None:
    if layer.take("dropout", 0) not in (0, None):
        layer.lost("dropout", "it only matters for training; a SpatialDropout1D behind the layer is similar")


def _normalization(layer: LayerUpgrade) -> None:
    """Keep `mode` only where it is not 0: then no layer of Keras 3 computes the same."""
    layer.make_explicit({"epsilon": 1e-3, "momentum": 0.99, "axis": -1})
    if layer.config.get("mode", 0) == 0:
        layer.drop("mode")


def _pooling1d(layer: LayerUpgrade) -> None:
    for argument in ("pool_size", "strides"):
        if isinstance(layer.config.get(argument), int):
            layer.config[argument] = [layer.config[argument]]


def _repeated(layer: LayerUpgrade) -> None:
    if isinstance(layer.config.get("size"), list) and len(layer.config["size"]) == 1:
        layer.config["size"] = layer.config["size"][0]


_PAD_NAMES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "ZeroPadding1D": (("left_pad", "right_pad"),),
    "ZeroPadding2D": (("top_pad", "bottom_pad"), ("left_pad", "right_pad")),
}


def _zero_padding(layer: LayerUpgrade) -> None:
    """Turn a dict of sides, or four numbers in a row, into one pair an axis."""
    padding: Any = layer.config.get("padding")
    axes = _PAD_NAMES[layer.class_name]
    if isinstance(padding, dict):
        pairs = [[padding.get(before, 0), padding.get(after, 0)] for before, after in axes]
        layer.config["padding"] = pairs if len(pairs) > 1 else pairs[0]
    elif isinstance(padding, list) and len(axes) == 2 and len(padding) == 4:
        layer.config["padding"] = [padding[:2], padding[2:]]


_SPECIAL: Final[Mapping[str, Callable[[LayerUpgrade], None]]] = {
    "Conv1D": _convolution1d,
    "Conv2D": _convolution2d,
    "Conv3D": _convolution3d,
    "LocallyConnected1D": _convolution1d,
    "LocallyConnected2D": _convolution2d,
    "Conv2DTranspose": _transposed2d,
    "Conv3DTranspose": _transposed3d,
    "SeparableConv1D": _convolution1d,
    "SeparableConv2D": _separable2d,
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "SimpleRNN": _recurrent,
    "ConvLSTM2D": _recurrent,
    "Embedding": _embedding,
    "BatchNormalization": _normalization,
    "MaxPooling1D": _pooling1d,
    "AveragePooling1D": _pooling1d,
    "UpSampling1D": _repeated,
    "ZeroPadding1D": _zero_padding,
    "ZeroPadding2D": _zero_padding,
}
