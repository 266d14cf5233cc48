"""Sorted tables of keys and values, as TensorFlow keeps the index of a checkpoint in one (LevelDB's table format).

Blocks of entries that share the beginnings of their keys, each with a checksum; a block that says where they lie; a
footer. Source: leveldb/doc/table_format.md, tensorflow/core/lib/io/format.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from transpiler.weights.crc32c import crc32c, masked
from transpiler.weights.file_bytes import Cursor, FileBytes
from transpiler.weights.snappy import unpacked
from transpiler.weights.unreadable import damaged, foreign, hostile, unsupported

MAGIC: Final = 0xDB4775248B80FB57
FOOTER: Final = 48
_TRAILER: Final = 5
_PLAIN, _SNAPPY = 0, 1
_BLOCK: Final = 1 << 16
_RESTART: Final = 16
LONGEST_KEY: Final = 1 << 12
"""Keys are names of variables; entries that share them must not be able to blow them up."""
LARGEST_BLOCK: Final = 1 << 26


def read_table(data: FileBytes) -> Iterator[tuple[bytes, bytes]]:
    """The entries in order. Raises Unreadable where the file is no table, or damaged."""
    if data.size < FOOTER:
        raise foreign("the file is too short for the index of a checkpoint")
    footer = Cursor(data.read(data.size - FOOTER, FOOTER))
    if footer.data[-8:] != struct.pack("<Q", MAGIC):
        raise foreign("the file is no index of a checkpoint")
    _handle(footer)
    behind = 0
    for _, value in _entries(_block(data, *_handle(footer))):
        offset, size = _handle(Cursor(value))
        if offset < behind:
            raise damaged("the blocks of the index overlap")
        behind = offset + size + _TRAILER
        yield from _entries(_block(data, offset, size))


def varint(cursor: Cursor) -> int:
    """A number of variable length."""
    value = 0
    for shift in range(0, 70, 7):
        byte = cursor.number(1)
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value
    raise damaged("a number of the index does not end")


def _handle(cursor: Cursor) -> tuple[int, int]:
    return varint(cursor), varint(cursor)


def _block(data: FileBytes, offset: int, size: int) -> bytes:
    """The content of a block, unpacked."""
    if size > LARGEST_BLOCK:
        raise hostile(f"a block of the index would have {size} bytes")
    whole = data.read(offset, size + _TRAILER)
    content, kind = whole[:size], whole[size]
    if struct.unpack("<I", whole[size + 1 :])[0] != masked(crc32c(whole[: size + 1])):
        raise damaged("a block of the index is not what was written: its checksum differs")
    if kind == _SNAPPY:
        return unpacked(content, LARGEST_BLOCK)
    if kind != _PLAIN:
        raise unsupported(f"the index is packed by method {kind}")
    return content


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    if len(block) < 4:
        raise damaged("a block of the index is too short")
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (restarts + 1)
    if end < 0:
        raise damaged("a block of the index is too short")
    cursor, key = Cursor(block[:end]), b""
    while cursor.left:
        shared, own, size = varint(cursor), varint(cursor), varint(cursor)
        if shared > len(key):
            raise damaged("a key of the index begins with more than the key before it")
        if shared + own > LONGEST_KEY:
            raise hostile(f"a key of the index has {shared + own} bytes")
        key = key[:shared] + cursor.take(own)
        yield key, cursor.take(size)


def write_table(file: BinaryIO, entries: Iterable[tuple[bytes, bytes]]) -> None:
    """Write entries, which come in the order of their keys."""
    places: list[tuple[bytes, bytes]] = []
    at = 0
    block = _Block(_RESTART)
    for key, value in entries:
        block.add(key, value)
        if block.size >= _BLOCK:
            at, place = _put(file, at, block.finish())
            places.append((key, place))
            block = _Block(_RESTART)
    if block.size:
        at, place = _put(file, at, block.finish())
        places.append((block.last, place))
    at, nothing = _put(file, at, _Block(_RESTART).finish())
    index = _Block(1)
    for key, place in places:
        index.add(key, place)
    _, found = _put(file, at, index.finish())
    handles = nothing + found
    file.write(handles + bytes(FOOTER - 8 - len(handles)) + struct.pack("<Q", MAGIC))


def _put(file: BinaryIO, at: int, content: bytes) -> tuple[int, bytes]:
    """Write a block; where the next begins, and where this one lies."""
    whole = content + bytes([_PLAIN])
    file.write(whole + struct.pack("<I", masked(crc32c(whole))))
    return at + len(content) + _TRAILER, written_varint(at) + written_varint(len(content))


def written_varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)


class _Block:
    """Entries of which every `restart`-th has its whole key."""

    def __init__(self, restart: int) -> None:
        self.restart = restart
        self.content = bytearray()
        self.restarts: list[int] = []
        self.count = 0
        self.last = b""

    @property
    def size(self) -> int:
        return len(self.content)

    def add(self, key: bytes, value: bytes) -> None:
        shared = 0
        if self.count % self.restart == 0:
            self.restarts.append(len(self.content))
        else:
            shared = _common(key, self.last)
        own = key[shared:]
        for number in (shared, len(own), len(value)):
            self.content += written_varint(number)
        self.content += own + value
        self.last = key
        self.count += 1

    def finish(self) -> bytes:
        starts = self.restarts or [0]
        return bytes(self.content) + struct.pack(f"<{len(starts) + 1}I", *starts, len(starts))


def _common(one: bytes, other: bytes) -> int:
    """How many bytes two keys begin with alike."""
    limit = min(len(one), len(other))
    return next((i for i in range(limit) if one[i] != other[i]), limit)
