"""The values of layer arguments that are objects themselves, from every generation into Keras 3 spelling.

Initializers, regularizers and constraints become Keras 3's serialized objects, activations become names,
dtypes become the name of their policy. What is not recognised (a user's own class or function) stays as it
is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

HARD_SIGMOID_02: Final = "hard_sigmoid_02"
"""Marker: the hard sigmoid of Keras 1 and 2, clip(0.2 x + 0.5, 0, 1). Keras 3's "hard_sigmoid" is clip(x / 6
+ 0.5, 0, 1).
"""

KERAS3_ACTIVATIONS: Final = frozenset({
    "celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_tanh",
    "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu", "sigmoid", "silu",
    "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus",
    "tanh", "tanh_shrink", "threshold",
})  # fmt: skip
"""The activation functions of Keras 3 by their own names."""

_ACTIVATION_NAMES: Final[Mapping[str, str]] = {
    "swish": "silu",
    "hard_swish": "hard_silu",
    # tf.keras wrote the internal names of some TensorFlow functions.
    "softmax_v2": "softmax",
    "relu_v2": "relu",
    "leaky_relu_v2": "leaky_relu",
    "gelu_v2": "gelu",
}

_DTYPE_NAMES: Final[Mapping[str, str]] = {
    "float": "float32",
    "double": "float64",
    "half": "float16",
    "int": "int64",
}
"""Names that TensorFlow and NumPy accept and Keras 3 does not."""

_INITIALIZER_NAMES: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "uniform": ("RandomUniform", {"minval": -0.05, "maxval": 0.05, "seed": None}),
    "random_uniform": ("RandomUniform", {"minval": -0.05, "maxval": 0.05, "seed": None}),
    "normal": ("RandomNormal", {"mean": 0.0, "stddev": 0.05, "seed": None}),
    "random_normal": ("RandomNormal", {"mean": 0.0, "stddev": 0.05, "seed": None}),
    "truncated_normal": ("TruncatedNormal", {"mean": 0.0, "stddev": 0.05, "seed": None}),
    "glorot_uniform": ("GlorotUniform", {"seed": None}),
    "glorot_normal": ("GlorotNormal", {"seed": None}),
    "xavier_uniform": ("GlorotUniform", {"seed": None}),
    "xavier_normal": ("GlorotNormal", {"seed": None}),
    "he_uniform": ("HeUniform", {"seed": None}),
    "he_normal": ("HeNormal", {"seed": None}),
    "lecun_uniform": ("LecunUniform", {"seed": None}),
    "lecun_normal": ("LecunNormal", {"seed": None}),
    "orthogonal": ("Orthogonal", {"gain": 1.0, "seed": None}),
    "identity": ("Identity", {"gain": 1.0}),
    "zero": ("Zeros", {}),
    "zeros": ("Zeros", {}),
    "one": ("Ones", {}),
    "ones": ("Ones", {}),
}
_KERAS1_ORTHOGONAL_GAIN: Final = 1.1

_SCALED_INITIALIZERS: Final[Mapping[tuple[float, str, str], str]] = {
    (1.0, "fan_avg", "uniform"): "GlorotUniform",
    (1.0, "fan_avg", "truncated_normal"): "GlorotNormal",
    (2.0, "fan_in", "uniform"): "HeUniform",
    (2.0, "fan_in", "truncated_normal"): "HeNormal",
    (1.0, "fan_in", "uniform"): "LecunUniform",
    (1.0, "fan_in", "truncated_normal"): "LecunNormal",
}
"""What Keras calls these scales, fans and distributions of VarianceScaling; all others keep that name."""

KERAS_INITIALIZERS: Final = frozenset(
    {name for name, _ in _INITIALIZER_NAMES.values()} | {"VarianceScaling", "Constant", "STFT"}
)
KERAS_REGULARIZERS: Final = frozenset({"L1", "L2", "L1L2", "OrthogonalRegularizer"})
KERAS_CONSTRAINTS: Final = frozenset({"MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm"})

_CONSTRAINT_NAMES: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "maxnorm": ("MaxNorm", {"max_value": 2, "axis": 0}),
    "nonneg": ("NonNeg", {}),
    "unitnorm": ("UnitNorm", {"axis": 0}),
    "minmaxnorm": ("MinMaxNorm", {"min_value": 0.0, "max_value": 1.0, "rate": 1.0, "axis": 0}),
}


def keras_object(kind: str, class_name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return Keras 3's form of a built-in object; `kind` is the module: "initializers", "regularizers",
    "constraints".
    """
    return {
        "module": f"keras.{kind}",
        "class_name": class_name,
        "config": dict(config),
        "registered_name": None,
    }


def upgrade_initializer(value: Any, *, keras1: bool = False) -> Any:
    """Return an initializer in Keras 3 form: from a name, or from `{"class_name", "config"}`."""
    if isinstance(value, str) and value.lower() in _INITIALIZER_NAMES:
        class_name, config = _INITIALIZER_NAMES[value.lower()]
        if keras1 and class_name == "Orthogonal":
            config = {"gain": _KERAS1_ORTHOGONAL_GAIN, "seed": None}
        return keras_object("initializers", class_name, config)
    parts = _serialized(value)
    if parts is None:
        return value
    class_name, config = parts
    if class_name in _INITIALIZER_NAMES and not config:
        return upgrade_initializer(class_name)
    if class_name not in KERAS_INITIALIZERS:
        return value
    axes = {"input_axes", "output_axes"}
    config = {
        key: item for key, item in config.items() if key != "dtype" and (key not in axes or item is not None)
    }
    if class_name == "VarianceScaling" and not axes & config.keys():
        class_name, config = _scaled_initializer(config)
    return keras_object("initializers", class_name, config)


def _scaled_initializer(config: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the special name of a VarianceScaling where it has one. "normal" has always meant a truncated
    one.
    """
    if config.get("distribution") == "normal":
        config["distribution"] = "truncated_normal"
    scale = config.get("scale", 1.0)
    key = (scale, config.get("mode", "fan_in"), config.get("distribution", "truncated_normal"))
    if (
        isinstance(scale, int | float)
        and all(isinstance(part, str) for part in key[1:])
        and key in _SCALED_INITIALIZERS
    ):
        return _SCALED_INITIALIZERS[key], {"seed": config.get("seed")}
    return "VarianceScaling", config


def upgrade_regularizer(value: Any) -> Any:
    """Return a regularizer in Keras 3 form: from a name, from Keras 1's `{"name", "l1", "l2"}`, or
    serialized.
    """
    if isinstance(value, str):
        strengths = {"l1": ("L1", {"l1": 0.01}), "l2": ("L2", {"l2": 0.01})}
        if value.lower() in strengths:
            return keras_object("regularizers", *strengths[value.lower()])
        both = value.lower() in {"l1l2", "l1_l2"}
        return keras_object("regularizers", "L1L2", {"l1": 0.01, "l2": 0.01}) if both else value
    if isinstance(value, dict) and value.get("name") in {
        "WeightRegularizer",
        "ActivityRegularizer",
        "L1L2Regularizer",
    }:
        return keras_object("regularizers", "L1L2", {"l1": value.get("l1", 0.0), "l2": value.get("l2", 0.0)})
    parts = _serialized(value)
    if parts is None or parts[0] not in KERAS_REGULARIZERS:
        return value
    return keras_object("regularizers", *parts)


def upgrade_constraint(value: Any) -> Any:
    """Return a constraint in Keras 3 form: from a name, from Keras 1's `{"name", "m", "axis"}`, or
    serialized.
    """
    if isinstance(value, str):
        known = _CONSTRAINT_NAMES.get(value.lower().replace("_", ""))
        return keras_object("constraints", *known) if known is not None else value
    if isinstance(value, dict) and "class_name" not in value and value.get("name") in KERAS_CONSTRAINTS:
        config = {("max_value" if key == "m" else key): item for key, item in value.items() if key != "name"}
        return keras_object("constraints", value["name"], config)
    parts = _serialized(value)
    if parts is None or parts[0] not in KERAS_CONSTRAINTS:
        return value
    return keras_object("constraints", *parts)


def upgrade_activation(value: Any, *, keras3: bool = False) -> Any:
    """Return the name of an activation function that Keras 3 has; anything else unchanged.

    `keras3` says that the value was written by Keras 3, where "hard_sigmoid" has its new meaning.
    """
    if value is None:
        return "linear"
    name = value if isinstance(value, str) else _function_name(value)
    if name is None:
        return HARD_SIGMOID_02 if is_hard_sigmoid_02(value) else value
    name = _ACTIVATION_NAMES.get(name, name)
    if name == "hard_sigmoid" and not keras3:
        return HARD_SIGMOID_02
    return name if name in KERAS3_ACTIVATIONS or isinstance(value, str) else value


def hard_sigmoid_02_object() -> dict[str, Any]:
    """Return the old hard sigmoid as an object that Keras 3 can load as an activation: 0.2 x + 0.5, cut to
    0…1.
    """
    steps = [("Rescaling", {"scale": 0.2, "offset": 0.5}), ("ReLU", {"max_value": 1.0})]
    layers = [keras_object("layers", class_name, config) for class_name, config in steps]
    return keras_object("layers", "Pipeline", {"layers": layers, "name": HARD_SIGMOID_02})


def is_hard_sigmoid_02(value: Any) -> bool:
    """Whether a serialized activation is the object above, as written by us or again by Keras."""
    parts = _serialized(value)
    if parts is None or parts[0] != "Pipeline" or not isinstance(parts[1].get("layers"), list):
        return False
    steps = [step for layer in parts[1]["layers"] if (step := _serialized(layer)) is not None]
    if len(steps) != 2:
        return False
    (first, scaling), (second, cut) = steps
    is_scaling = first == "Rescaling" and (scaling.get("scale"), scaling.get("offset")) == (0.2, 0.5)
    return is_scaling and second == "ReLU" and cut.get("max_value") == 1.0 and not cut.get("negative_slope")


def upgrade_dtype(value: Any) -> Any:
    """Return the name of a dtype or dtype policy; quantization policies and maps stay as they are."""
    parts = _serialized(value)
    if parts is None:
        return _DTYPE_NAMES.get(value, value) if isinstance(value, str) else value
    if parts[0] in {"DTypePolicy", "Policy", "PolicyV1", "FloatDTypePolicy"} and isinstance(
        parts[1].get("name"), str
    ):
        return parts[1]["name"]
    return value


def dtype_policy(value: Any) -> Any:
    """Return Keras 3's serialized form of a dtype policy's name."""
    if not isinstance(value, str):
        return value
    return {
        "module": "keras",
        "class_name": "DTypePolicy",
        "config": {"name": value},
        "registered_name": None,
    }


def _serialized(value: Any) -> tuple[str, dict[str, Any]] | None:
    """Return the class and config of a serialized object, or None if the value is something else."""
    if not isinstance(value, dict) or not isinstance(value.get("class_name"), str):
        return None
    config = value.get("config")
    return (value["class_name"], dict(config)) if isinstance(config, dict) else None


def _function_name(value: Any) -> str | None:
    """Return the name of a serialized function."""
    if (
        isinstance(value, dict)
        and value.get("class_name") == "function"
        and isinstance(value.get("config"), str)
    ):
        return str(value["config"])
    return None
