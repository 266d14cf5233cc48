"""Layers that `keras.applications` brings along: no public layers, but every Keras that has the networks loads them.

They are known by their module: a user's own class may have the same name and mean something else.
Source: keras/src/applications/convnext.py and inception_resnet_v2.py of Keras 3.15.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from transpiler.dialects.keras.naming import APPLICATIONS_PACKAGE
from transpiler.dialects.keras.spelling import KerasRow
from transpiler.dialects.rows import FieldError, Native, Refusal
from transpiler.ir import Node
from transpiler.ir.attributes import Attr
from transpiler.ops.elementwise import Add
from transpiler.ops.normalization import Scale

_LAYER_SCALE: Final = f"{APPLICATIONS_PACKAGE}.convnext.LayerScale"
_CUSTOM_SCALE: Final = f"{APPLICATIONS_PACKAGE}.inception_resnet_v2.CustomScaleLayer"


def _written_so(class_name: str) -> Any:
    """A guard: these classes are written for layers that were read as such; others have public layers."""

    def guard(node: Node) -> Refusal | None:
        if node.origin.type == class_name:
            return None
        return Refusal(f"keras has no layer for {node.op.name}")

    return guard


def _channels(native: Native) -> Mapping[str, Any]:
    return {"axis": -1, "num_axes": 1, "bias": False}


def _put_channels(node: Node) -> Mapping[str, Attr] | Refusal:
    shape = node.operands[0].type.shape if node.operands else None
    if shape is None or shape[-1] is None:
        return Refusal("the number of channels is not known")
    return {"projection_dim": shape[-1]}


def _weighted(native: Native) -> Mapping[str, Any]:
    scale = native.config.get("scale")
    if not isinstance(scale, (int, float)) or isinstance(scale, bool):
        raise FieldError("scale", "it is no number")
    return {"coefficients": (1.0, float(scale))}


def _put_weighted(node: Node) -> Mapping[str, Attr] | Refusal:
    assert isinstance(node.op, Add)
    if len(node.op.coefficients) != 2 or node.op.coefficients[0] != 1:
        return Refusal("CustomScaleLayer scales its second input only")
    return {"scale": node.op.coefficients[1]}


APPLICATION_ROWS: Final = (
    KerasRow(
        _LAYER_SCALE,
        Scale,
        reads=("projection_dim",),
        get=_channels,
        put=_put_channels,
        guard=_written_so("LayerScale"),
    ),
    KerasRow(
        _CUSTOM_SCALE,
        Add,
        reads=("scale",),
        get=_weighted,
        put=_put_weighted,
        guard=_written_so("CustomScaleLayer"),
    ),
)
