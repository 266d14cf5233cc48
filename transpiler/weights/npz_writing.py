"""Writing archives of NumPy arrays (.npz) with the keys LAYER/INDEX; the same weights give the same bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from transpiler.weights.layer_arrays import LayerArrays, decoded, numpy_dtype, pieces

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip archive can say."""


@contextmanager
def member(archive: zipfile.ZipFile, name: str) -> Iterator[IO[bytes]]:
    """A new member of an archive, stored as it is, without the time of day."""
    info = zipfile.ZipInfo(name, _EPOCH)
    info.create_system = 3
    info.external_attr = 0o600 << 16
    with archive.open(info, "w", force_zip64=True) as stream:
        yield stream


def write_arrays(path: Path, layers: Iterable[LayerArrays]) -> None:
    """Write all arrays, one in memory at a time. Raises ValueError for an array that cannot be written."""
    import numpy as np

    with zipfile.ZipFile(path, "x") as archive:
        for layer in layers:
            for index, array in enumerate(layer.arrays):
                dtype = numpy_dtype(array)
                head = io.BytesIO()
                said = {"descr": dtype.str, "fortran_order": False, "shape": array.shape}
                np.lib.format.write_array_header_1_0(head, said)
                with member(archive, f"{layer.path}/{index}.npy") as stream:
                    stream.write(head.getvalue())
                    for piece in pieces(decoded(array), dtype):
                        stream.write(piece.data)
