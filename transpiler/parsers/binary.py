"""Recognising binary files by their first bytes, so that the error can say what they are."""

from __future__ import annotations

import re
from typing import Final

_MAGIC: Final[tuple[tuple[bytes, str, str | None], ...]] = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", "it may hold Keras weights or a whole Keras model (.h5)"),
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture", None),
    (b"\xff\xd8\xff", "a JPEG picture", None),
    (b"GIF8", "a GIF picture", None),
    (b"%PDF-", "a PDF document", None),
    (b"\x93NUMPY", "a NumPy array (.npy)", None),
    (b"\x7fELF", "a program", None),
    (b"BZh", "a bzip2 archive", "unpack it first"),
    (b"\xfd7zXZ\x00", "an xz archive", "unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it first"),
)
_PICKLE: Final = re.compile(rb"\x80[\x02-\x05][\x80-\xff\x00-\x7f]")
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_VARINT: Final = rb"[\x80-\xff]{0,4}[\x00-\x7f]"
_PRINTABLE_FIELD: Final = re.compile(rb"\x0a([\x01-\x7f])", re.DOTALL)
_SAVED_MODEL: Final = re.compile(rb"\x08\x01\x12" + _VARINT + rb"\x0a", re.DOTALL)
_ONNX: Final = re.compile(rb"\x08[\x01-\x20][\x12\x1a\x22\x28\x32\x3a\x42]", re.DOTALL)
_GRAPH_DEF: Final = re.compile(
    rb"\x0a" + _VARINT + rb"\x0a[\x01-\x7f][!-~]+[ -~]*\x12[\x01-\x7f][!-~]", re.DOTALL
)


def binary_kind(data: bytes) -> tuple[str, str | None] | None:
    """Return what a binary file is and what to do about it; None if the first bytes look like text.

    Only the first kilobytes are looked at, so `data` may be the beginning of a file.
    """
    for magic, kind, advice in _MAGIC:
        if data.startswith(magic):
            return kind, advice
    if data.startswith(b"PK\x03\x04"):
        return _zip_kind(data)
    if _PICKLE.match(data) is not None:
        return "a Python pickle", "pickles can run programs when opened and are never read"
    if _CONTROL.search(data, 0, 4096) is not None:
        return _protobuf_kind(data)
    return None


def _zip_kind(data: bytes) -> tuple[str, str | None]:
    start = data[:4096]
    if b"metadata.json" in start or b"config.json" in start or b"model.weights.h5" in start:
        return "a Keras archive (.keras, a zip file)", "unpack it: the network is its config.json"
    if b".npy" in start:
        return "an archive of NumPy arrays (.npz)", None
    if b"data.pkl" in start:
        return "a PyTorch checkpoint (a zip file with a pickle)", None
    return "a zip archive", "unpack it first"


def _protobuf_kind(data: bytes) -> tuple[str, str | None] | None:
    """Tell the binary protobuf messages of the field by their first tags and lengths."""
    if _SAVED_MODEL.match(data) is not None:
        return "a TensorFlow SavedModel in binary form", "export its graph as text (.pbtxt)"
    if _ONNX.match(data) is not None:
        return "an ONNX model in binary form", None
    if _GRAPH_DEF.match(data) is not None:
        return (
            "a TensorFlow GraphDef in binary form (.pb)",
            "write it as text: tf.io.write_graph(…, as_text=True)",
        )
    if named := _PRINTABLE_FIELD.match(data):
        name = data[2 : 2 + named[1][0]]
        follows = data[2 + named[1][0] : 4 + named[1][0]]
        if (
            name.isascii()
            and name.decode("ascii").isprintable()
            and follows[:1] in (b"\x12", b"\x1a", b"\x22", b"\xa2")
        ):
            return (
                "Caffe weights (a binary NetParameter, .caffemodel)",
                "give the .prototxt that describes the network",
            )
    return None
