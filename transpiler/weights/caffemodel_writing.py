"""Writing Caffe's weight files: a binary NetParameter with today's layers, one array in memory at a time.

Every message stands behind its length, so lengths are computed from shapes before anything is decoded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import IO, Final

from transpiler.ir import LazyArray
from transpiler.ir.types import DType
from transpiler.weights.layer_arrays import LayerArrays, decoded, numpy_dtype, pieces

MAX_BYTES: Final = (1 << 31) - 1
"""Protobuf reads no larger message."""

_NET_NAME, _NET_LAYER = 1, 100
_LAYER_NAME, _LAYER_TYPE, _LAYER_BLOBS = 1, 2, 7
_BLOB_DATA, _BLOB_SHAPE, _BLOB_DOUBLE_DATA = 5, 7, 8
_SHAPE_DIM = 1


def write_net(stream: IO[bytes], net_name: str, layers: Sequence[LayerArrays]) -> None:
    """Write all layers. Raises ValueError for a net that is too large, and for elements that are no floats exactly."""
    name = _delimited(_NET_NAME, net_name.encode())
    total = len(name)
    heads: list[bytes] = []
    for layer in layers:
        size = len(_layer_head(layer)) + sum(_blob_size(array) for array in layer.arrays)
        head = _key(_NET_LAYER) + varint(size) + _layer_head(layer)
        heads.append(head)
        total += len(head) + size - len(_layer_head(layer))
    if total > MAX_BYTES:
        raise ValueError(f"the weights take {total} bytes, but a caffemodel has at most {MAX_BYTES}")
    stream.write(name)
    for head, layer in zip(heads, layers, strict=True):
        stream.write(head)
        for array in layer.arrays:
            _write_blob(stream, array)


def varint(value: int) -> bytes:
    """A number as protobuf writes it."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _key(number: int) -> bytes:
    """The tag of a field whose content stands behind its length."""
    return varint(number << 3 | 2)


def _delimited(number: int, content: bytes) -> bytes:
    return _key(number) + varint(len(content)) + content


def _layer_head(layer: LayerArrays) -> bytes:
    return _delimited(_LAYER_NAME, layer.path.encode()) + _delimited(_LAYER_TYPE, layer.type.encode())


def _is_double(array: LazyArray) -> bool:
    return array.dtype is DType.FLOAT64


def _blob_head(array: LazyArray) -> bytes:
    """Everything of a blob before its numbers."""
    dims = b"".join(map(varint, array.shape))
    shape = _delimited(_BLOB_SHAPE, _delimited(_SHAPE_DIM, dims) if dims else b"")
    number = _BLOB_DOUBLE_DATA if _is_double(array) else _BLOB_DATA
    return shape + _key(number) + varint(_data_size(array))


def _data_size(array: LazyArray) -> int:
    return math.prod(array.shape) * (8 if _is_double(array) else 4)


def _blob_size(array: LazyArray) -> int:
    """Bytes of a blob with its tag and length."""
    size = len(_blob_head(array)) + _data_size(array)
    return len(_key(_LAYER_BLOBS)) + len(varint(size)) + size


def _write_blob(stream: IO[bytes], array: LazyArray) -> None:
    import numpy as np

    head = _blob_head(array)
    stream.write(_key(_LAYER_BLOBS) + varint(len(head) + _data_size(array)) + head)
    dtype = np.dtype("<f8" if _is_double(array) else "<f4")
    is_exact = numpy_dtype(array).kind == "f"
    for piece in pieces(decoded(array), numpy_dtype(array)):
        floats = piece.astype(dtype, copy=False)
        if not is_exact and not np.array_equal(floats.astype(np.float64), piece.astype(np.float64)):
            raise ValueError("an integer is too large to be written as a float of 32 bits")
        stream.write(floats.data)
