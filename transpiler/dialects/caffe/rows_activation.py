"""Rows of Caffe's activations, normalizations, and learned factors and summands.

Facts: the layers' .cpp files of BVLC Caffe 1.0; PReLU's slopes are [channels], or a scalar where they are shared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transpiler.dialects.caffe.fields import (
    RANK,
    default_axis,
    forks_only,
    needed,
    optional_base,
    rank_of,
    symbol,
    with_rank,
    write_base,
)
from transpiler.dialects.rows import Array, FieldError, Link, Native, Refusal, Row
from transpiler.ir import Node, Op
from transpiler.ir.attributes import Attr
from transpiler.ops.activation import (
    Abs,
    Affine,
    Clip,
    Elu,
    Exp,
    Log,
    Power,
    PRelu,
    Relu,
    Sigmoid,
    Softmax,
    Softplus,
    Swish,
    Tanh,
    Threshold,
)
from transpiler.ops.normalization import LRN, MVN, BatchNorm, Bias, L2Normalize, Region, Scale
from transpiler.ops.regularization import Dropout

_SHIFTED = (Link("scale", "scale", 1.0), Link("shift", "shift", 0.0))
_BASE = Link("base", "base", -1.0, read=optional_base, write=write_base)


def _relu6(native: Native) -> dict[str, Any]:
    return {"max_value": 6.0}


def _tail(axes: Sequence[int], rank: int | None) -> tuple[bool, int] | None:
    """Whether `axes` are all behind the batch (True) or all behind the channels (False), and the rank that says so.

    None where they are neither.
    """
    whole = tuple(axes) == tuple(range(1, len(axes) + 1)) and bool(axes)
    spatial = tuple(axes) == tuple(range(2, len(axes) + 2))
    if not (whole or spatial):
        return None
    found = len(axes) + (1 if whole else 2)
    return None if rank is not None and found != rank else (whole, found)


def _spatial(config: Mapping[str, Attr], whole: Any) -> tuple[int, ...]:
    return tuple(range(1 if whole else 2, rank_of(config)))


def _get_prelu(native: Native) -> dict[str, Any]:
    return {"shared_axes": _spatial(native.config, native.config.get("channel_shared", False))}


def _put_prelu(node: Node) -> dict[str, Attr] | Refusal:
    op = node.op
    assert isinstance(op, PRelu)
    shared = _tail(op.shared_axes, node.operands[0].type.rank)
    if shared is None:
        return Refusal(
            f"PReLU has a slope for each channel or one for all, not one shared along axes {list(op.shared_axes)} only"
        )
    whole, rank = shared
    return {**({"channel_shared": True} if whole else {}), **with_rank(rank)}


def _prelu_arrays(op: Op, config: Mapping[str, Attr]) -> tuple[Array, ...]:
    return (Array("alpha", shape=() if config.get("channel_shared") else (-1,)),)


def _get_mvn(native: Native) -> dict[str, Any]:
    return {"axes": _spatial(native.config, native.config.get("across_channels", False))}


def _put_mvn(node: Node) -> dict[str, Attr] | Refusal:
    op = node.op
    assert isinstance(op, MVN)
    found = _tail(op.axes, node.operands[0].type.rank)
    if found is None:
        return Refusal(f"MVN normalizes each channel or each example, not axes {list(op.axes)}")
    whole, rank = found
    return {**({"across_channels": True} if whole else {}), **with_rank(rank)}


def _get_normalize(native: Native) -> dict[str, Any]:
    across = native.config.get("across_spatial", True)
    return {"axes": tuple(range(1, rank_of(native.config))) if across else (1,), "scale": True}


def _put_normalize(node: Node) -> dict[str, Attr]:
    op = node.op
    assert isinstance(op, L2Normalize)
    across = len(op.axes) > 1
    return {
        **({} if across else {"across_spatial": False}),
        **(with_rank(len(op.axes) + 1) if across else {}),
    }


def _get_lrn(native: Native) -> dict[str, Any]:
    """Within a channel, k is always 1 whatever the file says."""
    config = native.config
    size = config.get("local_size", 5)
    if isinstance(size, int) and size % 2 == 0:
        raise FieldError("local_size", f"{size} neighbours are an even number; LRN needs an odd one")
    within = config.get("norm_region") == "WITHIN_CHANNEL"
    return {
        "size": size,
        "region": Region.WITHIN if within else Region.ACROSS,
        "k": 1.0 if within else config.get("k", 1.0),
    }


def _put_lrn(node: Node) -> dict[str, Attr] | Refusal:
    op = node.op
    assert isinstance(op, LRN)
    if op.region is Region.WITHIN and op.k != 1:
        return Refusal(f"within a channel, LRN's k is always 1, not {op.k}")
    within: dict[str, Attr] = {"norm_region": symbol("WITHIN_CHANNEL")} if op.region is Region.WITHIN else {}
    return {
        **within,
        **({} if op.size == 5 else {"local_size": op.size}),
        **({} if op.k == 1 else {"k": op.k}),
    }


def _get_learned(native: Native) -> dict[str, Any]:
    return {"learned": native.operands == 1}


def _get_batch_norm(native: Native) -> dict[str, Any]:
    """`scale_bias` is a fork's BatchNorm that owns the factor and summand of a Scale layer."""
    both = bool(native.config.get("scale_bias", False))
    return {"axis": 1, "center": both, "scale": both}


def _put_batch_norm(node: Node) -> dict[str, Attr] | Refusal:
    op = node.op
    assert isinstance(op, BatchNorm)
    if op.center and op.scale and "caffe" in node.extras:
        return {"scale_bias": True}
    if op.center or op.scale:
        return Refusal("BatchNorm has neither gamma nor beta", "a Scale layer behind it has them")
    if op.axis != 1:
        return Refusal(f"BatchNorm normalizes axis 1, not axis {op.axis}")
    return {}


def _batch_norm_arrays(op: Op, config: Mapping[str, Attr]) -> tuple[Array, ...]:
    """Mean and variance first; gamma and beta, where a fork has them, behind."""
    return tuple(Array(role) for role in ("mean", "variance", "gamma", "beta") if role in op.roles)


def _get_bn(native: Native) -> dict[str, Any]:
    config = native.config
    return {
        "axis": default_axis(config, "axis"), "center": True, "scale": True,
        "epsilon": config.get("eps", config.get("var_eps", 1e-5)),
    }  # fmt: skip


def _put_bn(node: Node) -> dict[str, Attr]:
    op = node.op
    assert isinstance(op, BatchNorm)
    return {
        **({} if op.axis == 1 else {"axis": op.axis}),
        **({} if op.epsilon == 1e-5 else {"eps": op.epsilon}),
    }


ROWS = (
    Row("ReLU", Relu, (Link("negative_slope", "negative_slope", 0.0),)),
    Row(
        "ReLU6", Relu, (Link("negative_slope", "negative_slope", 0.0),), get=_relu6, guard=forks_only("ReLU6")
    ),
    Row("PReLU", PRelu, reads=("channel_shared", RANK), get=_get_prelu, put=_put_prelu, roles=_prelu_arrays),
    Row("ELU", Elu, (Link("alpha", "alpha", 1.0),)),
    Row("Sigmoid", Sigmoid),
    Row("TanH", Tanh),
    Row("AbsVal", Abs),
    Row("BNLL", Softplus),
    Row("Power", Power, (Link("power", "power", 1.0), *_SHIFTED)),
    Row("Power", Affine, _SHIFTED, write_only=True),
    Row("Exp", Exp, (_BASE, *_SHIFTED)),
    Row("Log", Log, (_BASE, *_SHIFTED)),
    Row("Threshold", Threshold, (Link("threshold", "threshold", 0.0),)),
    Row("Clip", Clip, (needed("low", "min"), needed("high", "max"))),
    Row("Swish", Swish, (Link("beta", "beta", 1.0),)),
    Row("Softmax", Softmax, (Link("axis", "axis", 1),)),
    Row("Dropout", Dropout, (Link("rate", "dropout_ratio", 0.5),)),
    Row(
        "BatchNorm",
        BatchNorm,
        (Link("epsilon", "eps", 1e-5), Link("momentum", "moving_average_fraction", 0.999)),
        reads=("scale_bias",),
        get=_get_batch_norm,
        put=_put_batch_norm,
        roles=_batch_norm_arrays,
    ),
    Row(
        "BN",
        BatchNorm,
        (Link("momentum", "momentum", 0.9),),
        reads=("axis", "eps", "var_eps"),
        get=_get_bn,
        put=_put_bn,
        guard=forks_only("BN"),
    ),
    Row(
        "Scale",
        Scale,
        (Link("axis", "axis", 1), Link("num_axes", "num_axes", 1), Link("bias", "bias_term", False)),
        get=_get_learned,
    ),
    Row("Bias", Bias, (Link("axis", "axis", 1), Link("num_axes", "num_axes", 1)), get=_get_learned),
    Row(
        "LRN",
        LRN,
        (Link("alpha", "alpha", 1.0), Link("beta", "beta", 0.75)),
        reads=("local_size", "norm_region", "k"),
        get=_get_lrn,
        put=_put_lrn,
    ),
    Row(
        "MVN",
        MVN,
        (Link("normalize_variance", "normalize_variance", True), Link("epsilon", "eps", 1e-9)),
        reads=("across_channels", RANK),
        get=_get_mvn,
        put=_put_mvn,
    ),
    Row(
        "Normalize",
        L2Normalize,
        (Link("epsilon", "eps", 1e-10), Link("channel_shared", "channel_shared", True)),
        reads=("across_spatial", RANK),
        get=_get_normalize,
        put=_put_normalize,
        guard=forks_only("Normalize"),
    ),
)
