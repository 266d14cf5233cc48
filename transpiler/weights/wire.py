"""Protobuf's wire format, walked field by field in a file: what is not asked for is stepped over, not read."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Final

import msgspec

from transpiler.weights.file_bytes import FileBytes
from transpiler.weights.unreadable import damaged

_LONGEST: Final = 10
"""Bytes of the longest number."""
_BLOCK: Final = 1 << 16


class WireType(IntEnum):
    """How a field is written."""

    VARINT = 0
    FIXED64 = 1
    BYTES = 2
    GROUP = 3
    GROUP_END = 4
    FIXED32 = 5


class Field(msgspec.Struct, frozen=True):
    """One field: its number, and where its content lies. `value`: that of a VARINT, as an unsigned number."""

    number: int
    type: WireType
    tag: int
    """Where the field begins."""
    start: int
    end: int
    value: int = 0

    @property
    def size(self) -> int:
        return self.end - self.start


def fields(data: FileBytes, start: int, end: int) -> Iterator[Field]:
    """The fields of the message that lies from `start` to `end`. Raises Unreadable where it is none."""
    at = start
    while at < end:
        field = _field(data, at, end)
        if field.type is WireType.GROUP:
            field = msgspec.structs.replace(field, end=_group_end(data, field, end))
        elif field.type is WireType.GROUP_END:
            raise damaged("a message of the file is closed that was never opened")
        yield field
        at = field.end


def _field(data: FileBytes, at: int, end: int) -> Field:
    window = data.read(at, min(2 * _LONGEST, end - at))
    tag, used = _varint(window, 0)
    number, kind = tag >> 3, tag & 0x07
    if kind > WireType.FIXED32 or not 1 <= number < 1 << 29:
        raise damaged(f"byte {at} begins no field of a message")
    start = at + used
    value = 0
    match WireType(kind):
        case WireType.VARINT:
            value, used = _varint(window, used)
            stop = at + used
        case WireType.BYTES:
            length, used = _varint(window, used)
            start = at + used
            stop = start + length
        case WireType.FIXED32:
            stop = start + 4
        case WireType.FIXED64:
            stop = start + 8
        case _:
            stop = start
    if stop > end:
        raise damaged(f"a field at byte {at} goes on for {stop - end} bytes behind the end of its message")
    return Field(number, WireType(kind), at, start, stop, value)


def _varint(window: bytes, at: int) -> tuple[int, int]:
    """A number of variable length, and where it ends."""
    value = 0
    for i in range(_LONGEST):
        if at + i >= len(window):
            break
        byte = window[at + i]
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            return value & (1 << 64) - 1, at + i + 1
    raise damaged("a number of the file does not end")


def _group_end(data: FileBytes, opening: Field, end: int) -> int:
    """Where the group ends that a field opens. Groups are older than messages; nothing here reads inside them."""
    depth, at = 1, opening.start
    while at < end:
        field = _field(data, at, end)
        depth += (field.type is WireType.GROUP) - (field.type is WireType.GROUP_END)
        at = field.end
        if not depth:
            return at
    raise damaged("a group of fields does not end")


def varints(data: FileBytes, field: Field, limit: int) -> list[int]:
    """The numbers of a repeated field, of which this is one or several (packed), as signed numbers of 64 bits."""
    if field.type is WireType.VARINT:
        return [_signed(field.value)]
    if field.type is not WireType.BYTES or field.size > _LONGEST * limit:
        raise damaged("a list of numbers is not one")
    window = data.read(field.start, field.size)
    found, at = [], 0
    while at < len(window):
        value, at = _varint(window, at)
        found.append(_signed(value))
    return found


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def run(data: FileBytes, field: Field, end: int) -> int:
    """How many fields like this one follow each other from it on, itself among them: a list that is not packed."""
    stride = field.end - field.tag
    tag = data.read(field.tag, field.start - field.tag)
    count = 1
    at = field.end
    while at + stride <= end:
        room = min(_BLOCK, (end - at) // stride)
        block = data.read(at, room * stride)
        same = _alike(block, tag, stride)
        count += same
        if same < room:
            break
        at += room * stride
    return count


def _alike(block: bytes, tag: bytes, stride: int) -> int:
    """How many of a block's fields begin with the tag, counted from its start."""
    import numpy as np

    heads = np.frombuffer(block, np.uint8).reshape(-1, stride)[:, : len(tag)]
    differs = (heads != np.frombuffer(tag, np.uint8)).any(axis=1)
    return int(differs.argmax()) if differs.any() else len(differs)
