"""Operations whose arguments Keras and TensorFlow combine differently: slices, splits, paddings, products,
resizing.

Each has a function that reads the TensorFlow call and one that writes it; both return None where the other
side has no word for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import accumulate, pairwise
from typing import Any, Final

import msgspec

from transpiler.dialects.keras.model import Call, TensorRef, tensors_in


class Operation(msgspec.Struct, frozen=True):
    """A node of Keras 3: the class, its module below `keras.src.ops`, its config, and the call."""

    class_name: str
    module: str
    config: Mapping[str, Any]
    call: Call


class FunctionCall(msgspec.Struct, frozen=True):
    """A node of tf.keras: the TensorFlow function, its first argument, and all others by name."""

    function: str
    first: Any
    kwargs: Mapping[str, Any] = msgspec.field(default_factory=dict)


SLICING_FUNCTION: Final = "__operators__.getitem"
_NORMALIZE: Final = "math.l2_normalize"

_PAD_MODES: Final = ("constant", "reflect", "symmetric")
_TRANSPOSED_PRODUCTS: Final[Mapping[tuple[bool, bool], str]] = {
    (False, True): "...ij,...kj->...ik",
    (True, False): "...ji,...jk->...ik",
    (True, True): "...ji,...kj->...ik",
}
"""matmul(transpose_a, transpose_b) as an einsum: Keras has no transposing product, and no rank is known
here.
"""

_RESIZE_METHODS: Final = ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")


def _read_getitem(call: FunctionCall) -> Operation | None:
    key = call.kwargs.get("slice_spec")
    return (
        Operation("GetItem", "numpy", {}, Call((call.first, key)))
        if set(call.kwargs) <= {"slice_spec"}
        else None
    )


def _write_getitem(config: Mapping[str, Any], call: Call) -> FunctionCall | None:
    if len(call.args) != 2 or call.kwargs:
        return None
    return FunctionCall(SLICING_FUNCTION, call.args[0], {"slice_spec": call.args[1]})


def _read_split(call: FunctionCall) -> Operation | None:
    sizes, axis = call.kwargs.get("num_or_size_splits"), call.kwargs.get("axis", 0)
    if isinstance(sizes, list):
        if not all(isinstance(size, int) for size in sizes) or -1 in sizes[:-1]:
            return None
        sizes = list(accumulate(sizes[:-1]))
    if not isinstance(sizes, int | list):
        return None
    return Operation("Split", "numpy", {"indices_or_sections": sizes, "axis": axis}, Call((call.first,)))


def _write_split(config: Mapping[str, Any], call: Call) -> FunctionCall | None:
    sections, axis = config.get("indices_or_sections"), config.get("axis", 0)
    if isinstance(sections, list | tuple):
        if not sections or any(not isinstance(index, int) or index < 0 for index in sections):
            return None
        sections = [*(after - before for before, after in pairwise([0, *sections])), -1]
    return FunctionCall("split", call.args[0], {"num_or_size_splits": sections, "axis": axis})


def _read_pad(call: FunctionCall) -> Operation | None:
    mode = str(call.kwargs.get("mode", "CONSTANT")).lower()
    paddings, value = call.kwargs.get("paddings"), call.kwargs.get("constant_values", 0)
    if mode not in _PAD_MODES or not isinstance(paddings, list) or any(tensors_in(paddings)):
        return None
    kwargs = {"constant_values": value} if mode == "constant" else {}
    return Operation("Pad", "numpy", {"pad_width": paddings, "mode": mode}, Call((call.first,), kwargs))


def _write_pad(config: Mapping[str, Any], call: Call) -> FunctionCall | None:
    mode = config.get("mode", "constant")
    if mode not in _PAD_MODES:
        return None
    kwargs = {"paddings": config.get("pad_width"), "mode": mode.upper()}
    value = call.kwargs.get("constant_values")
    if mode == "constant":
        kwargs["constant_values"] = 0 if value is None else value
    return FunctionCall("pad", call.args[0], kwargs)


def _read_matmul(call: FunctionCall) -> Operation | None:
    transposed = (bool(call.kwargs.get("transpose_a")), bool(call.kwargs.get("transpose_b")))
    others = {
        key: value for key, value in call.kwargs.items() if key not in ("b", "transpose_a", "transpose_b")
    }
    if any(others.values()) or "b" not in call.kwargs:
        return None
    operands = Call((call.first, call.kwargs["b"]))
    if not any(transposed):
        return Operation("Matmul", "numpy", {}, operands)
    return Operation("Einsum", "numpy", {"subscripts": _TRANSPOSED_PRODUCTS[transposed]}, operands)


def _write_matmul(config: Mapping[str, Any], call: Call) -> FunctionCall | None:
    return FunctionCall("linalg.matmul", call.args[0], {"b": call.args[1]}) if len(call.args) == 2 else None


def _write_einsum(config: Mapping[str, Any], call: Call) -> FunctionCall | None:
    """tf.keras loses the operands of an einsum when it writes one; products of two matrices have another
    name.
    """
    subscripts = str(config.get("subscripts")).replace(" ", "")
    for (transpose_a, transpose_b), known in _TRANSPOSED_PRODUCTS.items():
        if subscripts == known and len(call.args) == 2:
            kwargs = {"b": call.args[1], "transpose_a": transpose_a, "transpose_b": transpose_b}
            return FunctionCall("linalg.matmul", call.args[0], kwargs)
    return None


def _read_resize(call: FunctionCall) -> Operation | None:
    method, size = call.kwargs.get("method", "bilinear"), call.kwargs.get("size")
    known = {"method", "size", "antialias", "preserve_aspect_ratio", "name"}
    if (
        not set(call.kwargs) <= known
        or call.kwargs.get("preserve_aspect_ratio")
        or method not in _RESIZE_METHODS
    ):
        return None
    if not isinstance(size, list) or not all(isinstance(part, int) for part in size):
        return None
    config = {"size": size, "interpolation": method, "antialias": bool(call.kwargs.get("antialias", False))}
    return Operation("Resize", "image", {**config, "data_format": "channels_last"}, Call((call.first,)))


def _write_resize(config: Mapping[str, Any], call: Call) -> FunctionCall | None:
    method = config.get("interpolation", "bilinear")
    keeps_aspect = config.get("crop_to_aspect_ratio") or config.get("pad_to_aspect_ratio")
    if keeps_aspect or config.get("data_format") == "channels_first" or method not in _RESIZE_METHODS:
        return None
    kwargs = {"size": config.get("size"), "method": method, "antialias": bool(config.get("antialias", False))}
    return FunctionCall("image.resize", call.args[0], kwargs)


def _read_normalize(call: FunctionCall) -> Operation | None:
    """Keras bounds the norm where TensorFlow bounds its square."""
    epsilon = call.kwargs.get("epsilon", 1e-12)
    if not isinstance(epsilon, int | float) or epsilon <= 0:
        return None
    config = {"axis": call.kwargs.get("axis"), "order": 2, "epsilon": math.sqrt(epsilon)}
    return Operation("Normalize", "nn", config, Call((call.first,)))


def _write_normalize(config: Mapping[str, Any], call: Call) -> FunctionCall | None:
    epsilon = config.get("epsilon")
    if config.get("order", 2) != 2:
        return None
    epsilon = 1e-7 if epsilon is None else epsilon  # Keras's own fuzz factor
    return FunctionCall(_NORMALIZE, call.args[0], {"axis": config.get("axis", -1), "epsilon": epsilon**2})


def _read_elu(call: FunctionCall) -> Operation | None:
    return Operation("Elu", "nn", {"alpha": 1.0}, Call((call.first,)))


def _write_elu(config: Mapping[str, Any], call: Call) -> FunctionCall | None:
    return FunctionCall("nn.elu", call.args[0]) if config.get("alpha", 1.0) == 1.0 else None


def _read_round(call: FunctionCall) -> Operation | None:
    return Operation("Round", "numpy", {"decimals": 0}, Call((call.first,)))


def _write_round(config: Mapping[str, Any], call: Call) -> FunctionCall | None:
    return FunctionCall("math.round", call.args[0]) if config.get("decimals", 0) == 0 else None


def _read_reshape(call: FunctionCall) -> Operation | None:
    """Read a shape of which one size is computed in the graph as one where that size follows from the
    others.
    """
    shape = call.kwargs.get("shape")
    if isinstance(shape, int):
        shape = [shape]
    if not isinstance(shape, list):
        return None
    unknown = [size for size in shape if isinstance(size, TensorRef) or size == -1]
    if len(unknown) > 1 or not all(isinstance(size, int | TensorRef) for size in shape):
        return None
    sizes = [-1 if isinstance(size, TensorRef) else size for size in shape]
    return Operation("Reshape", "numpy", {"newshape": sizes}, Call((call.first,)))


def _write_reshape(config: Mapping[str, Any], call: Call) -> FunctionCall | None:
    shape = config.get("newshape")
    if isinstance(shape, int):
        shape = [shape]
    if not isinstance(shape, list | tuple) or sum(size in (None, -1) for size in shape) > 1:
        return None
    return FunctionCall("reshape", call.args[0], {"shape": [-1 if size is None else size for size in shape]})


SPECIAL_READERS: Final[Mapping[str, Callable[[FunctionCall], Operation | None]]] = {
    SLICING_FUNCTION: _read_getitem,
    "split": _read_split,
    "pad": _read_pad,
    "compat.v1.pad": _read_pad,
    "linalg.matmul": _read_matmul,
    "image.resize": _read_resize,
    "nn.elu": _read_elu,
    _NORMALIZE: _read_normalize,
    "math.round": _read_round,
    "reshape": _read_reshape,
}

SPECIAL_WRITERS: Final[Mapping[str, Callable[[Mapping[str, Any], Call], FunctionCall | None]]] = {
    "GetItem": _write_getitem,
    "Split": _write_split,
    "Pad": _write_pad,
    "Matmul": _write_matmul,
    "Einsum": _write_einsum,
    "Resize": _write_resize,
    "Elu": _write_elu,
    "Normalize": _write_normalize,
    "Round": _write_round,
    "Reshape": _write_reshape,
}
