"""The learned arrays of every Keras layer class: their names, whether they are trained, and where Keras 3 keeps them.

The order is that of `layer.weights` of Keras 3, which is also that of the dialect's rows. Places are those that
keras/src/saving/saving_lib.py (Keras 3.15) walks: the attributes that hold inner layers, `vars` and a number in them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from transpiler.dialects.keras.defaults import is_keras2_layer, is_keras3_layer

Config = Mapping[str, Any]


class Variable(msgspec.Struct, frozen=True):
    """One array. `places`: inner layer (a path, "" for the layer itself) and number, more than one if kept twice."""

    name: str
    places: tuple[tuple[str, int], ...]
    is_trained: bool = True

    @property
    def place(self) -> str:
        return self.places[0][0]

    def inside(self, part: str) -> Variable:
        """The same variable as a layer has it that keeps this one's layer in its attribute `part`."""
        places = tuple((f"{part}/{place}" if place else part, number) for place, number in self.places)
        return msgspec.structs.replace(self, name=f"{part}/{self.name}", places=places)


def variables(class_name: str, config: Config) -> tuple[Variable, ...] | None:
    """The arrays of a layer; inner layers stand in the config as `class_name` and `config`. None: nobody knows."""
    composite = _COMPOSITES.get(class_name)
    if composite is not None:
        return composite(config)
    own = _OWN.get(class_name)
    if own is not None and not config.get("renorm", False):
        return _numbered(own(config))
    is_known = is_keras3_layer(class_name) or is_keras2_layer(class_name) or class_name in _WITHOUT_ARRAYS
    return () if is_known and class_name not in _OPEN and own is None else None


_OPEN: Final = frozenset(
    {
        "AbstractRNNCell",
        "DenseFeatures",
        "FlaxLayer",
        "JaxLayer",
        "Pipeline",
        "STFTSpectrogram",
        "TFSMLayer",
        "TorchModuleWrapper",
        "Wrapper",
    }
)
"""Classes that may have any arrays."""
_WITHOUT_ARRAYS: Final = frozenset(
    {
        "LRN2D",
        "Merge",
        "SlicingOpLambda",
        "TFOpLambda",
        "TensorFlowOpLayer",
    }
)
"""Classes of old files that have none."""


def _numbered(names: Sequence[str]) -> tuple[Variable, ...]:
    return tuple(
        Variable(name.removeprefix(_FROZEN), (("", number),), not name.startswith(_FROZEN))
        for number, name in enumerate(names)
    )


_FROZEN: Final = "~"
"""Before the name of a variable that training does not change by its gradient."""


def _if(*choices: tuple[str, str, bool]) -> Callable[[Config], list[str]]:
    """Variables that are there if a setting says so: the setting ("" for always), its default, the variable."""
    return lambda config: [
        name for name, setting, default in choices if not setting or config.get(setting, default)
    ]


def _always(*names: str) -> Callable[[Config], list[str]]:
    return _if(*((name, "", True) for name in names))


_KERNEL: Final = _if(("kernel", "", True), ("bias", "use_bias", True))
_CELL: Final = _if(("kernel", "", True), ("recurrent_kernel", "", True), ("bias", "use_bias", True))
_SEPARABLE: Final = _if(
    ("depthwise_kernel", "", True), ("pointwise_kernel", "", True), ("bias", "use_bias", True)
)
_AFFINE: Final = _if(("gamma", "scale", True), ("beta", "center", True))


def _einsum(config: Config) -> list[str]:
    return ["kernel"] if config.get("bias_axes") is None else ["kernel", "bias"]


def _batch_normalization(config: Config) -> list[str]:
    return [*_AFFINE(config), "~moving_mean", "~moving_variance"]


def _normalization(config: Config) -> list[str]:
    return ["~mean", "~variance", "~count"] if config.get("mean") is None else []


def _attention(config: Config) -> list[str]:
    concat = config.get("score_mode", "dot") == "concat"
    return (["scale"] if config.get("use_scale", False) else []) + ["concat_score_weight"] * concat


def _highway(config: Config) -> list[str]:
    biased = config.get("use_bias", True)
    return ["kernel", "carry_kernel", *(("bias", "carry_bias") if biased else ())]


def _reversible(config: Config) -> list[str]:
    return ["embeddings"] if config.get("tie_weights", True) else ["embeddings", "reverse_embeddings"]


_OWN: Final[Mapping[str, Callable[[Config], list[str]]]] = {
    **dict.fromkeys(
        (
            "Dense", "Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose",
            "DepthwiseConv1D", "DepthwiseConv2D", "LocallyConnected1D", "LocallyConnected2D", "MaxoutDense",
        ),
        _KERNEL,
    ),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), _SEPARABLE),
    **dict.fromkeys(("SimpleRNNCell", "LSTMCell", "GRUCell", "ConvLSTMCell"), _CELL),
    **dict.fromkeys(("LayerNormalization", "GroupNormalization"), _AFFINE),
    "EinsumDense": _einsum,
    "Embedding": _always("embeddings"),
    "ReversibleEmbedding": _reversible,
    "BatchNormalization": _batch_normalization,
    "RMSNormalization": _always("scale"),
    "PReLU": _always("alpha"),
    "Attention": _attention,
    "AdditiveAttention": _if(("scale", "use_scale", True)),
    "Normalization": _normalization,
    "Highway": _highway,
    "SReLU": _always("t_left", "a_left", "t_right", "a_right"),
    "ParametricSoftplus": _always("alpha", "beta"),
}  # fmt: skip
"""Variables of the layer itself, in the order of their numbers."""


def _inner(config: Config, key: str) -> tuple[Variable, ...] | None:
    layer = config.get(key)
    if not isinstance(layer, Mapping) or not isinstance(layer.get("config"), Mapping):
        return None
    return variables(str(layer.get("class_name")), layer["config"])


def _all_inside(part: str, found: tuple[Variable, ...] | None) -> tuple[Variable, ...] | None:
    return None if found is None else tuple(variable.inside(part) for variable in found)


def _recurrent(config: Config) -> tuple[Variable, ...] | None:
    return _all_inside("cell", _numbered(_CELL(config)))


def _rnn(config: Config) -> tuple[Variable, ...] | None:
    return _all_inside("cell", _inner(config, "cell"))


def _stacked(config: Config) -> tuple[Variable, ...] | None:
    found: list[Variable] = []
    names = ContainerNames()
    cells = config.get("cells")
    for cell in cells if isinstance(cells, list) else ():
        inside = _inner({"cell": cell}, "cell")
        if inside is None:
            return None
        part = f"cells/{names.next(str(cell['class_name']))}"
        found += [variable.inside(part) for variable in inside]
    return tuple(found)


def _time_distributed(config: Config) -> tuple[Variable, ...] | None:
    return _all_inside("layer", _inner(config, "layer"))


def _bidirectional(config: Config) -> tuple[Variable, ...] | None:
    ahead = _inner(config, "layer")
    back = ahead if config.get("backward_layer") is None else _inner(config, "backward_layer")
    if ahead is None or back is None:
        return None
    return tuple(
        variable.inside(part)
        for part, inside in (("forward_layer", ahead), ("backward_layer", back))
        for variable in inside
    )


def _spectral(config: Config) -> tuple[Variable, ...] | None:
    """The wrapper tracks the inner kernel as its own too, and so keeps it twice."""
    inside = _time_distributed(config)
    if not inside:
        return inside
    kernel = msgspec.structs.replace(inside[0], places=(*inside[0].places, ("", 0)))
    return (kernel, Variable("vector_u", (("", 1),), is_trained=False), *inside[1:])


def _heads(underscored: str) -> Callable[[Config], tuple[Variable, ...]]:
    """Layers with one EinsumDense a role; `underscored`: before the attributes that hold them."""

    def found(config: Config) -> tuple[Variable, ...]:
        gate = ("_gate_dense",) if config.get("use_gate", False) else ()
        parts = [f"{underscored}query_dense", f"{underscored}key_dense", *gate]
        parts += [f"{underscored}value_dense", f"{underscored}output_dense"]
        return tuple(variable.inside(part) for part in parts for variable in _numbered(_KERNEL(config)))

    return found


_COMPOSITES: Final[Mapping[str, Callable[[Config], tuple[Variable, ...] | None]]] = {
    **dict.fromkeys(("SimpleRNN", "LSTM", "GRU", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"), _recurrent),
    "RNN": _rnn,
    "StackedRNNCells": _stacked,
    "TimeDistributed": _time_distributed,
    "Bidirectional": _bidirectional,
    "SpectralNormalization": _spectral,
    "MultiHeadAttention": _heads(""),
    "GroupQueryAttention": _heads("_"),
    "GroupedQueryAttention": _heads("_"),
}

_PYTHON_NAMES: Final = {"GroupQueryAttention": "GroupedQueryAttention", "Model": "Functional"}
"""Classes that go by another name in Python than in files."""


class ContainerNames:
    """The names of layers in a list: their class in snake case, from the second of a class on with a number."""

    def __init__(self) -> None:
        self._used: dict[str, int] = {}

    def next(self, class_name: str) -> str:
        """The name of the next layer of the list."""
        base = container_name(class_name)
        number = self._used.get(base, 0)
        self._used[base] = number + 1
        return f"{base}_{number}" if number else base


def container_name(class_name: str) -> str:
    """A class name as Keras 3 spells it in containers: Conv2DTranspose is conv2d_transpose, PReLU p_re_lu."""
    name = _PYTHON_NAMES.get(class_name, class_name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
