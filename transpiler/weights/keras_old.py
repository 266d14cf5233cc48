"""Arrays of old Keras files as Keras 2 on TensorFlow would hold them.

Facts are from the sources of Keras 1.2.2, and from `preprocess_weights_for_loading` of Keras 2.3.1, which does the same
when it loads such files: Keras 1 kept the kernels of `th` models as [filters, inputs, rows, columns], and one array a
gate in recurrent layers; Theano turns kernels around, TensorFlow does not; CuDNN's layers transpose their kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from transpiler.ir import LazyArray
from transpiler.weights.lazy import computed, joined, moved, reshaped, reversed_along
from transpiler.weights.unreadable import misshapen, unsupported

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[Any, np.dtype[Any]]

Arrays = list[LazyArray]
Config = Mapping[str, Any]


class Era(msgspec.Struct, frozen=True):
    """Which Keras wrote the arrays, on what."""

    is_keras1: bool = False
    backend: str | None = None

    @property
    def on_theano(self) -> bool:
        return self.backend == "theano"


TURNED: Final = {"Conv1D": 1, "Conv2D": 2, "Conv3D": 3, "Conv2DTranspose": 2, "ConvLSTM2D": 2}
"""Classes whose kernels Theano turns around, and how many axes."""


def as_keras2(class_name: str, config: Config, arrays: Arrays, era: Era) -> Arrays:
    """A layer's arrays in the order and form of Keras 2 on TensorFlow. Raises Unreadable where that cannot be said.

    The class and the config are in today's words; `arrays` is as stored.
    """
    inner = config.get("layer")
    if class_name == "Bidirectional" and isinstance(inner, Mapping):
        half = len(arrays) // 2
        back = config.get("backward_layer")
        back = back if isinstance(back, Mapping) else inner
        return _inner(inner, arrays[:half], era) + _inner(back, arrays[half:], era)
    if class_name == "TimeDistributed" and isinstance(inner, Mapping):
        return _inner(inner, arrays, era)
    try:
        if era.is_keras1 and class_name in _KERAS1:
            arrays = _KERAS1[class_name](config, arrays)
        if era.on_theano:
            arrays = _turned(class_name, arrays)
        if class_name in ("LSTM", "GRU") and len(arrays) == 3:
            arrays = _without_cudnn(class_name, arrays)
    except (ValueError, IndexError) as error:
        raise misshapen(f"arrays of a {class_name} layer do not fit each other: {error}") from None
    return arrays


def _inner(layer: Config, arrays: Arrays, era: Era) -> Arrays:
    config = layer.get("config")
    return as_keras2(str(layer.get("class_name")), config if isinstance(config, Mapping) else {}, arrays, era)


def _turned(class_name: str, arrays: Arrays) -> Arrays:
    if class_name == "Conv3DTranspose" and arrays:
        raise unsupported(
            "nobody has written down how Theano's kernels of a Conv3DTranspose are turned",
            "save the weights again from Keras on TensorFlow",
        )
    axes = range(TURNED.get(class_name, 0))
    kernels = 2 if class_name == "ConvLSTM2D" else 1
    if not (axes and arrays):
        return arrays
    return [reversed_along(array, axes) for array in arrays[:kernels]] + arrays[kernels:]


def _first_moved(arrays: Arrays, axes: Sequence[int]) -> Arrays:
    return [moved(arrays[0], axes), *arrays[1:]] if arrays else arrays


def _channels_first(config: Config) -> bool:
    return config.get("data_format") == "channels_first"


def _conv1d(config: Config, arrays: Arrays) -> Arrays:
    """Keras 1 has the kernel as [length, 1, inputs, filters], before 1.1 as [filters, inputs, length, 1]."""
    if not arrays or len(arrays[0].shape) != 4:
        return arrays
    size = config.get("kernel_size")
    length = size[0] if isinstance(size, (list, tuple)) and size else size
    kernel = arrays[0]
    if kernel.shape[:2] != (length, 1) or kernel.shape[3] != config.get("filters"):
        kernel = moved(kernel, (2, 3, 1, 0))
    if kernel.shape[1] != 1:
        raise ValueError(f"a kernel has the shape {list(kernel.shape)}")
    return [reshaped(kernel, (kernel.shape[0], *kernel.shape[2:])), *arrays[1:]]


def _conv2d(config: Config, arrays: Arrays) -> Arrays:
    return _first_moved(arrays, (2, 3, 1, 0)) if _channels_first(config) else arrays


def _conv3d(config: Config, arrays: Arrays) -> Arrays:
    return _first_moved(arrays, (2, 3, 4, 1, 0)) if _channels_first(config) else arrays


def _transposed2d(config: Config, arrays: Arrays) -> Arrays:
    return _first_moved(arrays, (2, 3, 0, 1) if _channels_first(config) else (0, 1, 3, 2))


def _separable2d(config: Config, arrays: Arrays) -> Arrays:
    if not _channels_first(config):
        return arrays
    return [moved(array, (2, 3, 1, 0)) for array in arrays[:2]] + arrays[2:]


def _gates(arrays: Arrays, order: Sequence[int]) -> Arrays:
    """One array a kernel of one array a gate: kernel, recurrent kernel, bias; `order` is that of today's gates."""
    return [joined([arrays[3 * gate + i] for gate in order]) for i in range(3)]


_LSTM_GATES: Final = (0, 2, 1, 3)
"""Keras 1 has the gates in the order i, c, f, o; today's is i, f, c, o."""


def _lstm(config: Config, arrays: Arrays) -> Arrays:
    return _gates(arrays, _LSTM_GATES) if len(arrays) == 12 else arrays


def _gru(config: Config, arrays: Arrays) -> Arrays:
    return _gates(arrays, (0, 1, 2)) if len(arrays) == 9 else arrays


def _conv_lstm2d(config: Config, arrays: Arrays) -> Arrays:
    if len(arrays) != 12:
        return arrays
    if _channels_first(config):
        arrays = [moved(array, (2, 3, 1, 0)) if len(array.shape) == 4 else array for array in arrays]
    return _gates(arrays, _LSTM_GATES)


_KERAS1: Final[Mapping[str, Callable[[Config, Arrays], Arrays]]] = {
    "Conv1D": _conv1d,
    "Conv2D": _conv2d,
    "Conv3D": _conv3d,
    "Conv2DTranspose": _transposed2d,
    "SeparableConv2D": _separable2d,
    "LSTM": _lstm,
    "GRU": _gru,
    "ConvLSTM2D": _conv_lstm2d,
}


def _without_cudnn(class_name: str, arrays: Arrays) -> Arrays:
    """Arrays of a CuDNNLSTM or CuDNNGRU, told by their second bias, as those of the plain layer."""
    kernel, recurrent, bias = arrays
    gates = 4 if class_name == "LSTM" else 3
    units = recurrent.shape[0]
    if bias.shape != (2 * gates * units,):
        return arrays
    return [
        computed(
            kernel, kernel.shape, lambda x: _each_gate(x, gates, lambda k: k.T.reshape(k.shape, order="F"))
        ),
        computed(recurrent, recurrent.shape, lambda x: _each_gate(x, gates, lambda k: k.T)),
        computed(bias, (gates * units,), lambda x: x.reshape(2, -1).sum(axis=0))
        if class_name == "LSTM"
        else reshaped(bias, (2, gates * units)),
    ]


def _each_gate(kernels: Numbers, gates: int, function: Callable[[Numbers], Numbers]) -> Numbers:
    import numpy as np

    return np.hstack([function(kernel) for kernel in np.hsplit(kernels, gates)])
