"""What is to be written where: for each layer of a target's file, the arrays that fill its weights, in its order."""

from __future__ import annotations

import msgspec

from transpiler.dialects.rows import ArrayUse


class LayerPlan(msgspec.Struct, frozen=True):
    """One layer with weights. `path` is its name; inside a nested model, behind those of the models around it."""

    path: str
    type: str
    arrays: tuple[ArrayUse, ...]
