"""Caffe's fillers as distributions with numbers. Source: Caffe's filler.hpp; sizes are those of the blob."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from transpiler.ir import Attr, Node
from transpiler.ops.activation import PRelu
from transpiler.ops.normalization import Bias, L2Normalize, Scale

Rule = Mapping[str, Attr]
Path = tuple[str, ...]
_WEIGHTS: Final = ("kernel", "recurrent_kernel", "static_kernel", "output_kernel")


def rule_of(node: Node, role: str, shape: tuple[int, ...]) -> tuple[Rule | None, tuple[Path, ...]]:
    """What fills the array of a role, and where that is written; None where Caffe says nothing of it."""
    name = _filler_name(node, role)
    for key, message in node.native("caffe").items():
        if name is not None and isinstance(message, Mapping) and isinstance(message.get(name), Mapping):
            filler: Any = message[name]
            return rule(filler, shape), ((key, name),)
    return _unsaid(node, role), ()


def _filler_name(node: Node, role: str) -> str | None:
    match node.op:
        case Scale():
            return "filler" if role == "gamma" else "bias_filler"
        case Bias() | PRelu():
            return "filler"
        case L2Normalize():
            return "scale_filler"
        case _ if role in _WEIGHTS:
            return "weight_filler"
        case _ if role in ("bias", "output_bias"):
            return "bias_filler"
        case _:
            return None


def _unsaid(node: Node, role: str) -> Rule | None:
    """Defaults of layers whose start does not come from weights of a file."""
    return {"kind": "constant", "value": 0.25} if isinstance(node.op, PRelu) and role == "alpha" else None


def rule(filler: Mapping[str, Any], shape: tuple[int, ...]) -> Rule:
    """A filler message for a blob of this shape."""
    kind = str(filler.get("type", "constant"))
    match kind:
        case "uniform":
            return {
                "kind": "uniform",
                "low": float(filler.get("min", 0.0)),
                "high": float(filler.get("max", 1.0)),
            }
        case "gaussian":
            return _gaussian(filler, shape)
        case "xavier":
            reach = math.sqrt(3.0 / _fan(filler, shape))
            return {"kind": "uniform", "low": -reach, "high": reach}
        case "msra":
            return {"kind": "normal", "mean": 0.0, "stddev": math.sqrt(2.0 / _fan(filler, shape))}
        case "positive_unitball":
            return {"kind": "positive_unitball"}
        case "bilinear" if len(shape) == 4 and shape[-1] == shape[-2]:
            return {"kind": "bilinear"}
        case _:
            return {"kind": "constant", "value": float(filler.get("value", 0.0))}


def _gaussian(filler: Mapping[str, Any], shape: tuple[int, ...]) -> Rule:
    numbers = {"mean": float(filler.get("mean", 0.0)), "stddev": float(filler.get("std", 1.0))}
    sparse = int(filler.get("sparse", -1))
    if sparse < 0:
        return {"kind": "normal", **numbers}
    return {"kind": "sparse_normal", **numbers, "probability": sparse / shape[0]}


def _fan(filler: Mapping[str, Any], shape: tuple[int, ...]) -> float:
    """How many numbers meet: at an output (the default), at an input, or the mean of both."""
    count = math.prod(shape)
    into, out = count / shape[0], count / (shape[1] if len(shape) > 1 else 1)
    norm = str(filler.get("variance_norm", "FAN_IN"))
    return max({"FAN_OUT": out, "AVERAGE": (into + out) / 2.0}.get(norm, into), 1.0)
