"""Writing weight files, whole or not at all, one array in memory at a time; the same weights give the same bytes.

All functions take layers one by one, arrays in the framework's own order (for Keras: that of `layer.weights` of
Keras 3). They raise CompileError where the file cannot be written or an array cannot be read, and ValueError where
what is given does not belong together.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from transpiler.weights.caffemodel_writing import write_net
from transpiler.weights.layer_arrays import LayerArrays
from transpiler.weights.npz_writing import member, write_arrays
from transpiler.weights.reading import CONFIG, METADATA, STORE
from transpiler.weights.whole_files import replacing, scratch

__all__ = [
    "LayerArrays",
    "write_caffemodel",
    "write_keras_archive",
    "write_keras_h5",
    "write_keras_weights",
    "write_npz",
]

_METADATA: Final = {"keras_version": "3.15.0", "date_saved": "1980-01-01@00:00:00"}
_BLOCK: Final = 1 << 20


def write_caffemodel(path: str, net_name: str, layers: Iterable[LayerArrays]) -> None:
    """A .caffemodel in today's form (V2). Integers are written as floats, where that is exact."""
    with replacing(path) as part, part.open("xb") as stream:
        write_net(stream, net_name, list(layers))


def write_npz(path: str, layers: Iterable[LayerArrays]) -> None:
    """A .npz with the keys LAYER/INDEX."""
    with replacing(path) as part:
        write_arrays(part, layers)


def write_keras_archive(path: str, config_text: str, layers: Iterable[LayerArrays]) -> None:
    """A .keras of Keras 3: the model's JSON, and its weights."""
    from transpiler.weights.keras_writing import h5py_for, write_store

    h5py = h5py_for(path)
    with replacing(path) as part, scratch(Path(path)) as store:
        write_store(h5py, store, json.loads(config_text), layers)
        with zipfile.ZipFile(part, "x") as archive:
            for name, text in ((METADATA, json.dumps(_METADATA)), (CONFIG, config_text)):
                with member(archive, name) as stream:
                    stream.write(text.encode())
            with member(archive, STORE) as stream, store.open("rb") as source:
                shutil.copyfileobj(source, stream, _BLOCK)


def write_keras_weights(path: str, config_text: str, layers: Iterable[LayerArrays]) -> None:
    """A .weights.h5 of Keras 3 for the model that the JSON describes."""
    from transpiler.weights.keras_writing import h5py_for, write_store

    h5py = h5py_for(path)
    with replacing(path) as part:
        write_store(h5py, part, json.loads(config_text), layers)


def write_keras_h5(path: str, config_text: str, layers: Iterable[LayerArrays], *, whole: bool = True) -> None:
    """A .h5 of Keras 2 with the model (its JSON, as Keras 2 has it) and its weights, or with the weights alone."""
    from transpiler.weights.keras_writing import h5py_for, write_legacy

    h5py = h5py_for(path)
    document: Any = json.loads(config_text)
    with replacing(path) as part:
        write_legacy(h5py, part, document, layers, whole=whole)
