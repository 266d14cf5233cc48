"""Keras 2 and tf.keras layer configs into the words of Keras 3.

Defaults that differ between the generations become explicit; arguments that Keras 3 no longer has are dropped
if they say nothing about what is computed, kept as markers (see `upgrade`) if they do, and otherwise dropped
with a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from transpiler.dialects.keras.defaults import (
    MARKER_ARGUMENTS,
    is_training_only,
    keras3_arguments,
    same_value,
)
from transpiler.dialects.keras.defaults_keras2 import KERAS2_DEFAULTS
from transpiler.dialects.keras.defaults_keras3 import KERAS3_DEFAULTS
from transpiler.dialects.keras.model import Generation
from transpiler.dialects.keras.upgrade_layer import LayerUpgrade

KERAS2_CLASS_NAMES: Final[Mapping[str, str]] = {
    "CuDNNLSTM": "LSTM",
    "CuDNNGRU": "GRU",
    "UnifiedLSTM": "LSTM",
    "UnifiedGRU": "GRU",
    "LSTMV2": "LSTM",
    "GRUV2": "GRU",
    "LSTMV1": "LSTM",
    "GRUV1": "GRU",
    "ThresholdedReLU": "ReLU",
    "SyncBatchNormalization": "BatchNormalization",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "AvgPool1D": "AveragePooling1D",
    "AvgPool2D": "AveragePooling2D",
    "AvgPool3D": "AveragePooling3D",
    "MaxPool1D": "MaxPooling1D",
    "MaxPool2D": "MaxPooling2D",
    "MaxPool3D": "MaxPooling3D",
    "GlobalAvgPool1D": "GlobalAveragePooling1D",
    "GlobalAvgPool2D": "GlobalAveragePooling2D",
    "GlobalAvgPool3D": "GlobalAveragePooling3D",
    "GlobalMaxPool1D": "GlobalMaxPooling1D",
    "GlobalMaxPool2D": "GlobalMaxPooling2D",
    "GlobalMaxPool3D": "GlobalMaxPooling3D",
    "Convolution1DTranspose": "Conv1DTranspose",
    "Convolution2DTranspose": "Conv2DTranspose",
    "Convolution3DTranspose": "Conv3DTranspose",
}
"""Classes that Keras 3 calls otherwise, or that are another class with fixed arguments."""

RETIRED_CLASSES: Final = frozenset({
    "LocallyConnected1D", "LocallyConnected2D", "Highway", "MaxoutDense", "SReLU", "ParametricSoftplus", "Merge",
    "RandomHeight", "RandomWidth", "ConvRecurrent2D",
})  # fmt: skip
"""Known classes without a successor in Keras 3: they keep their name, and their arguments are spelled as
Keras 3 would.
"""

_SAYS_NOTHING: Final = frozenset({
    "implementation", "input_length", "batch_input_shape", "input_shape", "input_dtype", "batch_size", "fused",
    "dynamic", "query_shape", "key_shape", "value_shape", "softmax_robust_masking", "robust_masking", "ragged",
    "experimental_autocast", "autocast", "type_spec", "groups", "weights", "legacy", "_keras_api_names",
})  # fmt: skip

_RECURRENT: Final = ("LSTM", "GRU", "SimpleRNN", "RNN", "LSTMCell", "GRUCell")


def upgrade_keras2(layer: LayerUpgrade) -> None:
    """Rewrite a Keras 2 config into Keras 3's words."""
    original = layer.class_name
    layer.class_name = KERAS2_CLASS_NAMES.get(original, original)
    fixed = _FIXED.get(original)
    if fixed is not None:
        fixed(layer)
    special = _SPECIAL.get(layer.class_name)
    if special is not None:
        special(layer)
    if layer.class_name in _RECURRENT or layer.class_name.startswith("ConvLSTM"):
        _recurrent(layer)
    _make_data_format_explicit(layer)
    _drop_unknown(layer)


def _make_data_format_explicit(layer: LayerUpgrade) -> None:
    """Write the order of dimensions down. Keras 1 left it out of some configs by mistake: then the others
    count.
    """
    arguments = KERAS3_DEFAULTS.get(layer.class_name, {})
    if "data_format" not in arguments or layer.config.get("data_format") is not None:
        return
    data_format = "channels_last"
    has_one_axis = layer.class_name.endswith(("1D", "1DTranspose"))
    if layer.context.generation is Generation.KERAS1 and layer.class_name != "Flatten" and not has_one_axis:
        layer.context.assumed_data_format.append((layer.name, layer.span))
        data_format = layer.context.data_format or data_format
    layer.config["data_format"] = data_format


def _drop_unknown(layer: LayerUpgrade) -> None:
    if layer.class_name not in KERAS3_DEFAULTS or layer.class_name == "Lambda":
        return
    known = keras3_arguments(layer.class_name)
    markers = MARKER_ARGUMENTS.get(layer.class_name, frozenset())
    old_defaults = KERAS2_DEFAULTS.get(layer.class_name, {})
    for argument in [
        argument for argument in layer.config if argument not in known and argument not in markers
    ]:
        value = layer.config[argument]
        says_nothing = (
            argument in _SAYS_NOTHING or is_training_only(argument) or value is None or value is False
        )
        if not says_nothing and not (argument in old_defaults and same_value(old_defaults[argument], value)):
            layer.lost(argument, f"{layer.class_name} has no such argument in Keras 3")
        layer.drop(argument)


def _recurrent(layer: LayerUpgrade) -> None:
    is_old = layer.context.generation is not Generation.TF_KERAS
    if layer.class_name in ("LSTM", "GRU", "LSTMCell", "GRUCell"):
        layer.make_explicit({"recurrent_activation": "hard_sigmoid" if is_old else "sigmoid"})
    if layer.class_name.startswith("ConvLSTM"):
        layer.make_explicit({"recurrent_activation": "hard_sigmoid"})
    if layer.class_name in ("GRU", "GRUCell"):
        layer.make_explicit({"reset_after": not is_old})
    if not layer.config.get("time_major"):
        layer.drop("time_major")


def _cudnn(layer: LayerUpgrade) -> None:
    """The CuDNN layers are the common ones with these settings. Their files hold two biases; the sum of both
    acts.
    """
    layer.config.update({"activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": True})
    if layer.class_name == "GRU":
        layer.config["reset_after"] = True


def _thresholded_relu(layer: LayerUpgrade) -> None:
    layer.rename({"theta": "threshold"})
    layer.make_explicit({"threshold": 1.0})


def _synchronized(layer: LayerUpgrade) -> None:
    layer.make_explicit({"synchronized": True})


def _leaky_relu(layer: LayerUpgrade) -> None:
    layer.rename({"alpha": "negative_slope"})
    layer.make_explicit({"negative_slope": 0.3})


def _normalization(layer: LayerUpgrade) -> None:
    axis: Any = layer.config.get("axis")
    if isinstance(axis, list) and len(axis) == 1:
        layer.config["axis"] = axis[0]


def _pooling(layer: LayerUpgrade) -> None:
    layer.make_explicit({"pool_size": 2})


def _input(layer: LayerUpgrade) -> None:
    layer.rename({"batch_input_shape": "batch_shape", "input_dtype": "dtype"})
    shape = layer.take("input_shape")
    if isinstance(shape, list) and "batch_shape" not in layer.config:
        layer.put("batch_shape", [layer.take("batch_size"), *shape], origin="input_shape")


def _embedding(layer: LayerUpgrade) -> None:
    dtype = layer.config.get("dtype")
    if isinstance(dtype, str) and dtype.startswith(("int", "uint")):
        layer.drop("dtype")  # It was the dtype of the indices; Keras 3 means that of the vectors.


def _attention(layer: LayerUpgrade) -> None:
    if layer.take("causal"):
        layer.call_kwargs["use_causal_mask"] = True


def _lambda(layer: LayerUpgrade) -> None:
    """Spell functions as Keras 3 does: code by its parts, a named function by its name. Neither is ever
    looked into.
    """
    for argument in ("function", "output_shape", "mask"):
        kind = layer.take(f"{argument}_type")
        layer.drop(f"{argument}_module")
        value = layer.config.get(argument)
        if kind == "lambda" and isinstance(value, list) and len(value) == 3:
            code = dict(zip(("code", "defaults", "closure"), value, strict=True))
            layer.config[argument] = {"class_name": "__lambda__", "config": code}
        elif kind == "function" and isinstance(value, str):
            layer.config[argument] = {
                "module": "builtins", "class_name": "function", "config": value, "registered_name": value,
            }  # fmt: skip
    layer.drop("module")


_FIXED: Final[Mapping[str, Callable[[LayerUpgrade], None]]] = {
    "CuDNNLSTM": _cudnn,
    "CuDNNGRU": _cudnn,
    "ThresholdedReLU": _thresholded_relu,
    "SyncBatchNormalization": _synchronized,
}
"""What the old class says by its name alone."""

_SPECIAL: Final[Mapping[str, Callable[[LayerUpgrade], None]]] = {
    "LeakyReLU": _leaky_relu,
    "BatchNormalization": _normalization,
    "MaxPooling1D": _pooling,
    "MaxPooling2D": _pooling,
    "MaxPooling3D": _pooling,
    "AveragePooling1D": _pooling,
    "AveragePooling2D": _pooling,
    "AveragePooling3D": _pooling,
    "InputLayer": _input,
    "Embedding": _embedding,
    "Attention": _attention,
    "AdditiveAttention": _attention,
    "Lambda": _lambda,
}
