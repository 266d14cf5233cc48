"""What a weight file holds, as the file itself names and orders it. Readers of all formats give a `WeightFile`."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from transpiler.ir import LazyArray


@attrs.frozen(eq=False)
class Stored:
    """One array in its framework's own axis order. `key` is how the file calls it, for diagnostics (`conv1/0`).

    `role` is the canonical role (`kernel`, `bias` …) where the file says it; otherwise position decides.
    """

    key: str
    array: LazyArray
    role: str | None = None


@attrs.frozen(eq=False)
class WeightFile:
    """All arrays of a file, in file order.

    `layers`: by layer; a layer inside a nested model has the path of the models before it (`encoder/dense_1`).
    `variables`: by variable name, for frameworks whose weights belong to no layer (TensorFlow).
    `framework`: whose axis order the arrays have; None: that of the model they belong to.
    """

    name: str
    framework: str | None
    layers: Mapping[str, tuple[Stored, ...]] = attrs.field(factory=dict)
    variables: Mapping[str, Stored] = attrs.field(factory=dict)
