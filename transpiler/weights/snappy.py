"""Unpacking Snappy's raw format, in which old versions of TensorFlow packed the index of a checkpoint.

Source: google/snappy, format_description.txt.
"""

from __future__ import annotations

from transpiler.weights.file_bytes import Cursor
from transpiler.weights.unreadable import damaged, hostile


def unpacked(data: bytes, limit: int) -> bytes:
    """The bytes that were packed, at most `limit`. Raises Unreadable."""
    cursor = Cursor(data)
    size = _size(cursor)
    if size > limit:
        raise hostile(f"a block would unpack to {size} bytes")
    made = bytearray()
    while cursor.left:
        tag = cursor.number(1)
        if tag & 3 == 0:
            made += cursor.take(_literal(cursor, tag >> 2))
        else:
            length, offset = _copy(cursor, tag)
            _repeat(made, length, offset)
        if len(made) > size:
            raise damaged("a block unpacks to more than it says")
    if len(made) != size:
        raise damaged("a block unpacks to less than it says")
    return bytes(made)


def _size(cursor: Cursor) -> int:
    value = 0
    for shift in range(0, 35, 7):
        byte = cursor.number(1)
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value
    raise damaged("a block does not say how large it is")


def _literal(cursor: Cursor, code: int) -> int:
    """The length of a stretch that was not packed."""
    return code + 1 if code < 60 else cursor.number(code - 59) + 1


def _copy(cursor: Cursor, tag: int) -> tuple[int, int]:
    """How many bytes are repeated, and from how far back."""
    if tag & 3 == 1:
        return (tag >> 2 & 7) + 4, (tag >> 5) << 8 | cursor.number(1)
    return (tag >> 2) + 1, cursor.number(2 if tag & 3 == 2 else 4)


def _repeat(made: bytearray, length: int, offset: int) -> None:
    """Append bytes from further back, which may overlap what is appended."""
    if not 0 < offset <= len(made):
        raise damaged("a block repeats what is not there")
    start = len(made) - offset
    while length > 0:
        part = made[start : start + min(length, offset)]
        made += part
        length -= len(part)
