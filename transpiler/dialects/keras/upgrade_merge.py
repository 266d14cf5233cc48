"""The Merge layer of Keras 1 (and of Keras 2 before 2.2) into the layers that Keras 2 split it into."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from transpiler.dialects.keras.upgrade_layer import LayerUpgrade

_PLAIN_MODES: Final[Mapping[str, str]] = {
    "sum": "Add",
    "mul": "Multiply",
    "ave": "Average",
    "max": "Maximum",
}

_OF_MERGE: Final = (
    "mode", "mode_type", "concat_axis", "dot_axes", "output_shape", "output_shape_type", "output_mask",
    "output_mask_type", "arguments", "node_indices", "tensor_indices", "layers",
)  # fmt: skip


def upgrade_merge(layer: LayerUpgrade) -> bool:
    """Rewrite a Merge in place by its mode; return whether its result still needs an axis of size 1 behind
    the batch.

    That is so for "cos". A mode that is a function of the user's stays a Merge, and is never run.
    """
    mode = layer.config.get("mode", "sum")
    if layer.config.get("mode_type", "raw") != "raw" or mode not in (*_PLAIN_MODES, "concat", "dot", "cos"):
        return False
    old = {argument: layer.take(argument) for argument in _OF_MERGE if argument in layer.config}
    if mode in _PLAIN_MODES:
        layer.class_name = _PLAIN_MODES[mode]
    elif mode == "concat":
        layer.class_name = "Concatenate"
        layer.put("axis", old.get("concat_axis", -1), origin="concat_axis")
    else:
        layer.class_name = "Dot"
        layer.put("axes", _dot_axes(old.get("dot_axes", -1)), origin="dot_axes")
        layer.put("normalize", mode == "cos", origin="mode")
    return bool(mode == "cos")


def _dot_axes(axes: Any) -> Any:
    """Flatten Keras 0's [[1], [2]] into [1, 2]."""
    if isinstance(axes, list) and len(axes) == 2:
        return [axis[0] if isinstance(axis, list) and len(axis) == 1 else axis for axis in axes]
    return axes
