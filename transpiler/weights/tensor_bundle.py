"""TensorFlow's checkpoints (tensor bundles): an index of names and shapes, and files of elements one after another.

Source: tensorflow/core/util/tensor_bundle/tensor_bundle.h, tensorflow/core/protobuf/tensor_bundle.proto.
"""

from __future__ import annotations

import io
import math
import os
import struct
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from transpiler.ir import DType, LazyArray
from transpiler.weights.array_bytes import blocks
from transpiler.weights.crc32c import Checksum, crc32c, masked
from transpiler.weights.file_bytes import Cursor, FileBytes, of_stream, opened
from transpiler.weights.tensor_table import read_table, varint, write_table, written_varint
from transpiler.weights.unreadable import damaged, hostile, misshapen, unsupported
from transpiler.weights.wire import WireType, fields

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[Any, np.dtype[Any]]

TYPES: Final[Mapping[int, tuple[DType | None, str]]] = {
    1: (DType.FLOAT32, "<f4"),
    2: (DType.FLOAT64, "<f8"),
    3: (DType.INT32, "<i4"),
    4: (DType.UINT8, "u1"),
    5: (DType.INT16, "<i2"),
    6: (DType.INT8, "i1"),
    8: (None, "<c8"),
    9: (DType.INT64, "<i8"),
    10: (DType.BOOL, "?"),
    14: (DType.BFLOAT16, "<u2"),
    17: (None, "<u2"),
    18: (None, "<c16"),
    19: (DType.FLOAT16, "<f2"),
    22: (None, "<u4"),
    23: (None, "<u8"),
}
"""TensorFlow's number of an element type -> the graph's, and numpy's. bfloat16 is decoded as float32."""
_STRING: Final = 7
_NUMBERS: Final = {
    **{dtype: number for number, (dtype, _) in TYPES.items() if dtype is not None},
    DType.BFLOAT16: 1,  # arrays of the graph hold it as float32
}
_HEADER: Final = b"\x08\x01\x1a\x02\x08\x01"
"""One file of elements, in little-endian order, written by version 1 of the format."""
MOST_FILES: Final = 1 << 16
MOST_AXES: Final = 32


class _Entry(msgspec.Struct, frozen=True):
    """What the index says of a tensor."""

    dtype: int
    shape: tuple[int, ...]
    file: int
    offset: int
    size: int
    crc: int
    sliced: bool


def read_bundle(prefix: str | os.PathLike[str]) -> dict[str, LazyArray]:
    """The tensors of a checkpoint by name; `prefix`: its path without `.index`.

    Texts (the description of a checkpoint's objects) are decoded as arrays of bytes. Raises OSError, and Unreadable
    where the files are damaged or of another format.
    """
    entries = read_table(opened(f"{os.fspath(prefix)}.index"))
    key, header = next(entries, (b"?", b""))
    if key:
        raise damaged("the index does not begin with its header")
    count = _files(header)
    files: dict[int, FileBytes] = {}
    found = {}
    for key, value in entries:
        entry = _entry(value)
        if not 0 <= entry.file < count:
            raise damaged(f"the index names file {entry.file} of {count}")
        if entry.file not in files:
            files[entry.file] = opened(f"{os.fspath(prefix)}.data-{entry.file:05d}-of-{count:05d}")
        if key.startswith(b"\0"):
            continue  # a part of a sliced tensor, which is refused under its own name
        name = key.decode("utf-8", errors="backslashreplace")
        found[name] = _lazy(name, entry, files[entry.file])
    return found


def _files(header: bytes) -> int:
    """How many files of elements there are."""
    values = _numbers(header)
    count = values.get(1, 0)
    if values.get(2, 0):
        raise unsupported("the checkpoint was written in big-endian order")
    if not 0 < count < MOST_FILES:
        raise damaged(f"the checkpoint has {count} files")
    return count


def _numbers(message: bytes) -> dict[int, int]:
    """The plain numbers of a message."""
    data = of_stream(io.BytesIO(message))
    return {
        field.number: field.value for field in fields(data, 0, data.size) if field.type is WireType.VARINT
    }


def _entry(message: bytes) -> _Entry:
    data = of_stream(io.BytesIO(message))
    values: dict[int, int] = {}
    shape: tuple[int, ...] = ()
    crc, sliced = 0, False
    for field in fields(data, 0, data.size):
        if field.type is WireType.VARINT:
            values[field.number] = field.value
        elif field.number == 2 and field.type is WireType.BYTES:
            shape = _shape(data, field.start, field.end)
        elif field.number == 6 and field.type is WireType.FIXED32:
            crc = int.from_bytes(data.read(field.start, 4), "little")
        elif field.number == 7:
            sliced = True
    offset, size = values.get(4, 0), values.get(5, 0)
    return _Entry(values.get(1, 0), shape, values.get(3, 0), offset, size, crc, sliced)


def _shape(data: FileBytes, start: int, end: int) -> tuple[int, ...]:
    sizes = []
    for dim in fields(data, start, end):
        if dim.number == 2 and dim.type is WireType.BYTES:
            size = next((one.value for one in fields(data, dim.start, dim.end) if one.number == 1), 0)
            sizes.append(size)
    if len(sizes) > MOST_AXES or any(size >> 63 for size in sizes):
        raise misshapen(f"a tensor of the checkpoint has the shape {sizes}")
    return tuple(sizes)


def _lazy(name: str, entry: _Entry, file: FileBytes) -> LazyArray:
    """The tensor, once its place and size have been found to make sense."""
    import numpy as np

    if entry.dtype == _STRING:
        return LazyArray(entry.shape, DType.STRING, partial(_texts, name, entry, file))
    if entry.dtype not in TYPES:
        raise unsupported(f"the elements of {name} are of a type that is not read here ({entry.dtype})")
    dtype, kind = TYPES[entry.dtype]
    if not entry.sliced:
        size = math.prod(entry.shape) * np.dtype(kind).itemsize
        if size != entry.size:
            raise misshapen(
                f"{name} has the shape {list(entry.shape)}, but {entry.size} bytes are stored of it"
            )
        if entry.offset + entry.size > file.size:
            raise damaged(f"{name} goes on behind the end of its file")
    return LazyArray(entry.shape, dtype, partial(_elements, name, entry, file))


def _elements(name: str, entry: _Entry, file: FileBytes) -> Numbers:
    import numpy as np

    if entry.sliced:
        raise unsupported(f"{name} is stored in slices, which are not read here")
    made = np.empty(entry.shape, TYPES[entry.dtype][1])
    file.into(entry.offset, made.reshape(-1))
    _check(name, entry, made.reshape(-1).view("u1").data)
    if TYPES[entry.dtype][0] is DType.BFLOAT16:
        return (made.astype("<u4") << 16).view("<f4")
    return made


def _check(name: str, entry: _Entry, data: memoryview) -> None:
    if masked(crc32c(data)) != entry.crc:
        raise damaged(f"{name} is not what was written: its checksum differs")


def _texts(name: str, entry: _Entry, file: FileBytes) -> Numbers:
    """All lengths, their checksum, and the texts one after another."""
    import numpy as np

    count = math.prod(entry.shape)
    if count > entry.size:
        raise hostile(f"{name} has {count} texts in {entry.size} bytes")
    cursor = Cursor(file.read(entry.offset, entry.size))
    lengths = [varint(cursor) for _ in range(count)]
    cursor.skip(4)
    made = np.empty(count, object)
    made[:] = [cursor.take(length) for length in lengths]
    return made.reshape(entry.shape)


def write_bundle(prefix: str | os.PathLike[str], arrays: Mapping[str, LazyArray]) -> None:
    """Write tensors as a checkpoint, each loaded when its turn comes. Raises OSError, and what loading raises."""
    Path(prefix).parent.mkdir(parents=True, exist_ok=True)
    entries: list[tuple[bytes, bytes]] = [(b"", _HEADER)]
    offset = 0
    with Path(f"{os.fspath(prefix)}.data-00000-of-00001").open("wb") as data:
        for name in sorted(arrays, key=str.encode):
            number = _NUMBERS[arrays[name].dtype or DType.FLOAT32]
            checksum, start = Checksum(), offset
            for block in blocks(arrays[name].load(), TYPES[number][1]):
                data.write(block)
                checksum.update(block)
                offset += len(block)
            crc = masked(checksum.value)
            entries.append(
                (name.encode(), _written_entry(number, arrays[name].shape, start, offset - start, crc))
            )
    with Path(f"{os.fspath(prefix)}.index").open("wb") as index:
        write_table(index, entries)


def _written_entry(dtype: int, shape: tuple[int, ...], offset: int, size: int, crc: int) -> bytes:
    """Fields that are 0 are left out, as protobuf does."""
    dims = b"".join(_delimited(2, _number(1, n)) for n in shape)
    numbers = _number(4, offset) + _number(5, size)
    return _number(1, dtype) + _delimited(2, dims) + numbers + b"\x35" + struct.pack("<I", crc)


def _number(field: int, value: int) -> bytes:
    return written_varint(field << 3) + written_varint(value) if value else b""


def _delimited(field: int, content: bytes) -> bytes:
    return written_varint(field << 3 | 2) + written_varint(len(content)) + content
