"""Two arrays that should be equal: how far apart they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from transpiler.ir.arrays import Array as Numbers

LEAST_SCALE: Final = 1e-6
"""What a relative difference is divided by at least: tensors of zeros have no scale."""


class Difference(msgspec.Struct, frozen=True):
    """The largest absolute difference, and that divided by the largest magnitude of the reference (`scale`)."""

    absolute: float
    relative: float
    scale: float


FAR: Final = Difference(float("inf"), float("inf"), float("inf"))
"""How far apart arrays are that have other shapes, or NaN or infinity at other places."""


def difference(reference: Numbers, found: Numbers) -> Difference:
    """How far `found` is from `reference`."""
    import numpy as np

    if reference.shape != found.shape:
        return FAR
    if reference.size == 0:
        return Difference(0.0, 0.0, 0.0)
    a, b = _real(reference), _real(found)
    finite = np.isfinite(a)
    if not finite.all():
        if not np.array_equal(a[~finite], b[~finite], equal_nan=True) or not np.isfinite(b[finite]).all():
            return FAR
        a, b = a[finite], b[finite]
        if a.size == 0:
            return Difference(0.0, 0.0, 0.0)
    absolute = float(np.abs(a - b).max())
    scale = float(np.abs(a).max())
    if not np.isfinite(absolute):
        return FAR
    return Difference(absolute, absolute / max(scale, LEAST_SCALE), scale)


def _real(array: Numbers) -> Numbers:
    import numpy as np

    return array if array.dtype == np.float32 else np.asarray(array, np.float64)
