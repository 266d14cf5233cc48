"""Keras' initializers as distributions with numbers. Source: keras/src/initializers; sizes as Keras stores arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from transpiler.ir import Attr, Node, Op
from transpiler.ops.convolution import Conv, ConvTranspose, DepthwiseConv, SeparableConv
from transpiler.ops.dense import Dense, Embedding
from transpiler.ops.recurrent import LSTM, Cell, LSTMCell
from transpiler.ops.wrappers import Bidirectional, SpectralNorm, TimeDistributed

Rule = Mapping[str, Attr]
Path = tuple[str, ...]
TRUNCATION: Final = 0.87962566103423978
"""The standard deviation of a normal distribution cut at two of its own."""
_SCALED: Final[Mapping[str, tuple[float, str, str]]] = {
    "GlorotUniform": (1.0, "fan_avg", "uniform"),
    "GlorotNormal": (1.0, "fan_avg", "truncated_normal"),
    "HeUniform": (2.0, "fan_in", "uniform"),
    "HeNormal": (2.0, "fan_in", "truncated_normal"),
    "LecunUniform": (1.0, "fan_in", "uniform"),
    "LecunNormal": (1.0, "fan_in", "truncated_normal"),
}
_ZEROS: Final[Rule] = {"kind": "constant", "value": 0.0}
_ONES: Final[Rule] = {"kind": "constant", "value": 1.0}


def rule_of(node: Node, role: str, shape: tuple[int, ...]) -> tuple[Rule | None, tuple[Path, ...]]:
    """What initializes the array of a role, and where that is written; Keras' own default where nothing is."""
    op, part, config, path = _inner(node, role)
    key = _key(op, part)
    given = config.get(key)
    if isinstance(given, Mapping):
        return rule(
            str(given.get("class_name")), dict(given.get("config") or {}), _own_shape(op, part, shape)
        ), ((*path, key),)
    return _default(op, part, config, shape), ()


def _inner(node: Node, role: str) -> tuple[Op, str, Mapping[str, Any], Path]:
    """The op inside wrappers that owns the role, the role there, its native fields and where they are."""
    kept: Any = node.native("keras")
    match node.op:
        case Bidirectional(forward=forward, backward=backward):
            ahead = role.startswith("forward_")
            field = "layer" if ahead else "backward_layer"
            config = (kept.get(field) or {}).get("config") if isinstance(kept.get(field), Mapping) else None
            if config is None:
                field, config = "layer", (kept.get("layer") or {}).get("config")
            return (forward if ahead else backward), role.partition("_")[2], config or {}, (field, "config")
        case TimeDistributed(inner=inner) | SpectralNorm(inner=inner):
            config = (kept.get("layer") or {}).get("config")
            return inner, role, config or {}, ("layer", "config")
        case op:
            return op, role, kept, ()


def _key(op: Op, role: str) -> str:
    """The field of Keras' config that initializes a role."""
    match op, role:
        case DepthwiseConv(), "kernel":
            return "depthwise_initializer"
        case _, "depthwise_kernel":
            return "depthwise_initializer"
        case _, "pointwise_kernel":
            return "pointwise_initializer"
        case Embedding(), "kernel":
            return "embeddings_initializer"
        case _, "mean" | "variance":
            return f"moving_{role}_initializer"
        case _ if role.endswith("_kernel") and role != "recurrent_kernel":
            return "kernel_initializer"
        case _ if role.endswith("_bias"):
            return "bias_initializer"
        case _:
            return f"{role}_initializer"


def _default(op: Op, role: str, config: Mapping[str, Any], shape: tuple[int, ...]) -> Rule:
    match op, role:
        case ((LSTM() | LSTMCell()), "bias") if config.get("unit_forget_bias", True) and shape:
            units = shape[0] // 4
            return {"kind": "blocks", "blocks": [[units, 0.0], [units, 1.0], [2 * units, 0.0]]}
        case Embedding(), "kernel":
            return {"kind": "uniform", "low": -0.05, "high": 0.05}
        case _, "recurrent_kernel" if isinstance(op, Cell):
            return {"kind": "orthogonal", "gain": 1.0}
        case _, "gamma" | "variance" | "scale":
            return _ONES
        case _ if role == "kernel" or role.endswith("_kernel"):
            return scaled(1.0, "fan_avg", "uniform", _own_shape(op, role, shape) or (1,))
        case _:
            return _ZEROS


def _own_shape(op: Op, role: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A canonical array's sizes in the order in which Keras stores them."""
    if len(shape) < 2:
        return shape
    match op:
        case DepthwiseConv(multiplier=m) if role == "kernel":
            return (*shape[2:], shape[0] // m, m)
        case SeparableConv(multiplier=m) if role == "depthwise_kernel":
            return (*shape[2:], shape[0] // m, m)
        case Conv() | ConvTranspose() | SeparableConv():
            return (*shape[2:], shape[1], shape[0])
        case Dense() | Cell():
            return shape[::-1]
        case _:
            return shape


def fans(shape: tuple[int, ...]) -> tuple[float, float]:
    """Keras' fan_in and fan_out of an array in Keras' order."""
    if not shape:
        return 1.0, 1.0
    if len(shape) == 1:
        return float(shape[0]), float(shape[0])
    field = math.prod(shape[:-2])
    return float(shape[-2] * field), float(shape[-1] * field)


def scaled(
    scale: float, mode: str, distribution: str, shape: tuple[int, ...], seed: int | None = None
) -> Rule:
    """VarianceScaling."""
    fan_in, fan_out = fans(shape)
    fan = {"fan_in": fan_in, "fan_out": fan_out}.get(mode, (fan_in + fan_out) / 2.0)
    variance = scale / max(1.0, fan)
    match distribution:
        case "uniform":
            reach = math.sqrt(3.0 * variance)
            made: dict[str, Attr] = {"kind": "uniform", "low": -reach, "high": reach}
        case "untruncated_normal":
            made = {"kind": "normal", "mean": 0.0, "stddev": math.sqrt(variance)}
        case _:
            made = {"kind": "truncated_normal", "mean": 0.0, "stddev": math.sqrt(variance) / TRUNCATION}
    return {**made, "seed": seed} if seed is not None else made


def rule(class_name: str, config: Mapping[str, Any], shape: tuple[int, ...]) -> Rule:
    """An initializer of Keras for an array of this shape (Keras' order)."""
    found = config.get("seed")
    seed = found if isinstance(found, int) else None
    more: dict[str, Attr] = {} if seed is None else {"seed": seed}
    match class_name:
        case "Zeros":
            return _ZEROS
        case "Ones":
            return _ONES
        case "Constant":
            return {"kind": "constant", "value": float(config.get("value", 0.0))}
        case "RandomUniform":
            low, high = float(config.get("minval", -0.05)), float(config.get("maxval", 0.05))
            return {"kind": "uniform", "low": low, "high": high, **more}
        case "RandomNormal":
            return {"kind": "normal", **_moments(config), **more}
        case "TruncatedNormal":
            return {"kind": "truncated_normal", **_moments(config), **more}
        case "Orthogonal":
            return {"kind": "orthogonal", "gain": float(config.get("gain", 1.0)), **more}
        case "Identity" if len(shape) == 2:
            return {"kind": "identity", "gain": float(config.get("gain", 1.0))}
        case "VarianceScaling":
            scale, mode = float(config.get("scale", 1.0)), str(config.get("mode", "fan_in"))
            return scaled(scale, mode, str(config.get("distribution", "truncated_normal")), shape, seed)
        case _ if class_name in _SCALED:
            return scaled(*_SCALED[class_name], shape, seed)
        case _:
            return scaled(*_SCALED["GlorotUniform"], shape, seed)


def _moments(config: Mapping[str, Any]) -> Rule:
    return {"mean": float(config.get("mean", 0.0)), "stddev": float(config.get("stddev", 0.05))}
