"""Rows of Caffe's matrix products, shape changes, joins and reductions.

Facts: inner_product_layer.cpp, embed_layer.cpp, reshape_layer.cpp, slice_layer.cpp, eltwise_layer.cpp,
reduction_layer.cpp, argmax_layer.cpp and their neighbours in BVLC Caffe 1.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transpiler.dialects.caffe.fields import (
    RANK,
    NotModelled,
    blob_shape,
    check_filled_in,
    default_axis,
    dims,
    forks_only,
    forks_value,
    from_caffe,
    listed,
    needed,
    put_axis,
    rank_of,
    symbol,
    with_rank,
)
from transpiler.dialects.rows import Array, FieldError, Link, Native, Refusal, Row
from transpiler.ir import Node, Op
from transpiler.ir.attributes import Attr
from transpiler.ops.dense import Dense, Embedding
from transpiler.ops.elementwise import Add, Divide, Maximum, Minimum, Multiply, Subtract
from transpiler.ops.reduction import ArgMax, Reducer, ReduceTail
from transpiler.ops.shape import (
    Concat,
    Copies,
    FilterRows,
    Flatten,
    Reshape,
    Reverse,
    SelectRows,
    ShuffleChannels,
    Silence,
    Split,
    Tile,
    Transpose,
)

_REDUCERS = {"SUM": Reducer.SUM, "ASUM": Reducer.ABS_SUM, "SUMSQ": Reducer.SQUARE_SUM, "MEAN": Reducer.MEAN}
_FORK_REDUCERS = {"MAX": Reducer.MAX, "MIN": Reducer.MIN}


def _dense_arrays(op: Op, config: Mapping[str, Attr]) -> tuple[Array, ...]:
    """`transpose` changes only how the kernel is stored: inputs by units."""
    axes = (1, 0) if config.get("transpose") else None
    return tuple(Array(role, axes if role == "kernel" else None) for role in op.roles)


def _get_dense(native: Native) -> dict[str, Any]:
    check_filled_in(native)
    return {}


def _get_split(native: Native) -> dict[str, Any]:
    points = listed(native.config.get("slice_point", []))
    if points and len(points) != native.results - 1:
        raise FieldError(
            "slice_point", f"{len(points)} slice points make {len(points) + 1} tops, not {native.results}"
        )
    return {"axis": default_axis(native.config, "slice_dim"), "points": points, "count": native.results}


def _put_split(node: Node) -> dict[str, Attr]:
    op = node.op
    assert isinstance(op, Split)
    return {**put_axis(op.axis), **({"slice_point": list(op.points)} if op.points else {})}


def _put_concat(node: Node) -> dict[str, Attr]:
    op = node.op
    assert isinstance(op, Concat)
    return put_axis(op.axis)


def _same_shapes(node: Node) -> Refusal | None:
    """Eltwise does not broadcast."""
    shapes = [value.type.shape for value in node.operands]
    known = [shape for shape in shapes if shape is not None]
    if len(node.operands) < 2:
        return Refusal("Eltwise needs at least two bottoms")
    for other in known[1:]:
        if len(other) != len(known[0]) or any(a != b for a, b in zip(known[0], other, strict=True)):
            return Refusal(f"Eltwise does not broadcast: {list(known[0])} against {list(other)}")
    return None


def _fork_eltwise(node: Node) -> Refusal | None:
    return forks_value(node) or _same_shapes(node)


def _get_eltwise(native: Native) -> dict[str, Any]:
    if native.operands < 2:
        raise NotModelled("", "Eltwise needs at least two bottoms")
    return {}


def _eltwise(operation: str, op: type[Op], **more: Any) -> Row:
    return Row(
        "Eltwise", op, fixed={"operation": symbol(operation)}, fixed_default={"operation": symbol("SUM")},
        get=_get_eltwise, **more,
    )  # fmt: skip


def _reduce(native: str) -> Reducer:
    return {**_REDUCERS, **_FORK_REDUCERS}[native]


def _write_reducer(reducer: Reducer) -> Attr:
    names = {member: name for name, member in {**_REDUCERS, **_FORK_REDUCERS}.items()}
    return symbol(names[reducer]) if reducer in names else reducer.value


def _reducer_guard(node: Node) -> Refusal | None:
    op = node.op
    assert isinstance(op, ReduceTail)
    if op.reducer in _REDUCERS.values() or (op.reducer in _FORK_REDUCERS.values() and from_caffe(node)):
        return None
    return Refusal(f"Reduction cannot say {op.reducer.value}")


def _permutation(native: Native) -> dict[str, Any]:
    """Axes that `order` leaves out follow in their own order."""
    order = listed(native.config.get("order", []))
    rest = [axis for axis in range(rank_of(native.config)) if axis not in order]
    return {"axes": [*order, *rest]}


def _put_permutation(node: Node) -> dict[str, Attr]:
    op = node.op
    assert isinstance(op, Transpose)
    return {"order": list(op.axes), **with_rank(len(op.axes))}


def _get_copies(native: Native) -> dict[str, Any]:
    return {"count": native.results}


def _get_filter(native: Native) -> dict[str, Any]:
    return {"count": native.results}


ROWS = (
    Row(
        "InnerProduct",
        Dense,
        (needed("units", "num_output"), Link("axis", "axis", 1), Link("bias", "bias_term", True)),
        get=_get_dense,
        roles=_dense_arrays,
    ),
    Row(
        "Embed",
        Embedding,
        (needed("count", "input_dim"), needed("units", "num_output"), Link("bias", "bias_term", True)),
    ),
    Row("Flatten", Flatten, (Link("axis", "axis", 1), Link("end_axis", "end_axis", -1))),
    Row(
        "Reshape",
        Reshape,
        (
            Link("target", "shape", {}, read=dims, write=blob_shape),
            Link("axis", "axis", 0),
            Link("num_axes", "num_axes", -1),
        ),
    ),
    Row(
        "Concat",
        Concat,
        reads=("axis", "concat_dim"),
        put=_put_concat,
        get=lambda native: {"axis": default_axis(native.config, "concat_dim")},
    ),
    Row("Slice", Split, reads=("axis", "slice_dim", "slice_point"), get=_get_split, put=_put_split),
    Row("Split", Copies, get=_get_copies),
    Row("Tile", Tile, (Link("axis", "axis", 1), needed("tiles", "tiles"))),
    Row("BatchReindex", SelectRows),
    Row("Filter", FilterRows, get=_get_filter),
    Row("Silence", Silence),
    Row(
        "ArgMax",
        ArgMax,
        (Link("top_k", "top_k", 1), Link("axis", "axis", None), Link("values", "out_max_val", False)),
    ),
    Row(
        "Reduction",
        ReduceTail,
        (
            Link("reducer", "operation", symbol("SUM"), read=_reduce, write=_write_reducer),
            Link("axis", "axis", 0),
            Link("factor", "coeff", 1.0),
        ),
        guard=_reducer_guard,
    ),
    _eltwise("SUM", Add, links=(Link("coefficients", "coeff", []),), guard=_same_shapes),
    _eltwise("PROD", Multiply, guard=_same_shapes),
    _eltwise("MAX", Maximum, guard=_same_shapes),
    _eltwise("MIN", Minimum, guard=_fork_eltwise),
    _eltwise("DIV", Divide, guard=_fork_eltwise),
    _eltwise("SUB", Subtract, guard=_fork_eltwise),
    Row("BroadcastMul", Multiply, guard=forks_only("BroadcastMul")),
    Row(
        "Permute",
        Transpose,
        reads=("order", RANK),
        get=_permutation,
        put=_put_permutation,
        guard=forks_only("Permute"),
    ),
    Row("ShuffleChannel", ShuffleChannels, (Link("groups", "group", 1),), guard=forks_only("ShuffleChannel")),
    Row("Reverse", Reverse, (Link("axis", "axis", 0),), guard=forks_only("Reverse")),
)
