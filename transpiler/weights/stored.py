"""What a weight file holds, as the file itself names and orders it. Readers of all formats give a `WeightFile`."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from transpiler.ir import LazyArray


class Stored(msgspec.Struct, frozen=True, eq=False):
    """One array in its framework's own axis order. `key` is how the file calls it, for diagnostics (`conv1/0`).

    `role` is the canonical role (`kernel`, `bias` …) where the file says it; otherwise position decides.
    """

    key: str
    array: LazyArray
    role: str | None = None


class WeightFile(msgspec.Struct, frozen=True, eq=False):
    """All arrays of a file, in file order.

    `layers`: by layer; a layer inside a nested model has the path of the models before it (`encoder/dense_1`).
    `variables`: by variable name, for frameworks whose weights belong to no layer (TensorFlow).
    `framework`: whose axis order the arrays have; None: that of the model they belong to.
    """

    name: str
    framework: str | None
    layers: Mapping[str, tuple[Stored, ...]] = msgspec.field(default_factory=dict)
    variables: Mapping[str, Stored] = msgspec.field(default_factory=dict)
