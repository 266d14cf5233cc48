"""A model described at source level: plain classes, and the JSON that `inspect` prints.

Shapes are in the source's own dimension order; an unknown dimension, count or shape is None (`null`).
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from transpiler.diagnostics import Diagnostic, render_json
from transpiler.ir import Shape


class ValueDescription(msgspec.Struct, frozen=True):
    """A tensor by the name that its framework gives it: a Caffe blob's name, a Keras layer's.

    `is_copy`: Caffe itself makes this copy of a blob that several layers read; the source does not write it.
    """

    name: str
    shape: Shape | None
    dtype: str
    is_copy: bool = False

    def as_dict(self) -> dict[str, Any]:
        described = {"name": self.name, "shape": _listed(self.shape), "dtype": self.dtype}
        return {**described, "copy": True} if self.is_copy else described


class LayerDescription(msgspec.Struct, frozen=True):
    """One layer of the source. A nested model is one layer; `layers` are those inside it (None: not nested)."""

    name: str
    native_type: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[ValueDescription, ...]
    params: dict[str, Shape | None]
    param_count: int | None
    line: int | None
    column: int | None
    layers: tuple[LayerDescription, ...] | None = None

    def as_dict(self) -> dict[str, Any]:
        described: dict[str, Any] = {
            "name": self.name,
            "native_type": self.native_type,
            "op": self.op,
            "inputs": list(self.inputs),
            "outputs": [value.as_dict() for value in self.outputs],
            "params": {role: _listed(shape) for role, shape in self.params.items()},
            "param_count": self.param_count,
            "line": self.line,
            "column": self.column,
        }
        if self.layers is not None:
            described["layers"] = [layer.as_dict() for layer in self.layers]
        return described


class Description(msgspec.Struct, frozen=True):
    """A whole model: what goes in, what comes out, every layer, and what there was to say about it."""

    name: str
    framework: str
    phase: str | None
    param_count: int | None
    trainable_param_count: int | None
    inputs: tuple[ValueDescription, ...]
    outputs: tuple[ValueDescription, ...]
    layers: tuple[LayerDescription, ...]
    diagnostics: tuple[Diagnostic, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain data in the form that `to_json` writes."""
        return {
            "name": self.name,
            "framework": self.framework,
            "phase": self.phase,
            "param_count": self.param_count,
            "trainable_param_count": self.trainable_param_count,
            "inputs": [value.as_dict() for value in self.inputs],
            "outputs": [value.as_dict() for value in self.outputs],
            "layers": [layer.as_dict() for layer in self.layers],
            "diagnostics": json.loads(render_json(self.diagnostics)),
        }

    def to_json(self) -> str:
        """JSON that ends in a newline."""
        return json.dumps(self.as_dict(), indent=2) + "\n"


def _listed(shape: Shape | None) -> list[int | None] | None:
    return None if shape is None else list(shape)
