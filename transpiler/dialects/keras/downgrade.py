"""Layer configs in Keras 3 spelling into the words of Keras 2, as tf-keras 2.21 and `keras` 2.4 to 2.15 read
them.

What Keras 2 cannot say is left out (an argument) or kept as it is (a class), and reported as a `writer.Loss`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from transpiler.dialects.keras.defaults import (
    is_default,
    is_keras2_layer,
    is_training_only,
    keras2_arguments,
)
from transpiler.dialects.keras.defaults_keras2 import KERAS2_DEFAULTS
from transpiler.dialects.keras.defaults_keras3 import KERAS3_DEFAULTS
from transpiler.dialects.keras.upgrade_objects import HARD_SIGMOID_02

KERAS2_ACTIVATIONS: Final = frozenset({
    "elu", "exponential", "gelu", "leaky_relu", "linear", "log_softmax", "mish", "relu", "relu6", "selu", "sigmoid",
    "silu", "softmax", "softplus", "softsign", "tanh",
})  # fmt: skip
"""The activations that Keras 2 and Keras 3 have in common, by Keras 3's names."""

_ACTIVATION_NAMES: Final[Mapping[str, str]] = {"silu": "swish", HARD_SIGMOID_02: "hard_sigmoid"}

_OBJECT_SUFFIXES: Final = ("_initializer", "_regularizer", "_constraint")

_SPELLED_OUT: Final[Mapping[str, Mapping[str, Any]]] = {
    "GRU": {"reset_after": True, "recurrent_activation": "sigmoid"},
    "LSTM": {"recurrent_activation": "sigmoid"},
    "ConvLSTM1D": {"recurrent_activation": "sigmoid"},
    "ConvLSTM2D": {"recurrent_activation": "sigmoid"},
    "ConvLSTM3D": {"recurrent_activation": "sigmoid"},
}
"""Defaults of Keras 3 that some Keras 2 did not share: they are written even where they are the default."""


class LayerDowngrade(msgspec.Struct):
    """A config being rewritten in place into Keras 2's words."""

    class_name: str
    config: dict[str, Any]
    losses: list[str] = msgspec.field(default_factory=list)


def downgrade_layer(class_name: str, config: Mapping[str, Any]) -> LayerDowngrade:
    """Return a layer's class and config in Keras 2's words, and what of it those cannot say."""
    layer = LayerDowngrade(class_name, dict(config))
    if class_name in KERAS3_DEFAULTS and not is_keras2_layer(class_name):
        layer.losses.append(f"Keras 2 has no layer {class_name}")
    layer.config.update(
        {key: value for key, value in _SPELLED_OUT.get(class_name, {}).items() if key not in layer.config}
    )
    _spell_out_data_format(layer)
    special = _SPECIAL.get(class_name)
    if special is not None:
        special(layer)
    if is_keras2_layer(class_name) and class_name != "Lambda":
        _drop_unknown(layer)
    for argument, value in list(layer.config.items()):
        layer.config[argument] = _downgraded_value(layer, argument, value)
    if class_name == "MultiHeadAttention":
        # Keras 2 insists on finding these; null makes it take the shapes from the call.
        layer.config.update({"query_shape": None, "key_shape": None, "value_shape": None})
    return layer


def _spell_out_data_format(layer: LayerDowngrade) -> None:
    known = KERAS2_DEFAULTS.get(layer.class_name, {})
    if "data_format" in known and layer.config.get("data_format") is None:
        layer.config["data_format"] = "channels_last"


def _drop_unknown(layer: LayerDowngrade) -> None:
    """Leave out arguments that Keras 2 does not have; those that say more than the default says are
    losses.
    """
    known = {*keras2_arguments(layer.class_name), "batch_input_shape", "time_major"}
    for argument in [argument for argument in layer.config if argument not in known]:
        value = layer.config.pop(argument)
        if not is_default(layer.class_name, argument, value) and not is_training_only(argument):
            layer.losses.append(f"Keras 2's {layer.class_name} has no argument {argument} (here {value!r})")


def _downgraded_value(layer: LayerDowngrade, argument: str, value: Any) -> Any:
    if argument.endswith(_OBJECT_SUFFIXES):
        return _without_modules(value)
    if argument in ("activation", "recurrent_activation"):
        return _activation(layer, argument, value)
    if argument == "padding" and value in ("full", "half"):
        layer.losses.append(f"padding {value!r} existed in Theano only")
    return _without_modules(value) if isinstance(value, dict) else value


def _activation(layer: LayerDowngrade, argument: str, value: Any) -> Any:
    if isinstance(value, str):
        if value not in KERAS2_ACTIVATIONS and value != HARD_SIGMOID_02:
            layer.losses.append(
                f"{argument} {value!r} means something else in Keras 2, or does not exist there"
            )
        return _ACTIVATION_NAMES.get(value, value)
    if (
        isinstance(value, dict)
        and isinstance(value.get("config"), dict)
        and value.get("class_name") in KERAS3_DEFAULTS
    ):
        inner = downgrade_layer(value["class_name"], value["config"])
        layer.losses.extend(inner.losses)
        return {"class_name": inner.class_name, "config": inner.config}
    return value


def _without_modules(value: Any) -> Any:
    """Return a serialized object as `{"class_name", "config"}`, as all of Keras 2 understands it."""
    if isinstance(value, dict) and isinstance(value.get("class_name"), str) and "config" in value:
        config = value["config"]
        if not isinstance(config, dict):
            return config  # A function: Keras 2 names it.
        kept = {
            key: _without_modules(item)
            for key, item in config.items()
            if key not in ("input_axes", "output_axes")
        }
        return {"class_name": value["class_name"], "config": kept}
    return value


def _input(layer: LayerDowngrade) -> None:
    layer.config["batch_input_shape"] = layer.config.pop("batch_shape", None)
    if layer.config.pop("optional", False):
        layer.losses.append("Keras 2 has no optional inputs")


def _leaky_relu(layer: LayerDowngrade) -> None:
    layer.config["alpha"] = layer.config.pop("negative_slope", 0.3)


def _bidirectional(layer: LayerDowngrade) -> None:
    layer.config.pop("weights", None)


def _lambda(layer: LayerDowngrade) -> None:
    """Spell functions as Keras 2 does: code as a list of its parts, and beside it the kind of function."""
    for argument in ("function", "output_shape", "mask"):
        value = layer.config.get(argument)
        parts = value.get("config") if isinstance(value, dict) else None
        if isinstance(parts, dict) and "code" in parts:
            layer.config[argument] = [parts.get("code"), parts.get("defaults"), parts.get("closure")]
            layer.config[f"{argument}_type"] = "lambda"
        elif isinstance(parts, str):
            layer.config[argument] = parts
            layer.config[f"{argument}_type"] = "function"
        elif argument != "mask" or value is not None:
            layer.config[f"{argument}_type"] = "raw"
    layer.losses.append(
        "the code of a Lambda layer runs only where it was made, and only if told that it is safe"
    )


_SPECIAL: Final[Mapping[str, Callable[[LayerDowngrade], None]]] = {
    "InputLayer": _input,
    "LeakyReLU": _leaky_relu,
    "Bidirectional": _bidirectional,
    "Lambda": _lambda,
}
