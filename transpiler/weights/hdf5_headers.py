"""HDF5 object headers: the messages that say what an object is. After the HDF5 File Format Specification 3.0.

Read in Python rather than by the C library: that one can crash, or never return, on files that were tampered with.
Every structure is bounded by the file's size, and nothing is followed twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Final

import msgspec

from transpiler.weights.file_bytes import Cursor, FileBytes
from transpiler.weights.unreadable import damaged, hostile, unsupported

SIGNATURE: Final = b"\x89HDF\r\n\x1a\n"
_MAX_MESSAGES: Final = 100_000
_MAX_HEADER: Final = 1 << 26
"""Bytes of all messages of one object."""


class Kind(IntEnum):
    """The messages that matter here."""

    DATASPACE = 0x01
    LINK_INFO = 0x02
    DATATYPE = 0x03
    LINK = 0x06
    EXTERNAL_FILES = 0x07
    LAYOUT = 0x08
    FILTERS = 0x0B
    ATTRIBUTE = 0x0C
    CONTINUATION = 0x10
    SYMBOL_TABLE = 0x11
    ATTRIBUTE_INFO = 0x15


class Message(msgspec.Struct, frozen=True):
    """One message of an object header, not yet understood."""

    kind: int
    flags: int
    data: bytes

    def cursor(self) -> Cursor:
        """Its bytes for reading. Raises Unreadable for a message that lies elsewhere (a committed datatype)."""
        if self.flags & 0x02:
            raise unsupported("the file shares parts between objects, which is not read here", REPACK)
        return Cursor(self.data)


REPACK: Final = "write the file again with h5py, or with the program h5repack"


class Format(msgspec.Struct, frozen=True, eq=False):
    """The bytes of an HDF5 file, and how wide its addresses and lengths are."""

    content: FileBytes
    offset_size: int
    length_size: int

    def address(self, cursor: Cursor) -> int | None:
        """The next address; None where the file says that there is none."""
        found = cursor.number(self.offset_size)
        return None if found == (1 << (8 * self.offset_size)) - 1 else found

    def known_address(self, cursor: Cursor, what: str) -> int:
        """The next address, which must be there."""
        found = self.address(cursor)
        if found is None:
            raise damaged(f"the file says nowhere where {what} lies")
        return found

    def length(self, cursor: Cursor) -> int:
        return cursor.number(self.length_size)

    def at(self, address: int, count: int) -> Cursor:
        """The `count` bytes at an address, for reading."""
        return Cursor(self.content.read(address, count))

    def signed(self, address: int, count: int, signature: bytes, what: str) -> Cursor:
        """The same, behind the four letters that the structure must begin with."""
        cursor = self.at(address, count)
        if cursor.take(4) != signature:
            raise damaged(f"{what} is not where the file says")
        return cursor


def read_superblock(data: FileBytes) -> tuple[Format, int]:
    """How the file is laid out, and the address of its root group."""
    if data.size < 48 or data.read(0, 8) != SIGNATURE:
        raise damaged("this is no complete HDF5 file")
    version = data.read(8, 1)[0]
    cursor = Cursor(data.read(0, min(data.size, 128)), 9)
    if version in (0, 1):
        cursor.skip(4)
        form = _form(data, cursor)
        cursor.skip(1 + 4 + 4 + (4 if version == 1 else 0))
        _check_base(form, cursor)
        form.address(cursor)
        _check_end(form, cursor)
        form.address(cursor)
        cursor.skip(form.offset_size)
        return form, form.known_address(cursor, "its root group")
    if version in (2, 3):
        form = _form(data, cursor)
        cursor.skip(1)
        _check_base(form, cursor)
        form.address(cursor)
        _check_end(form, cursor)
        return form, form.known_address(cursor, "its root group")
    raise unsupported(f"HDF5 files of version {version} are not read here", REPACK)


def _form(data: FileBytes, cursor: Cursor) -> Format:
    offset_size, length_size = cursor.number(1), cursor.number(1)
    if offset_size not in (4, 8) or length_size not in (4, 8):
        raise damaged("the file's addresses have an impossible width")
    return Format(data, offset_size, length_size)


def _check_base(form: Format, cursor: Cursor) -> None:
    if form.address(cursor) != 0:
        raise unsupported("the file has something in front of its HDF5 part", REPACK)


def _check_end(form: Format, cursor: Cursor) -> None:
    end = form.known_address(cursor, "its end")
    if end > form.content.size:
        raise damaged(f"the file has {form.content.size} bytes, but says that it has {end}")


def read_messages(form: Format, address: int) -> list[Message]:
    """All messages of the object at an address."""
    found: list[Message] = []
    for message in _messages(form, address):
        found.append(message)
        if len(found) > _MAX_MESSAGES:
            raise hostile("an object of the file has more parts than any real one")
    return found


class _Blocks:
    """The parts of one object's header, each read once."""

    def __init__(self, first: tuple[int, int]) -> None:
        self._pending = [first]
        self._seen: set[int] = set()
        self._size = 0

    def add(self, block: tuple[int, int]) -> None:
        self._pending.append(block)

    def next(self) -> tuple[int, int] | None:
        if not self._pending:
            return None
        address, size = self._pending.pop(0)
        self._size += size
        if address in self._seen or self._size > _MAX_HEADER:
            raise hostile("an object's header leads back to itself, or has no end")
        self._seen.add(address)
        return address, size


def _messages(form: Format, address: int) -> Iterator[Message]:
    start = form.content.read(address, min(64, form.content.size - min(address, form.content.size)))
    cursor = Cursor(start)
    if start[:4] == b"OHDR":
        yield from _second_version(form, address, cursor)
        return
    if cursor.number(1) != 1:
        raise damaged("an object's header is not where the file says")
    cursor.skip(1 + 2 + 4)
    size = cursor.number(4)
    blocks = _Blocks((address + 16, size))
    while (block := blocks.next()) is not None:
        cursor = form.at(*block)
        while cursor.left >= 8:
            kind, size, flags = cursor.number(2), cursor.number(2), cursor.number(1)
            cursor.skip(3)
            message = Message(kind, flags, cursor.take(size))
            if kind == Kind.CONTINUATION:
                blocks.add(_continued(form, message))
            else:
                yield message


def _second_version(form: Format, address: int, cursor: Cursor) -> Iterator[Message]:
    cursor.skip(4)
    if cursor.number(1) != 2:
        raise unsupported("an object's header has a version that is not read here", REPACK)
    flags = cursor.number(1)
    cursor.skip((16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0))
    size = cursor.number(1 << (flags & 0x03))
    blocks = _Blocks((address + cursor.at, size))
    prefix = 6 if flags & 0x04 else 4
    while (block := blocks.next()) is not None:
        cursor = form.at(*block)
        while cursor.left >= prefix:
            kind, size, message_flags = cursor.number(1), cursor.number(2), cursor.number(1)
            cursor.skip(prefix - 4)
            message = Message(kind, message_flags, cursor.take(size))
            if kind == Kind.CONTINUATION:
                start, count = _continued(form, message)
                if count < 8 or form.content.read(start, 4) != b"OCHK":
                    raise damaged("an object's header goes on where nothing is")
                blocks.add((start + 4, count - 8))  # behind the signature, before the checksum
            else:
                yield message


def _continued(form: Format, message: Message) -> tuple[int, int]:
    cursor = Cursor(message.data)
    return form.known_address(cursor, "the rest of a header"), form.length(cursor)
