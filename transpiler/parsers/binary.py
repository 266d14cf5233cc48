"""Recognising binary files by their first bytes, so that the error can say what they are."""

from __future__ import annotations

import re
from typing import Final

import msgspec

_WEIGHTS: Final = "give it with --weights, and as SRC the description of the network"


class BinaryKind(msgspec.Struct, frozen=True):
    """What a binary file is, and what to do about it. `holds`: the framework whose whole models such files can be."""

    name: str
    advice: str | None = None
    holds: str | None = None


_HDF5: Final = BinaryKind("an HDF5 file", _WEIGHTS, "keras")
_KERAS_ARCHIVE: Final = BinaryKind(
    "a Keras archive (.keras, a zip file)", "unpack it: the network is its config.json", "keras"
)
_GRAPH: Final = BinaryKind("a TensorFlow GraphDef in binary form (.pb)", None, "tensorflow")
_SAVED: Final = BinaryKind("a TensorFlow SavedModel in binary form", None, "tensorflow")
_MAGIC: Final[tuple[tuple[bytes, BinaryKind], ...]] = (
    (b"\x89HDF\r\n\x1a\n", _HDF5),
    (b"\x1f\x8b", BinaryKind("a gzip archive", "unpack it first")),
    (b"\x89PNG\r\n\x1a\n", BinaryKind("a PNG picture")),
    (b"\xff\xd8\xff", BinaryKind("a JPEG picture")),
    (b"GIF8", BinaryKind("a GIF picture")),
    (b"%PDF-", BinaryKind("a PDF document")),
    (b"\x93NUMPY", BinaryKind("a NumPy array (.npy)")),
    (b"\x7fELF", BinaryKind("a program")),
    (b"BZh", BinaryKind("a bzip2 archive", "unpack it first")),
    (b"\xfd7zXZ\x00", BinaryKind("an xz archive", "unpack it first")),
    (b"7z\xbc\xaf\x27\x1c", BinaryKind("a 7-Zip archive", "unpack it first")),
)
# Patterns that most files never need stand as text: `re` compiles each when it is first used, and keeps it.
_PICKLE: Final = rb"\x80[\x02-\x05][\x80-\xff\x00-\x7f]"
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_VARINT: Final = rb"[\x80-\xff]{0,4}[\x00-\x7f]"
_PRINTABLE_FIELD: Final = rb"\x0a([\x01-\x7f])"
_SAVED_MODEL: Final = rb"\x08\x01\x12" + _VARINT + rb"\x0a"
_ONNX: Final = rb"\x08[\x01-\x20][\x12\x1a\x22\x28\x32\x3a\x42]"
_GRAPH_DEF: Final = rb"\x0a" + _VARINT + rb"\x0a[\x01-\x7f][!-~]+[ -~]*\x12[\x01-\x7f][!-~]"


def binary_kind(data: bytes, suffix: str = "") -> BinaryKind | None:
    """Return what a binary file is; None if the first bytes look like text.

    Only the first kilobytes are looked at, so `data` may be the beginning of a file. `suffix` decides only where the
    content does not.
    """
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    if data.startswith(b"PK\x03\x04"):
        return _zip_kind(data)
    if data.startswith(b"\x80") and re.match(_PICKLE, data) is not None:
        return BinaryKind("a Python pickle", "pickles can run programs when opened and are never read")
    if _CONTROL.search(data, 0, 4096) is not None:
        return _protobuf_kind(data) or (_GRAPH if suffix.lower() in {".pb", ".meta"} else None)
    return None


def _zip_kind(data: bytes) -> BinaryKind:
    start = data[:4096]
    if b"metadata.json" in start or b"config.json" in start or b"model.weights.h5" in start:
        return _KERAS_ARCHIVE
    if b".npy" in start:
        return BinaryKind("an archive of NumPy arrays (.npz)", _WEIGHTS)
    if b"data.pkl" in start:
        return BinaryKind("a PyTorch checkpoint (a zip file with a pickle)")
    return BinaryKind("a zip archive", "unpack it first")


def _protobuf_kind(data: bytes) -> BinaryKind | None:
    """Tell the binary protobuf messages of the field by their first tags and lengths."""
    if re.match(_SAVED_MODEL, data, re.DOTALL) is not None:
        return _SAVED
    if re.match(_ONNX, data, re.DOTALL) is not None:
        return BinaryKind("an ONNX model in binary form")
    if re.match(_GRAPH_DEF, data, re.DOTALL) is not None:
        return _GRAPH
    if named := re.match(_PRINTABLE_FIELD, data, re.DOTALL):
        name = data[2 : 2 + named[1][0]]
        follows = data[2 + named[1][0] : 4 + named[1][0]]
        if (
            name.isascii()
            and name.decode("ascii").isprintable()
            and follows[:1] in (b"\x12", b"\x1a", b"\x22", b"\xa2")
        ):
            return BinaryKind("Caffe weights (a binary NetParameter, .caffemodel)", _WEIGHTS)
    return None
