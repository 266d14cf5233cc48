"""Layer configs of every generation into Keras 3 spelling.

Markers, where an old meaning has no word in Keras 3 (each is a value in the upgraded config):

| where | marker | meaning |
|---|---|---|
| `activation`, `recurrent_activation` | `"hard_sigmoid_02"` | clip(0.2 x + 0.5, 0, 1), as before Keras 3 |
| Conv2DTranspose, Conv3DTranspose | `keras1_output_shape` | the output shape, batch first, that Keras 1 was told |
| BatchNormalization | `mode` 1 or 2 | 1: each sample by itself over the last axis; 2: batch statistics at all times |
| LSTM, GRU, SimpleRNN, RNN | `time_major: true` | time is the first axis, batch the second |
| convolutions | `padding: "full"` or `"half"` | Theano's border modes |
| Merge (class) | `mode` | only those merges of Keras 1 that are a function of the user's |
| LocallyConnected1D/2D, Highway, MaxoutDense, SReLU, ParametricSoftplus (class) | | Keras 3 has no such layer |

Unknown classes stay exactly as they are.
"""

from __future__ import annotations

from typing import Any, Final

from transpiler.dialects.keras.defaults import is_keras3_layer
from transpiler.dialects.keras.model import Generation
from transpiler.dialects.keras.naming import APPLICATIONS_PACKAGE
from transpiler.dialects.keras.upgrade_keras1 import KERAS1_CLASS_NAMES, upgrade_keras1
from transpiler.dialects.keras.upgrade_keras2 import KERAS2_CLASS_NAMES, RETIRED_CLASSES, upgrade_keras2
from transpiler.dialects.keras.upgrade_layer import LayerUpgrade
from transpiler.dialects.keras.upgrade_objects import (
    keras_object,
    upgrade_activation,
    upgrade_constraint,
    upgrade_dtype,
    upgrade_initializer,
    upgrade_regularizer,
)

_ACTIVATION_ARGUMENTS: Final = ("activation", "recurrent_activation")


def is_known_class(class_name: str) -> bool:
    """Whether some generation of Keras has a layer class of that name."""
    return (
        is_keras3_layer(class_name)
        or class_name in KERAS1_CLASS_NAMES
        or class_name in KERAS2_CLASS_NAMES
        or class_name in RETIRED_CLASSES
    )


def upgrade_layer(layer: LayerUpgrade) -> None:
    """Rewrite a layer's class and config, in place, into Keras 3 spelling."""
    if not is_known_class(layer.class_name):
        if f"{APPLICATIONS_PACKAGE}." in (layer.module or ""):
            _upgrade_objects(layer)
        return
    generation = layer.context.generation
    if generation in (Generation.KERAS1, Generation.KERAS2):
        upgrade_keras1(layer)
    if generation is not Generation.KERAS3:
        upgrade_keras2(layer)
    _upgrade_objects(layer)


def _upgrade_objects(layer: LayerUpgrade) -> None:
    is_keras1 = layer.context.generation is Generation.KERAS1
    for argument, value in list(layer.config.items()):
        if argument.endswith("_initializer"):
            layer.config[argument] = upgrade_initializer(value, keras1=is_keras1)
        elif argument.endswith("_regularizer"):
            layer.config[argument] = upgrade_regularizer(value)
        elif argument.endswith("_constraint"):
            layer.config[argument] = upgrade_constraint(value)
        elif argument in _ACTIVATION_ARGUMENTS:
            layer.config[argument] = _upgraded_activation(layer, argument, value)
        elif argument == "dtype":
            layer.config[argument] = upgrade_dtype(value)


def _upgraded_activation(layer: LayerUpgrade, argument: str, value: Any) -> Any:
    upgraded = upgrade_activation(value, keras3=not layer.context.is_old)
    if not isinstance(upgraded, dict):
        return upgraded
    class_name, config = upgraded.get("class_name"), upgraded.get("config")
    if not isinstance(class_name, str) or not isinstance(config, dict) or not is_known_class(class_name):
        return upgraded
    inner = LayerUpgrade(
        class_name=class_name, name=f"{layer.name}/{argument}", config=dict(config), context=layer.context,
        span=layer.place(argument),
    )  # fmt: skip
    upgrade_layer(inner)
    inner.config.pop("name", None)
    return keras_object("layers", inner.class_name, inner.config)
