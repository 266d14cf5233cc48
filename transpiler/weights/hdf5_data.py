"""Where and how HDF5 stores the numbers of an array: in its header, in one piece, or in chunks, perhaps compressed."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import msgspec

from transpiler.ir import LazyArray
from transpiler.ir.types import DType
from transpiler.weights.file_bytes import Cursor
from transpiler.weights.hdf5_headers import REPACK, Format, Message
from transpiler.weights.hdf5_heaps import MAX_ENTRIES, tree_entries
from transpiler.weights.hdf5_types import ElementType
from transpiler.weights.unreadable import check_expansion, damaged, hostile, misshapen, unsupported

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[Any, np.dtype[Any]]

_DEFLATE: Final = 1
_SHUFFLE: Final = 2
_FLETCHER: Final = 3


def stored_array(
    form: Format,
    path: str,
    shape: tuple[int, ...],
    element: ElementType,
    layout: Message,
    filters: Message | None,
    *,
    is_brain_float: bool = False,
) -> LazyArray:
    """The array with this shape and these messages. That all of its bytes are in the file is checked here already.

    `is_brain_float`: the elements are bfloat16 in disguise; they are widened, exactly.
    """
    if is_brain_float:
        element = ElementType(2, "<u2")
    dtype = element.dtype()
    count = math.prod(shape)
    load = _loader(_Stored(form, path, shape, dtype, count * element.size), layout, filters)
    if is_brain_float:
        return LazyArray(shape, DType.FLOAT32, lambda: _widened(load()))
    return LazyArray(shape, element.word, load)


def _widened(halves: Numbers) -> Numbers:
    import numpy as np

    return (halves.astype(np.uint32) << 16).view(np.float32)


class _Stored(msgspec.Struct, frozen=True, eq=False):
    """An array that is to be found."""

    form: Format
    path: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    size: int

    def empty(self) -> Numbers:
        import numpy as np

        return np.empty(self.shape, self.dtype)

    def native(self, array: Numbers) -> Numbers:
        """The array in this machine's byte order."""
        return array.astype(array.dtype.newbyteorder("="), copy=False)


def _loader(stored: _Stored, layout: Message, filters: Message | None) -> Callable[[], Numbers]:
    cursor = layout.cursor()
    version = cursor.number(1)
    if version in (1, 2):
        return _oldest(stored, cursor, filters)
    if version not in (3, 4, 5):
        raise unsupported(f"{stored.path} is stored in a way that is not read here", REPACK)
    kind = cursor.number(1)
    if kind == 0:
        return _compact(stored, cursor.take(cursor.number(2)))
    if kind == 1:
        return _contiguous(stored, stored.form.address(cursor), stored.form.length(cursor))
    if kind == 3:
        raise hostile(
            f"{stored.path} is put together of other arrays, perhaps of other files; that is never done"
        )
    if version == 3 and kind == 2:
        rank = cursor.number(1) - 1
        index = stored.form.address(cursor)
        sizes = [cursor.number(4) for _ in range(rank + 1)]
        return _chunked(stored, index, sizes, filters)
    raise unsupported(f"the chunks of {stored.path} are found in a way that is not read here", REPACK)


def _oldest(stored: _Stored, cursor: Cursor, filters: Message | None) -> Callable[[], Numbers]:
    rank, kind = cursor.number(1), cursor.number(1)
    cursor.skip(5)
    address = None if kind == 0 else stored.form.address(cursor)
    sizes = [cursor.number(4) for _ in range(rank)]
    if kind == 0:
        return _compact(stored, cursor.take(cursor.number(4)))
    return (
        _contiguous(stored, address, stored.size) if kind == 1 else _chunked(stored, address, sizes, filters)
    )


def _compact(stored: _Stored, data: bytes) -> Callable[[], Numbers]:
    import numpy as np

    if len(data) != stored.size:
        raise misshapen(
            f"{stored.path} has the shape {list(stored.shape)}, which takes {stored.size} bytes, not {len(data)}"
        )
    return lambda: stored.native(np.frombuffer(data, stored.dtype).reshape(stored.shape))


def _contiguous(stored: _Stored, address: int | None, size: int) -> Callable[[], Numbers]:
    if address is None:
        if stored.size:
            raise damaged(f"{stored.path} was never written: the file has no numbers for it")
        return stored.empty
    if size != stored.size:
        raise misshapen(
            f"{stored.path} has the shape {list(stored.shape)}, which takes {stored.size} bytes, not {size}"
        )
    part = stored.form.content.part(address, size)

    def load() -> Numbers:
        array = stored.empty()
        part.into(0, array)
        return stored.native(array)

    return load


class _Chunk(msgspec.Struct, frozen=True):
    start: tuple[int, ...]
    address: int
    size: int
    skipped: int
    """Bit i: filter i was not applied to this chunk."""


def _chunked(
    stored: _Stored, index: int | None, sizes: list[int], filters: Message | None
) -> Callable[[], Numbers]:
    rank = len(stored.shape)
    if len(sizes) != rank + 1 or not all(sizes) or sizes[-1] != stored.dtype.itemsize:
        raise damaged(f"the chunks of {stored.path} make no sense")
    if not stored.size:
        return stored.empty
    if index is None:
        raise damaged(f"{stored.path} was never written: the file has no numbers for it")
    shape = tuple(sizes[:-1])
    chunks = list(_chunks(stored, index, rank))
    expected = math.prod(-(-size // step) for size, step in zip(stored.shape, shape, strict=True))
    starts = {chunk.start for chunk in chunks}
    if len(chunks) != expected or len(starts) != expected:
        raise damaged(f"{stored.path} has {len(chunks)} chunks, but its shape needs {expected}")
    check_expansion(stored.size, sum(chunk.size for chunk in chunks), stored.path)
    check_expansion(math.prod(sizes), max(chunk.size for chunk in chunks), f"a chunk of {stored.path}")
    steps = _filters(filters) if filters is not None else []

    def load() -> Numbers:
        import numpy as np

        array = stored.empty()
        for chunk in chunks:
            data = stored.form.content.read(chunk.address, chunk.size)
            raw = _unfiltered(data, steps, chunk.skipped, math.prod(sizes), stored)
            here = np.frombuffer(raw, stored.dtype).reshape(shape)
            inside = tuple(
                slice(at, min(at + step, size))
                for at, step, size in zip(chunk.start, shape, stored.shape, strict=True)
            )
            array[inside] = here[tuple(slice(0, part.stop - part.start) for part in inside)]
        return stored.native(array)

    return load


def _chunks(stored: _Stored, index: int, rank: int) -> Iterator[_Chunk]:
    for count, (key, address) in enumerate(tree_entries(stored.form, index, 1, 8 + 8 * (rank + 1))):
        cursor = Cursor(key)
        size, skipped = cursor.number(4), cursor.number(4)
        start = tuple(cursor.number(8) for _ in range(rank))
        if any(at >= length for at, length in zip(start, stored.shape, strict=True)) or count > MAX_ENTRIES:
            raise damaged(f"a chunk of {stored.path} lies outside the array")
        stored.form.content.part(address, size)
        yield _Chunk(start, address, size, skipped)


def _filters(message: Message) -> list[tuple[int, int]]:
    """The filters in the order in which they were applied, each with its first setting."""
    cursor = message.cursor()
    version, count = cursor.number(1), cursor.number(1)
    if version not in (1, 2):
        raise unsupported("an array of the file is compressed in a way that is not read here", REPACK)
    cursor.skip(6 if version == 1 else 0)
    found = []
    for _ in range(count):
        kind = cursor.number(2)
        length = cursor.number(2) if version == 1 or kind >= 256 else 0
        cursor.skip(2)
        settings = cursor.number(2)
        cursor.skip(length + (-length % 8 if version == 1 else 0))
        values = [cursor.number(4) for _ in range(settings)]
        cursor.skip(4 if version == 1 and settings % 2 else 0)
        if kind not in (_DEFLATE, _SHUFFLE, _FLETCHER):
            raise unsupported(
                f"an array of the file is compressed by the filter {kind}; gzip and shuffle are read here",
                REPACK,
            )
        found.append((kind, values[0] if values else 0))
    return found


def _unfiltered(data: bytes, steps: list[tuple[int, int]], skipped: int, size: int, stored: _Stored) -> bytes:
    """A chunk's bytes before the filters were applied."""
    for i, (kind, setting) in reversed(list(enumerate(steps))):
        if skipped >> i & 1:
            continue
        if kind == _FLETCHER:
            data = data[:-4]  # a checksum, which Keras's files do not have and which says nothing new here
        elif kind == _DEFLATE:
            data = _inflated(data, size + 64, stored)
        else:
            data = _unshuffled(data, setting or stored.dtype.itemsize)
    if len(data) != size:
        raise damaged(f"a chunk of {stored.path} holds {len(data)} bytes, but must hold {size}")
    return data


def _inflated(data: bytes, limit: int, stored: _Stored) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, limit)
    except zlib.error as error:
        raise damaged(f"a compressed part of {stored.path} cannot be read: {error}") from None


def _unshuffled(data: bytes, width: int) -> bytes:
    import numpy as np

    whole = len(data) // width * width
    mixed = np.frombuffer(data[:whole], np.uint8).reshape(width, -1)
    return mixed.T.tobytes() + data[whole:]
