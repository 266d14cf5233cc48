"""What is known of Keras 3's layer classes: their arguments, the defaults of these, and what `call` takes.

The tables themselves are in `defaults_keras3` and `defaults_keras2`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from transpiler.dialects.keras.defaults_keras2 import KERAS2_DEFAULTS
from transpiler.dialects.keras.defaults_keras3 import KERAS3_DEFAULTS

REQUIRED: Final = ...
"""Stands in the tables where an argument has no default."""

BASE_ARGUMENTS: Final[Mapping[str, Any]] = {
    "name": None,
    "trainable": True,
    "dtype": None,
    "activity_regularizer": None,
    "autocast": True,
}
"""What every layer takes."""

_MASKED: Final[Mapping[str, Any]] = {"zero_output_for_mask": False}
_CHANNELS: Final[Mapping[str, Any]] = {"data_format": None}
UNDECLARED_ARGUMENTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "AdditiveAttention": {"seed": None},
    "AutoContrast": _CHANNELS,
    "ConvLSTM1D": {"unroll": False, **_MASKED},
    "ConvLSTM2D": {"unroll": False, **_MASKED},
    "ConvLSTM3D": {"unroll": False, **_MASKED},
    "GRU": _MASKED,
    "IntegerLookup": {"vocabulary_size": None},
    "LSTM": _MASKED,
    "LayerNormalization": {"rms_scaling": False},
    "MaxNumBoundingBoxes": _CHANNELS,
    "RandomBrightness": _CHANNELS,
    "RandomContrast": _CHANNELS,
    "ReversibleEmbedding": {"quantization_config": None},
    "SimpleRNN": _MASKED,
    "Solarization": _CHANNELS,
    "StringLookup": {"vocabulary_size": None, "oov_method": "floormod"},
    "TextVectorization": {"vocabulary_size": None},
}
"""Arguments that Keras 3 writes and takes though the constructor's signature does not name them."""

MARKER_ARGUMENTS: Final[Mapping[str, frozenset[str]]] = {
    "Conv2DTranspose": frozenset({"keras1_output_shape"}),
    "Conv3DTranspose": frozenset({"keras1_output_shape"}),
    "BatchNormalization": frozenset({"mode"}),
    "LSTM": frozenset({"time_major"}),
    "GRU": frozenset({"time_major"}),
    "SimpleRNN": frozenset({"time_major"}),
    "RNN": frozenset({"time_major"}),
}
"""Arguments that Keras 3 does not have and that are kept because they change what is computed."""

_TRAINING_SUFFIXES: Final = ("_initializer", "_regularizer", "_constraint")
_TRAINING_ONLY: Final = frozenset({
    "trainable", "seed", "autocast", "lora_rank", "lora_alpha", "quantization_config", "gptq_unpacked_column_size",
    "synchronized", "renorm", "renorm_clipping", "renorm_momentum", "use_cudnn", "flash_attention", "unroll",
    "unit_forget_bias",
})  # fmt: skip

_DEFAULT_CALL: Final = ("inputs", "training", "mask")
_RECURRENT_CALL: Final = ("sequences", "initial_state", "mask", "training")
_ATTENTION_CALL: Final = ("inputs", "mask", "training", "return_attention_scores", "use_causal_mask")
_MULTI_HEAD_CALL: Final = (
    "query", "value", "key", "query_mask", "value_mask", "key_mask", "attention_mask", "return_attention_scores",
    "training", "use_causal_mask",
)  # fmt: skip
CALL_PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = {
    "AdditiveAttention": _ATTENTION_CALL,
    "Attention": _ATTENTION_CALL,
    "Bidirectional": _RECURRENT_CALL,
    "CategoryEncoding": ("inputs", "count_weights"),
    "ConvLSTM1D": _RECURRENT_CALL,
    "ConvLSTM2D": _RECURRENT_CALL,
    "ConvLSTM3D": _RECURRENT_CALL,
    "GRU": _RECURRENT_CALL,
    "GlobalAveragePooling1D": ("inputs", "mask"),
    "GroupQueryAttention": _MULTI_HEAD_CALL,
    "LSTM": _RECURRENT_CALL,
    "Lambda": ("inputs", "mask", "training"),
    "MultiHeadAttention": _MULTI_HEAD_CALL,
    "RNN": _RECURRENT_CALL,
    "ReversibleEmbedding": ("inputs", "reverse"),
    "SimpleRNN": _RECURRENT_CALL,
    "Softmax": ("inputs", "mask"),
}
"""The parameters of `call`, in order, where they are not simply the inputs, `training` and `mask`."""

RECURRENT_CLASSES: Final = frozenset(
    name for name, parameters in CALL_PARAMETERS.items() if parameters is _RECURRENT_CALL
)
"""The layers that take an initial state."""


def call_parameters(class_name: str) -> tuple[str, ...]:
    """Return the names of the parameters of a layer's `call`, in order."""
    return CALL_PARAMETERS.get(class_name, _DEFAULT_CALL)


def is_keras3_layer(class_name: str) -> bool:
    """Whether Keras 3 has a layer class of that name."""
    return class_name in KERAS3_DEFAULTS


def is_keras2_layer(class_name: str) -> bool:
    """Whether tf-keras has a layer class of that name."""
    return class_name in KERAS2_DEFAULTS


def keras3_arguments(class_name: str) -> Mapping[str, Any]:
    """Return all arguments of a Keras 3 layer class and their defaults (`REQUIRED` for none); raises
    KeyError.
    """
    return {**BASE_ARGUMENTS, **KERAS3_DEFAULTS[class_name], **UNDECLARED_ARGUMENTS.get(class_name, {})}


def keras2_arguments(class_name: str) -> Mapping[str, Any]:
    """Return all arguments of a tf-keras layer class and their defaults (`REQUIRED` for none); raises
    KeyError.
    """
    recurrent = _MASKED if class_name in RECURRENT_CLASSES else {}
    return {**BASE_ARGUMENTS, **KERAS2_DEFAULTS[class_name], **recurrent}


def is_training_only(argument: str) -> bool:
    """Whether an argument matters only when weights are made or trained: initializers, regularizers and
    such.
    """
    return argument in _TRAINING_ONLY or argument.endswith(_TRAINING_SUFFIXES)


def is_default(class_name: str, argument: str, value: Any) -> bool:
    """Whether a value of an argument means the same as leaving the argument out, in Keras 3.

    Looks through the ways in which a value can be spelled: `(2, 2)` for 2, "linear" for no activation,
    "glorot_uniform" for the initializer of that name without a seed.
    """
    arguments = keras3_arguments(class_name) if is_keras3_layer(class_name) else BASE_ARGUMENTS
    if argument not in arguments or arguments[argument] is REQUIRED:
        return False
    if argument == "data_format" and value == "channels_last":
        return True  # Keras takes it from a settings file whose own default is this.
    return same_value(arguments[argument], value)


def same_value(left: Any, right: Any) -> bool:
    """Whether two values of one argument mean the same."""
    left, right = _plain(left), _plain(right)
    if isinstance(left, list) != isinstance(right, list):
        spread, single = (left, right) if isinstance(left, list) else (right, left)
        return len(spread) > 0 and all(same_value(item, single) for item in spread)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same_value, left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


def _plain(value: Any) -> Any:
    """Return a value without the differences of spelling that mean nothing."""
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, str):
        return None if value == "linear" else value.lower().replace("_", "")
    if (
        isinstance(value, dict)
        and set(value) >= {"class_name", "config"}
        and isinstance(value["config"], dict)
    ):
        if all(argument is None for argument in value["config"].values()):
            return str(value["class_name"]).lower()
        if value["class_name"] == "Orthogonal" and value["config"] in (
            {"gain": 1.0, "seed": None},
            {"gain": 1.0},
        ):
            return "orthogonal"
        if value["class_name"] == "RandomUniform" and _is_default_uniform(value["config"]):
            return "uniform"
        if value["class_name"] == "DTypePolicy":
            return value["config"].get("name")
    return value


def _is_default_uniform(config: Mapping[str, Any]) -> bool:
    bounds: Sequence[Any] = (config.get("minval", -0.05), config.get("maxval", 0.05), config.get("seed"))
    return list(bounds) == [-0.05, 0.05, None]
