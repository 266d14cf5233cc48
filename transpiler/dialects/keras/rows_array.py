"""Rows of Keras 3's operations on whole arrays: shapes, slices, reductions, products."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from transpiler.dialects.keras.calls import is_operand, operand
from transpiler.dialects.keras.rows_operations import CORE, MATH, NN, NUMPY, args_of
from transpiler.dialects.keras.spelling import (
    CALL,
    RANKS,
    KerasRow,
    checked,
    data_format,
    per_axis,
    read_axes,
    required,
    required_link,
    with_fields,
    write_axes,
)
from transpiler.dialects.rows import FieldError, Link, Native, Refusal, Row
from transpiler.ir import Node
from transpiler.ir.attributes import Attr
from transpiler.ops import array as n
from transpiler.ops import shape as s
from transpiler.ops.dense import MatMul
from transpiler.ops.einsum import Einsum
from transpiler.ops.fields import to_float, to_int
from transpiler.ops.preprocessing import OneHot, Resize
from transpiler.ops.reduction import Reduce, Reducer

IMAGE: Final = "keras.src.ops.image"


def rank_of(native: Native) -> int:
    """How many axes the operand has. Raises FieldError if that is not known."""
    ranks: Any = native.config.get(RANKS) or [None]
    if not isinstance(ranks[0], int):
        raise FieldError("", "how many axes its operand has is not known here")
    return ranks[0]


def ranks(node: Node) -> dict[str, Attr]:
    """The ranks of a node's operands, for reading back what a row wrote."""
    found: list[Attr] = [value.type.rank for value in node.operands]
    return {RANKS: found}


def _axes(native: Native, field: str = "axis") -> tuple[int, ...]:
    """The axes that a field names; none means all."""
    value = native.config.get(field)
    if value is None:
        return tuple(range(rank_of(native)))
    made: tuple[int, ...] = checked(field, read_axes, value)
    return made


def _none_or_axes(value: Any) -> Any:
    return None if value is None else read_axes(value)


def _write_none_or_axes(value: Any) -> Any:
    return None if value is None else write_axes(value)


_KEEPDIMS = Link("keepdims", "keepdims", False)
_REDUCERS: Final = {
    "Sum": Reducer.SUM, "Mean": Reducer.MEAN, "Max": Reducer.MAX, "Min": Reducer.MIN, "Prod": Reducer.PROD,
    "Any": Reducer.ANY, "All": Reducer.ALL,
}  # fmt: skip


def _reduction(class_name: str, reducer: Reducer) -> Row:
    def put(node: Node) -> Mapping[str, Attr] | Refusal:
        assert isinstance(node.op, Reduce)
        return {"axis": write_axes(node.op.axes)} if node.op.axes else Refusal("a reduction over no axis")

    return KerasRow(
        f"{NUMPY}.{class_name}",
        Reduce,
        links=(_KEEPDIMS,),
        reads=("axis", RANKS),
        get=lambda native: {"reducer": reducer, "axes": _axes(native)},
        put=put,
        when=lambda native: CALL not in native.config and not native.config.get("initial"),
    )


_AXES = Link("axes", "axis", None, _none_or_axes, _write_none_or_axes)

REDUCTION_ROWS = (
    *(_reduction(name, reducer) for name, reducer in _REDUCERS.items()),
    KerasRow(f"{NUMPY}.Var", n.Variance, links=(_AXES, _KEEPDIMS)),
    KerasRow(f"{NUMPY}.Std", n.Variance, links=(_AXES, _KEEPDIMS), get=with_fields({"root": True})),
    KerasRow(
        "keras.src.ops.linalg.Norm",
        n.Norm,
        links=(Link("order", "ord", None), _AXES, _KEEPDIMS),
        when=lambda native: not isinstance(native.config.get("ord"), str),
    ),
    KerasRow(f"{NUMPY}.Argmax", n.ArgExtremum, links=(Link("axis", "axis", None), _KEEPDIMS)),
    KerasRow(
        f"{NUMPY}.Argmin",
        n.ArgExtremum,
        links=(Link("axis", "axis", None), _KEEPDIMS),
        get=with_fields({"smallest": True}),
    ),
    KerasRow(f"{MATH}.TopK", n.TopK, links=(required_link("k", "k"), Link("ordered", "sorted", True))),
)


def _listed(node: Node) -> Mapping[str, Attr]:
    """A call on a list of tensors."""
    tensors: list[Attr] = [operand(i) for i in range(len(node.operands))]
    return {CALL: {"args": [tensors], "kwargs": {}}}


def _is_listed(native: Native) -> bool:
    args = args_of(native)
    return args is not None and len(args) == 1 and isinstance(args[0], list) and all(map(is_operand, args[0]))


def _split(native: Native) -> Mapping[str, Any]:
    value = required(native, "indices_or_sections")
    if isinstance(value, (list, tuple)):
        return {"points": value, "count": len(value) + 1}
    return {"count": value}


def _put_split(node: Node) -> Mapping[str, Attr]:
    assert isinstance(node.op, s.Split)
    return {"indices_or_sections": list(node.op.points) if node.op.points else node.op.count}


def _transpose(native: Native) -> Mapping[str, Any]:
    axes = native.config.get("axes")
    if axes is None:
        return {"axes": tuple(reversed(range(rank_of(native))))}
    rank = len(axes) if isinstance(axes, (list, tuple)) else 1
    return {"axes": [to_int(axis) % rank for axis in checked("axes", read_axes, axes)]}


def _moved(native: Native) -> Mapping[str, Any]:
    rank = rank_of(native)
    source = [axis % rank for axis in checked("source", read_axes, required(native, "source"))]
    target = [axis % rank for axis in checked("destination", read_axes, required(native, "destination"))]
    rest = iter(axis for axis in range(rank) if axis not in source)
    return {"axes": [source[target.index(i)] if i in target else next(rest) for i in range(rank)]}


def _swapped(native: Native) -> Mapping[str, Any]:
    rank = rank_of(native)
    order = list(range(rank))
    left, right = (to_int(required(native, key)) % rank for key in ("axis1", "axis2"))
    order[left], order[right] = order[right], order[left]
    return {"axes": order}


def _reshape(native: Native) -> Mapping[str, Any]:
    target = required(native, "newshape")
    sizes = (
        [-1 if size is None else size for size in target] if isinstance(target, (list, tuple)) else [target]
    )
    return {"target": sizes}


def _put_reshape(node: Node) -> Mapping[str, Attr] | Refusal:
    assert isinstance(node.op, s.Reshape)
    if node.op.axis or node.op.num_axes != -1 or 0 in node.op.target:
        return Refusal("Keras's reshape replaces all axes, and copies no sizes of its operand")
    return {"newshape": list(node.op.target)}


def _squeeze(native: Native) -> Mapping[str, Any]:
    return {"axes": checked("axis", read_axes, required(native, "axis"))}


def _tile(node: Node) -> Mapping[str, Attr] | Refusal:
    assert isinstance(node.op, s.Tile)
    rank = node.operands[0].type.rank
    if rank is None:
        return Refusal("Keras repeats along every axis at once, and how many there are is not known")
    repeats: list[Attr] = [1] * rank
    repeats[node.op.axis] = node.op.tiles
    return {"repeats": repeats}


def _pad(native: Native) -> Mapping[str, Any]:
    pattern: Any = native.config.get(CALL, {"args": [], "kwargs": {}})
    value = pattern["kwargs"].get("constant_values")
    width: Any = required(native, "pad_width")
    pads = [[item, item] if isinstance(item, int) else item for item in width]
    return {"pads": pads, "value": 0.0 if value is None else to_float(value)}


def _padded_call(pads: list[Attr], value: float) -> dict[str, Attr]:
    call: dict[str, Attr] = (
        {CALL: {"args": [operand(0)], "kwargs": {"constant_values": value}}} if value else {}
    )
    return {"pad_width": pads, **call}


def _put_pad(node: Node) -> Mapping[str, Attr]:
    assert isinstance(node.op, n.PadAxes)
    return _padded_call([list(pair) for pair in node.op.pads], node.op.value)


def _put_spatial_pad(node: Node) -> Mapping[str, Attr]:
    """A padding layer with another number than 0, which only the operation knows."""
    assert isinstance(node.op, s.Pad)
    spatial: list[Attr] = [list(pair) for pair in node.op.pads]
    channel = node.op.data_format.axis(len(spatial) + 2)
    pads: list[Attr] = [[0, 0], *spatial]
    pads.insert(channel, [0, 0])
    return _padded_call(pads, node.op.value)


def _is_padded(native: Native) -> bool:
    pattern: Any = native.config.get(CALL, {"args": [operand(0)], "kwargs": {}})
    names = {key for key, value in pattern["kwargs"].items() if value is not None}
    return (
        len(pattern["args"]) == 1
        and names <= {"constant_values"}
        and isinstance(native.config.get("pad_width"), list)
    )


def _axis(class_name: str, op: type[Any], default: Any = None, **fields: Any) -> Row:
    return KerasRow(
        f"{NUMPY}.{class_name}", op, links=(Link("axis", "axis", default),), get=with_fields(fields)
    )


def _is_one_axis(native: Native) -> bool:
    axis = native.config.get("axis")
    return not isinstance(axis, (list, tuple)) or len(axis) == 1


def _one_axis(axis: Any) -> Any:
    """One axis, which may stand in a list."""
    return axis[0] if isinstance(axis, (list, tuple)) else axis


MOVING_ROWS = (
    KerasRow(f"{NUMPY}.Transpose", s.Transpose, reads=("axes", RANKS), get=_transpose,
             put=lambda node: {"axes": list(node.op.axes)} if isinstance(node.op, s.Transpose) else {}),
    KerasRow(f"{NUMPY}.Moveaxis", s.Transpose, reads=("source", "destination", RANKS), get=_moved, read_only=True),
    KerasRow(f"{NUMPY}.Swapaxes", s.Transpose, reads=("axis1", "axis2", RANKS), get=_swapped, read_only=True),
    KerasRow(f"{NUMPY}.Reshape", s.Reshape, reads=("newshape",), get=_reshape, put=_put_reshape),
    KerasRow(f"{NUMPY}.ExpandDims", s.ExpandDims, links=(required_link("axis", "axis", _one_axis),),
             when=_is_one_axis),
    KerasRow(f"{NUMPY}.Squeeze", s.Squeeze, reads=("axis",), get=_squeeze,
             put=lambda node: {"axis": write_axes(node.op.axes)} if isinstance(node.op, s.Squeeze) else {},
             when=lambda native: native.config.get("axis") is not None),
    KerasRow(f"{NUMPY}.Concatenate", s.Concat, links=(Link("axis", "axis", 0),), reads=(CALL,), put=_listed,
             when=_is_listed),
    KerasRow(f"{NUMPY}.Stack", n.Stack, links=(Link("axis", "axis", 0),), reads=(CALL,), put=_listed, when=_is_listed),
    KerasRow(f"{CORE}.Unstack", n.Unstack, links=(required_link("count", "num"), Link("axis", "axis", 0)),
             when=lambda native: native.config.get("num") is not None),
    KerasRow(f"{NUMPY}.Split", s.Split, links=(Link("axis", "axis", 0),), reads=("indices_or_sections",), get=_split,
             put=_put_split),
    KerasRow(f"{NUMPY}.Tile", n.TileAxes,
             links=(required_link("repeats", "repeats", lambda v: v if isinstance(v, (list, tuple)) else [v]),)),
    KerasRow(f"{NUMPY}.Tile", s.Tile, put=_tile, write_only=True),
    KerasRow(f"{NUMPY}.Repeat", n.Repeat, links=(required_link("count", "repeats"), Link("axis", "axis", None)),
             when=lambda native: isinstance(native.config.get("repeats"), int)),
    KerasRow(f"{NUMPY}.Flip", n.Flip, links=(_AXES,)),
    KerasRow(f"{NUMPY}.Roll", n.Roll, links=(required_link("shifts", "shift", read_axes, write_axes), _AXES)),
    KerasRow(f"{NUMPY}.BroadcastTo", n.BroadcastTo, links=(required_link("shape", "shape"),)),
    KerasRow(f"{NUMPY}.Pad", n.PadAxes, links=(Link("mode", "mode", "constant", None, lambda v: v.value),),
             reads=("pad_width", CALL), get=_pad, put=_put_pad, when=_is_padded),
    KerasRow(f"{NUMPY}.Pad", s.Pad, put=_put_spatial_pad, write_only=True),
    KerasRow(f"{NUMPY}.Cumsum", n.Cumulative, links=(required_link("axis", "axis"),),
             when=lambda native: native.config.get("axis") is not None),
    KerasRow(f"{NUMPY}.Cumprod", n.Cumulative, links=(required_link("axis", "axis"),),
             get=with_fields({"product": True}), when=lambda native: native.config.get("axis") is not None),
    _axis("Take", n.Gather),
    KerasRow(f"{NUMPY}.Matmul", MatMul),
    KerasRow(f"{NUMPY}.Einsum", Einsum, links=(required_link("equation", "subscripts"),)),
    KerasRow(f"{NN}.OneHot", OneHot, links=(required_link("count", "num_classes"), Link("axis", "axis", -1)),
             reads=("dtype",), when=lambda native: native.config.get("dtype") in (None, "float32")),
    KerasRow(f"{IMAGE}.Resize", Resize,
             links=(Link("interpolation", "interpolation", "bilinear"), Link("antialias", "antialias", False),
                    Link("crop_to_aspect_ratio", "crop_to_aspect_ratio", False),
                    Link("pad_to_aspect_ratio", "pad_to_aspect_ratio", False),
                    Link("fill_value", "fill_value", 0.0), data_format()),
             reads=("size",),
             get=lambda native: dict(zip(("height", "width"), checked("size", per_axis(2), required(native, "size")),
                                         strict=True)),
             put=lambda node: {"size": [node.op.height, node.op.width]} if isinstance(node.op, Resize) else {}),
)  # fmt: skip
