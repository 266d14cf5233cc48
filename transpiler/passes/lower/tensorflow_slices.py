"""TensorFlow's strided slices, with their masks, as one reading per axis."""

from __future__ import annotations

from typing import Any

import attrs

from transpiler.dialects.tensorflow.functions import FlatNode
from transpiler.ir.attributes import Attr


@attrs.frozen
class Slices:
    """What stands between the brackets: slices, numbers (the axis disappears), new axes (None) and an ellipsis."""

    items: tuple[Any, ...]

    def numpy(self) -> tuple[Any, ...]:
        """The key for indexing an array."""
        return self.items

    def plain(self) -> tuple[Attr, ...]:
        """The key of the IR's `index`."""
        made: list[Attr] = []
        for item in self.items:
            if isinstance(item, slice):
                made.append({"slice": [item.start, item.stop, item.step]})
            elif item is Ellipsis:
                made.append({"ellipsis": True})
            else:
                made.append(item)
        return tuple(made)


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
