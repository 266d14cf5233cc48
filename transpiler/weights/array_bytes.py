"""The bytes of an array in the order of its indices, block by block: a transposed view is never copied as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[Any, np.dtype[Any]]

BLOCK: Final = 1 << 24
"""About so many bytes are copied at once."""


def blocks(array: Numbers, element: str) -> Iterator[memoryview]:
    """The elements as `element` (numpy's word for their type), row by row of the first axis."""
    import numpy as np

    kind = np.dtype(element)
    if array.dtype == kind and array.flags.c_contiguous:
        yield array.reshape(-1).view("u1").data
        return
    rows = array if array.ndim else array.reshape(1)
    size = max(rows[:1].size * kind.itemsize, 1)
    step = max(BLOCK // size, 1)
    for start in range(0, len(rows), step):
        yield np.asarray(rows[start : start + step], kind, order="C").reshape(-1).view("u1").data
