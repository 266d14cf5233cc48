"""Reading weight files: which format a file has is told by its content, and every fault becomes a diagnostic.

Nothing in a file is ever run: pickles are not opened, the code of Lambda layers stays text.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, Final

from transpiler.diagnostics import Sink
from transpiler.weights import archive
from transpiler.weights.archive import open_archive
from transpiler.weights.caffemodel import read_caffemodel
from transpiler.weights.checkpoint import checkpoint_at
from transpiler.weights.file_bytes import FileBytes, opened
from transpiler.weights.hdf5 import Group, open_hdf5
from transpiler.weights.hdf5_headers import SIGNATURE
from transpiler.weights.npz import read_npz
from transpiler.weights.stored import WeightFile
from transpiler.weights.unreadable import Unreadable, damaged, diagnosed, foreign, unmatched

CONFIG: Final = "config.json"
METADATA: Final = "metadata.json"
STORE: Final = "model.weights.h5"
"""The members of a .keras archive."""
_MAX_CONFIG: Final = 32 << 20

_FOREIGN: Final = (
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (b"BZh", "a bzip2 archive", "unpack it first"),
    (b"\xfd7zXZ\x00", "an xz archive", "unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it first"),
    (b"\x93NUMPY", "a single NumPy array", "pack arrays as .npz, with keys LAYER/INDEX"),
    (b"\x80\x02", "a Python pickle", "pickles can run programs when opened and are never read"),
    (b"\x80\x03", "a Python pickle", "pickles can run programs when opened and are never read"),
    (b"\x80\x04", "a Python pickle", "pickles can run programs when opened and are never read"),
    (b"\x80\x05", "a Python pickle", "pickles can run programs when opened and are never read"),
    (b"\x7fELF", "a program", None),
    (b"version https://git-lfs", "a pointer to a file kept elsewhere (Git LFS)", "fetch the file itself: git lfs pull"),
    (b"name:", "a network in text form", "weights are in the binary file (.caffemodel)"),
    (b"{", "text", "a network's description holds no weights"),
    (b"<", "text", "it may be the page of a failed download"),
)  # fmt: skip
_READABLE: Final = "read are .caffemodel, .npz, Keras's .h5, .weights.h5 and .keras, TensorFlow's checkpoints"


def read_weights(path: str, sink: Sink, config: Any = None) -> WeightFile:
    """The arrays of a weight file, which stay in the file until they are loaded.

    `config` is the parsed JSON of the Keras model that the weights belong to; formats that name their layers do
    without it. Raises CompileError.
    """
    with diagnosed(path):
        if checkpoint_at(path) is not None:
            raise unmatched(
                "a checkpoint of TensorFlow names variables of a graph, and this model's layers are not known to it",
                "give it with the graph that it belongs to",
            )
        data = opened(path)
        return _reader(data, path)(data, path, sink, config)


def whole_model(path: str, sink: Sink | None = None) -> tuple[str, WeightFile] | None:
    """The JSON of the Keras model that a file holds, and its weights; None for a file without a model.

    Raises CompileError for a file that holds one, but is damaged.
    """
    with diagnosed(path):
        data = opened(path)
        text = _model_text(data)
        return None if text is None else (text, _reader(data, path)(data, path, sink or Sink(), None))


def _model_text(data: FileBytes) -> str | None:
    start = data.read(0, min(data.size, 8))
    if start == SIGNATURE:
        from transpiler.weights.keras_h5 import is_keras_h5, model_text

        root = open_hdf5(data)
        return model_text(root) if is_keras_h5(root) else None
    if not start.startswith(archive.MAGIC):
        return None
    members = open_archive(data)
    if CONFIG not in members:
        return None
    try:
        return members[CONFIG].read(_MAX_CONFIG).decode("utf-8")
    except UnicodeDecodeError:
        raise damaged(f"{CONFIG} is not valid UTF-8") from None


_Reader = Callable[[FileBytes, str, Sink, Any], WeightFile]


def _reader(data: FileBytes, path: str) -> _Reader:
    """What reads a file, by its first bytes. Raises Unreadable where nothing does."""
    start = data.read(0, min(data.size, 64))
    if not start:
        raise damaged("the file is empty")
    if start.startswith(SIGNATURE):
        return _hdf5
    if start.startswith(archive.MAGIC):
        return _archive
    for magic, kind, help in _FOREIGN:
        if start.startswith(magic):
            raise foreign(f"this is {kind}, not a weight file", help or _READABLE)
    return _caffemodel


def _hdf5(data: FileBytes, path: str, sink: Sink, config: Any) -> WeightFile:
    return _of_hdf5(open_hdf5(data), path, sink, config)


def _of_hdf5(root: Group, path: str, sink: Sink, config: Any) -> WeightFile:
    # What is known of Keras's layers takes a while to be imported, and Caffe's files need none of it.
    from transpiler.weights.keras_h5 import is_keras_h5, read_keras_h5
    from transpiler.weights.keras_store import is_keras_store, read_keras_store

    if is_keras_h5(root):
        return read_keras_h5(root, path, sink, config)
    if is_keras_store(root):
        return read_keras_store(root, path, config)
    raise unmatched("this HDF5 file does not list layers as Keras does", _READABLE)


def _archive(data: FileBytes, path: str, sink: Sink, config: Any) -> WeightFile:
    members = open_archive(data)
    if CONFIG not in members and STORE not in members:
        if any(name.endswith("data.pkl") for name in members):
            raise foreign("this is a PyTorch checkpoint with a pickle inside", "pickles are never opened")
        return read_npz(members, path, sink)
    if STORE not in members:
        raise unmatched(
            f"the archive has no {STORE}", "it may hold a model without weights, or weights as .npz"
        )
    if CONFIG in members:
        config = _parsed(members[CONFIG].read(_MAX_CONFIG))
    return _of_hdf5(open_hdf5(members[STORE].whole()), path, sink, config)


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise damaged(f"{CONFIG} is no valid JSON") from None


def _caffemodel(data: FileBytes, path: str, sink: Sink, config: Any) -> WeightFile:
    try:
        found = read_caffemodel(data, path, sink)
    except Unreadable:
        if os.fspath(path).endswith((".caffemodel", ".binaryproto")):
            raise
        raise foreign("the format of this file is not recognised", _READABLE) from None
    if not found.layers:
        raise foreign("no layer with arrays is found in this file", _READABLE)
    return found
