"""Rows of Keras's plain layers: activations with arguments, normalization, regularization, merging, reshaping."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from transpiler.dialects.keras.spelling import (
    KerasRow,
    checked,
    data_format,
    per_axis,
    read_axes,
    read_pairs,
    required,
    required_link,
    with_fields,
    write_axes,
    write_pairs,
)
from transpiler.dialects.rows import Link, Native, Refusal, Row
from transpiler.ir import Node
from transpiler.ir.attributes import Attr
from transpiler.ops import activation as a
from transpiler.ops import elementwise as e
from transpiler.ops import normalization as n
from transpiler.ops import regularization as r
from transpiler.ops import shape as s
from transpiler.ops.fields import to_int
from transpiler.ops.spatial import DataFormat


def _none_as(value: Any) -> Callable[[Any], Any]:
    return lambda given: value if given is None else given


def _has_list(field: str) -> Callable[[Native], bool]:
    return lambda native: isinstance(native.config.get(field), (list, tuple))


def _single(value: Any) -> int:
    """An axis, also written as a list of one."""
    axes = read_axes(value)
    if len(axes) != 1:
        raise ValueError(f"{value!r} is more than one axis")
    return axes[0]


ACTIVATION_LAYER_ROWS = (
    KerasRow("LeakyReLU", a.Relu, links=(Link("negative_slope", "negative_slope", 0.3),)),
    KerasRow(
        "ReLU",
        a.Relu,
        links=(
            Link("max_value", "max_value", None),
            Link("negative_slope", "negative_slope", 0.0, _none_as(0.0)),
            Link("threshold", "threshold", 0.0, _none_as(0.0)),
        ),
    ),
    KerasRow("ReLU", a.ThresholdedRelu, links=(required_link("theta", "threshold"),), write_only=True),
    KerasRow("PReLU", a.PRelu, links=(Link("shared_axes", "shared_axes", (), _none_as(())),)),
    KerasRow("ELU", a.Elu, links=(Link("alpha", "alpha", 1.0),)),
    KerasRow(
        "Softmax",
        a.SoftmaxOver,
        links=(required_link("axes", "axis"),),
        when=lambda native: _has_list("axis")(native) and len(_items(native, "axis")) != 1,
    ),
    KerasRow("Softmax", a.Softmax, links=(Link("axis", "axis", -1, _single),)),
)


def _items(native: Native, field: str) -> list[Any]:
    value = native.config.get(field)
    return list(value) if isinstance(value, (list, tuple)) else [value]


_CENTER_SCALE = (Link("center", "center", True), Link("scale", "scale", True))

NORMALIZATION_ROWS = (
    KerasRow(
        "BatchNormalization",
        n.BatchNorm,
        links=(
            Link("axis", "axis", -1, _single),
            Link("epsilon", "epsilon", 1e-3),
            Link("momentum", "momentum", 0.99),
            *_CENTER_SCALE,
        ),
    ),
    KerasRow(
        "LayerNormalization",
        n.LayerNorm,
        links=(
            Link("axes", "axis", -1, read_axes, write_axes),
            Link("epsilon", "epsilon", 1e-3),
            *_CENTER_SCALE,
        ),
    ),
)

KERAS3_NORMALIZATION_ROWS = (
    KerasRow(
        "RMSNormalization",
        n.LayerNorm,
        links=(Link("axes", "axis", -1, read_axes, write_axes), Link("epsilon", "epsilon", 1e-6)),
        get=with_fields({"rms": True, "center": False}),
    ),
)

SHARED_NORMALIZATION_ROWS = (
    KerasRow(
        "GroupNormalization",
        n.GroupNorm,
        links=(
            Link("groups", "groups", 32),
            Link("axis", "axis", -1),
            Link("epsilon", "epsilon", 1e-3),
            *_CENTER_SCALE,
        ),
    ),
    KerasRow("UnitNormalization", n.UnitNorm, links=(Link("axes", "axis", -1, read_axes, write_axes),)),
)


def _spatial_dropout(native: Native, rank: int) -> Mapping[str, Any]:
    return {
        "rank": rank,
        "channels_last": native.config.get("data_format") != DataFormat.CHANNELS_FIRST.value,
    }


def _put_spatial_dropout(node: Node) -> Mapping[str, Attr]:
    assert isinstance(node.op, r.SpatialDropout)
    return {} if node.op.channels_last else {"data_format": DataFormat.CHANNELS_FIRST.value}


_SEED = Link("seed", "seed", None)


def _spatial_dropout_row(rank: int) -> Row:
    return KerasRow(
        f"SpatialDropout{rank}D",
        r.SpatialDropout,
        links=(required_link("rate", "rate"), _SEED),
        reads=("data_format",),
        get=lambda native: _spatial_dropout(native, rank),
        put=_put_spatial_dropout,
    )


REGULARIZATION_ROWS = (
    KerasRow(
        "Dropout",
        r.Dropout,
        links=(required_link("rate", "rate"), Link("noise_shape", "noise_shape", None), _SEED),
    ),
    *(_spatial_dropout_row(rank) for rank in (2, 1, 3)),
    KerasRow("GaussianNoise", r.GaussianNoise, links=(required_link("stddev", "stddev"), _SEED)),
    KerasRow("GaussianDropout", r.GaussianDropout, links=(required_link("rate", "rate"), _SEED)),
    KerasRow(
        "AlphaDropout",
        r.AlphaDropout,
        links=(required_link("rate", "rate"), Link("noise_shape", "noise_shape", None), _SEED),
    ),
    KerasRow(
        "ActivityRegularization",
        r.ActivityRegularization,
        links=(Link("l1", "l1", 0.0), Link("l2", "l2", 0.0)),
    ),
)


def same_ranks(node: Node) -> Refusal | None:
    """Merging layers put missing axes behind the batch, not before all others as the ops do."""
    ranks = sorted({value.type.rank for value in node.operands if value.type.rank is not None})
    if len(ranks) > 1:
        return Refusal(f"Keras's {node.op.name} layer combines tensors of {ranks} axes in another way")
    return None


def _read_axes_of_two(value: Any) -> tuple[int, ...]:
    axes = read_axes(value)
    return axes * 2 if len(axes) == 1 else axes


MERGING_ROWS = (
    KerasRow("Add", e.Add, guard=same_ranks),
    KerasRow("Subtract", e.Subtract, guard=same_ranks),
    KerasRow("Multiply", e.Multiply, guard=same_ranks),
    KerasRow("Average", e.Average, guard=same_ranks),
    KerasRow("Maximum", e.Maximum, guard=same_ranks),
    KerasRow("Minimum", e.Minimum, guard=same_ranks),
    KerasRow("Concatenate", s.Concat, links=(Link("axis", "axis", -1),)),
    KerasRow(
        "Dot",
        e.Dot,
        links=(
            required_link("axes", "axes", _read_axes_of_two, lambda v: v[0] if v[0] == v[1] else list(v)),
            Link("normalize", "normalize", False),
        ),
    ),
)


def _reshape(native: Native) -> Mapping[str, Any]:
    target = required(native, "target_shape")
    sizes = (
        [-1 if item is None else item for item in target] if isinstance(target, (list, tuple)) else [target]
    )
    if 0 in sizes:
        raise ValueError("a size of 0 makes an empty tensor")
    return {"target": sizes, "axis": 1}


def _put_reshape(node: Node) -> Mapping[str, Attr] | Refusal:
    assert isinstance(node.op, s.Reshape)
    if node.op.axis != 1 or node.op.num_axes != -1:
        return Refusal("Keras's Reshape replaces all axes but the batch")
    if 0 in node.op.target:
        return Refusal("Keras's Reshape cannot copy single sizes of its input")
    return {"target_shape": list(node.op.target)}


def _permute(native: Native) -> Mapping[str, Any]:
    return {"axes": [0, *(to_int(axis) for axis in required(native, "dims"))]}


def _put_permute(node: Node) -> Mapping[str, Attr] | Refusal:
    assert isinstance(node.op, s.Transpose)
    if not node.op.axes or node.op.axes[0] != 0:
        return Refusal("Keras's Permute does not move the batch axis")
    return {"dims": list(node.op.axes[1:])}


def _flatten_guard(node: Node) -> Refusal | None:
    assert isinstance(node.op, s.Flatten)
    rank = node.operands[0].type.rank
    if node.op.axis == 1 and (node.op.end_axis == -1 or node.op.end_axis + 1 == rank):
        return None
    return Refusal(
        f"Keras's Flatten makes one axis of all but the batch, not of axes {node.op.axis} to {node.op.end_axis}",
        "a Reshape can, where sizes are known",
    )


def _crop(rank: int, default: Any) -> Row:
    links = (Link("crops", "cropping", default, read_pairs(rank), write_pairs),)
    return KerasRow(
        f"Cropping{rank}D",
        s.Crop,
        links=links + _format(rank, cropping=True),
        get=_channels_last(rank, cropping=True),
    )


def _format(rank: int, *, cropping: bool = False) -> tuple[Link, ...]:
    return () if rank == 1 and cropping else (data_format(),)


def _channels_last(rank: int, *, cropping: bool = False) -> Callable[[Native], Mapping[str, Any]] | None:
    if rank != 1 or not cropping:
        return None
    return with_fields({"data_format": DataFormat.CHANNELS_LAST})


def _zero_padding(rank: int, default: Any) -> Row:
    links = (Link("pads", "padding", default, read_pairs(rank), write_pairs), data_format())
    return KerasRow(f"ZeroPadding{rank}D", s.Pad, links=links, guard=_zero_guard)


def _zero_guard(node: Node) -> Refusal | None:
    assert isinstance(node.op, s.Pad)
    return Refusal(f"Keras's padding layers pad with 0, not with {node.op.value}") if node.op.value else None


def _upsampling(rank: int) -> Row:
    size = Link(
        "factors", "size", [2] * rank, per_axis(rank), lambda value: value[0] if rank == 1 else list(value)
    )
    last = {"data_format": DataFormat.CHANNELS_LAST}
    match rank:
        case 1:
            return KerasRow("UpSampling1D", s.Upsample, links=(size,), get=with_fields(last))
        case 2:
            links = (size, data_format(), Link("interpolation", "interpolation", "nearest"))
            return KerasRow("UpSampling2D", s.Upsample, links=links)
        case _:
            return KerasRow("UpSampling3D", s.Upsample, links=(size, data_format()))


def _checked_get(
    field: str, get: Callable[[Native], Mapping[str, Any]]
) -> Callable[[Native], Mapping[str, Any]]:
    def read(native: Native) -> Mapping[str, Any]:
        made: Mapping[str, Any] = checked(field, lambda _: get(native), None)
        return made

    return read


RESHAPING_ROWS = (
    KerasRow("Flatten", s.Flatten, guard=_flatten_guard),
    KerasRow("Flatten", s.Flatten, guard=_flatten_guard, write_only=True),
    KerasRow(
        "Reshape",
        s.Reshape,
        reads=("target_shape",),
        get=_checked_get("target_shape", _reshape),
        put=_put_reshape,
    ),
    KerasRow("Permute", s.Transpose, reads=("dims",), get=_checked_get("dims", _permute), put=_put_permute),
    KerasRow("RepeatVector", s.RepeatVector, links=(required_link("count", "n"),)),
    _crop(2, [[0, 0]] * 2),
    _crop(1, [1, 1]),
    _crop(3, [[1, 1]] * 3),
    _zero_padding(2, [[1, 1]] * 2),
    _zero_padding(1, [1, 1]),
    _zero_padding(3, [[1, 1]] * 3),
    _upsampling(2),
    _upsampling(1),
    _upsampling(3),
)
