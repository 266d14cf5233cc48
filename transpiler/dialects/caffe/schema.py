"""The one description of caffe.proto: every message and enum by name, with what forks added alongside.

`MESSAGES["PoolingParameter"].field("pad")` is the field `pad`: a uint32, optional, 0 where it is not written.
"""

from __future__ import annotations

import msgspec

from transpiler.dialects.caffe.schema_forks import FORK_FIELDS, FORK_MESSAGES
from transpiler.dialects.caffe.schema_layers import LAYER_MESSAGES
from transpiler.dialects.caffe.schema_legacy import LEGACY_MESSAGES, V0_TYPES, V1_TYPES
from transpiler.dialects.caffe.schema_net import NET_MESSAGES, PHASE
from transpiler.dialects.caffe.schema_solver import SOLVER_MESSAGES
from transpiler.dialects.caffe.schema_types import EnumSpec, FieldSpec, FieldType, Label, MessageSpec

__all__ = [
    "BVLC_MESSAGES",
    "ENUMS",
    "LAYER",
    "MESSAGES",
    "NET",
    "PHASE",
    "SOLVER",
    "V0_LAYER",
    "V0_TYPES",
    "V1_LAYER",
    "V1_TYPES",
    "EnumSpec",
    "FieldSpec",
    "FieldType",
    "Label",
    "MessageSpec",
    "messages_with_field",
]

BVLC_MESSAGES: tuple[MessageSpec, ...] = NET_MESSAGES + SOLVER_MESSAGES + LAYER_MESSAGES + LEGACY_MESSAGES
"""The messages of BVLC Caffe, as its schema has them."""


def _v1_extensions() -> tuple[FieldSpec, ...]:
    """Fields that files write in a V1 layer though only a V2 layer, or a fork's, has them."""
    by_name = {spec.name: spec for spec in BVLC_MESSAGES}
    known = {field.name for field in by_name["V1LayerParameter"].fields}
    newer = (field for field in by_name["LayerParameter"].fields if field.name not in known)
    return (*(msgspec.structs.replace(field, fork=True) for field in newer), *FORK_FIELDS["LayerParameter"])


def _assemble() -> dict[str, MessageSpec]:
    forks = {**FORK_FIELDS, "V1LayerParameter": _v1_extensions()}
    bvlc = (MessageSpec(spec.name, spec.fields, forks.get(spec.name, ())) for spec in BVLC_MESSAGES)
    return {spec.name: spec for spec in (*bvlc, *FORK_MESSAGES)}


def _collect_enums() -> dict[str, EnumSpec]:
    fields = (field for spec in BVLC_MESSAGES for field in spec.fields)
    return {field.enum.name: field.enum for field in fields if field.enum is not None}


MESSAGES: dict[str, MessageSpec] = _assemble()
"""Every message by name, forks' messages and fields included."""

ENUMS: dict[str, EnumSpec] = _collect_enums()
"""Every enum of BVLC Caffe by full name, as in `PoolingParameter.PoolMethod`."""

NET = MESSAGES["NetParameter"]
LAYER = MESSAGES["LayerParameter"]
V1_LAYER = MESSAGES["V1LayerParameter"]
V0_LAYER = MESSAGES["V0LayerParameter"]
SOLVER = MESSAGES["SolverParameter"]


def messages_with_field(name: str) -> tuple[str, ...]:
    """The names of BVLC messages that have a field of this name, in the schema's order."""
    return tuple(spec.name for spec in BVLC_MESSAGES if any(field.name == name for field in spec.fields))
