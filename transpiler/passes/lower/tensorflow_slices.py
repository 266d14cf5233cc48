"""TensorFlow's strided slices, with their masks, as one reading per axis."""

from __future__ import annotations

from typing import Any

import msgspec

from transpiler.dialects.tensorflow.functions import FlatNode
from transpiler.ir import Op
from transpiler.ir.attributes import Attr
from transpiler.ops.array import Index
from transpiler.ops.shape import Slice


class Slices(msgspec.Struct, frozen=True):
    """What stands between the brackets: slices, numbers (the axis disappears), new axes (None) and an ellipsis."""

    items: tuple[Any, ...]

    def numpy(self) -> tuple[Any, ...]:
        """The key for indexing an array."""
        return self.items

    def op(self) -> Op | None:
        """What takes them; None if they take everything. Axes behind an ellipsis are counted from the end."""
        if None in self.items or self.items.count(Ellipsis) > 1:
            return Index(key=tuple(map(_plain, self.items)))
        dots = self.items.index(Ellipsis) if Ellipsis in self.items else len(self.items)
        rows = [
            (place if place < dots else place - len(self.items), *_taken(item), not isinstance(item, slice))
            for place, item in enumerate(self.items)
            if item not in (Ellipsis, slice(None))
        ]
        if not rows:
            return None
        axes, begins, ends, steps, dropped = zip(*rows, strict=True)
        squeezed = tuple(axis for axis, is_dropped in zip(axes, dropped, strict=True) if is_dropped)
        return Slice(
            axes=axes, begins=begins, ends=ends, steps=() if set(steps) == {1} else steps, squeeze=squeezed
        )


def _plain(item: Any) -> Attr:
    """An item of the key of an `index`."""
    if isinstance(item, slice):
        return {"slice": [item.start, item.stop, item.step]}
    found: Attr = {"ellipsis": True} if item is Ellipsis else item
    return found


def _taken(item: slice | int) -> tuple[int, int | None, int]:
    """First element, end and step."""
    if isinstance(item, int):
        return item, None if item == -1 else item + 1, 1
    step = 1 if item.step is None else item.step
    first = (0 if step > 0 else -1) if item.start is None else item.start
    return first, item.stop, step


def read_slices(
    node: FlatNode, begin: list[Any] | None, end: list[Any] | None, strides: list[Any] | None
) -> Slices | None:
    """The slices of a StridedSlice whose bounds are known; None when they are not, or of different lengths."""
    if begin is None or end is None or strides is None or not len(begin) == len(end) == len(strides):
        return None
    items: list[Any] = []
    for i, (first, last, step) in enumerate(zip(begin, end, strides, strict=True)):
        if _bit(node, "ellipsis_mask", i):
            items.append(Ellipsis)
        elif _bit(node, "new_axis_mask", i):
            items.append(None)
        elif _bit(node, "shrink_axis_mask", i):
            items.append(int(first))
        else:
            start = None if _bit(node, "begin_mask", i) else int(first)
            stop = None if _bit(node, "end_mask", i) else int(last)
            items.append(slice(start, stop, None if step == 1 else int(step)))
    return Slices(tuple(items))


def _bit(node: FlatNode, name: str, i: int) -> bool:
    mask = node.get(name, 0)
    return isinstance(mask, int) and bool(mask >> i & 1)
