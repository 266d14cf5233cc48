"""Rows of `x[…]`: plain slices as a slice op, anything with new axes as an index op."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transpiler.dialects.keras.calls import is_operand, operand
from transpiler.dialects.keras.rows_operations import NUMPY, args_of
from transpiler.dialects.keras.spelling import CALL, KerasRow
from transpiler.dialects.rows import Native, Refusal
from transpiler.ir import Node
from transpiler.ir.attributes import Attr
from transpiler.ops.array import Index
from transpiler.ops.fields import to_int
from transpiler.ops.shape import Slice


def _key(native: Native) -> list[Any] | None:
    """The items between the brackets, if each is a number, a slice of numbers, `...` or a new axis."""
    args = args_of(native)
    if args is None or len(args) != 2 or not is_operand(args[0]):
        return None
    items = args[1] if isinstance(args[1], list) else [args[1]]
    return items if all(map(_is_plain, items)) else None


def _is_plain(item: Any) -> bool:
    if isinstance(item, Mapping):
        return "ellipsis" in item or (
            "slice" in item and all(part is None or isinstance(part, int) for part in item["slice"])
        )
    return item is None or (isinstance(item, int) and not isinstance(item, bool))


def _slice(native: Native) -> Mapping[str, Any]:
    """Axes behind `...` are counted from the end."""
    items = _key(native) or []
    dots = next(
        (i for i, item in enumerate(items) if isinstance(item, Mapping) and "ellipsis" in item), len(items)
    )
    axes, begins, ends, steps, squeezed = [], [], [], [], []
    for place, item in enumerate(items):
        axis = place if place < dots else place - len(items)
        if isinstance(item, Mapping) and "slice" in item:
            begin, end, step = item["slice"]
            step = 1 if step is None else step
            if (begin, end, step) == (None, None, 1):
                continue
            axes.append(axis)
            begins.append((0 if step > 0 else -1) if begin is None else begin)
            ends.append(end)
            steps.append(step)
        elif not isinstance(item, Mapping):
            axes.append(axis)
            squeezed.append(axis)
            begins.append(to_int(item))
            ends.append(None if item == -1 else item + 1)
            steps.append(1)
    plain = all(step == 1 for step in steps)
    return {
        "axes": axes,
        "begins": begins,
        "ends": ends,
        "steps": () if plain else steps,
        "squeeze": squeezed,
    }


def _put_slice(node: Node) -> Mapping[str, Attr] | Refusal:
    op = node.op
    assert isinstance(op, Slice)
    steps = op.steps or (1,) * len(op.axes)
    found: dict[int, Attr] = {}
    for axis, begin, end, step in zip(op.axes, op.begins, op.ends, steps, strict=True):
        if axis in op.squeeze:
            if end != (None if begin == -1 else begin + 1) or step != 1:
                return Refusal(f"axis {axis} is dropped though more than one element of it is taken")
            found[axis] = begin
        else:
            start = None if begin == (0 if step > 0 else -1) else begin
            found[axis] = {"slice": [start, end, None if step == 1 else step]}
    return {CALL: {"args": [operand(0), _items(found)], "kwargs": {}}}


def _items(found: Mapping[int, Attr]) -> list[Attr]:
    """Slices in the order of the axes, with `...` before those that are counted from the end."""
    everything: dict[str, Attr] = {"slice": [None, None, None]}
    front = [found.get(axis, everything) for axis in range(max((a + 1 for a in found if a >= 0), default=0))]
    back = [found.get(axis, everything) for axis in range(min((a for a in found if a < 0), default=0), 0)]
    return [*front, {"ellipsis": True}, *back] if back else front


def _has_new_axis(native: Native) -> bool:
    items = _key(native)
    return items is not None and None in items


def _index(native: Native) -> Mapping[str, Any]:
    return {"key": _key(native)}


def _put_index(node: Node) -> Mapping[str, Attr]:
    assert isinstance(node.op, Index)
    return {CALL: {"args": [operand(0), list(node.op.key)], "kwargs": {}}}


SLICING_ROWS = (
    KerasRow(f"{NUMPY}.GetItem", Index, reads=(CALL,), get=_index, put=_put_index, when=_has_new_axis),
    KerasRow(
        f"{NUMPY}.GetItem",
        Slice,
        reads=(CALL,),
        get=_slice,
        put=_put_slice,
        when=lambda native: _key(native) is not None,
    ),
)
