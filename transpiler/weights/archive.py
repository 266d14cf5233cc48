"""Zip archives, read with care: what a member claims is checked against the file before anything is unpacked."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

import msgspec

from transpiler.weights.file_bytes import Cursor, FileBytes, of_stream
from transpiler.weights.unreadable import check_expansion, damaged, hostile, unsupported

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[Any, np.dtype[Any]]

MAGIC: Final = (b"PK\x03\x04", b"PK\x05\x06")
_LONGEST_END: Final = 22 + 65535
_MAX_DIRECTORY: Final = 16 << 20
_STORED: Final = 0
_DEFLATED: Final = 8
_BLOCK: Final = 1 << 20


class Member(msgspec.Struct, frozen=True, eq=False):
    """One file of an archive. `size` and `stored` are its bytes unpacked and packed."""

    name: str
    method: int
    size: int
    stored: int
    crc: int
    data: FileBytes

    def __post_init__(self) -> None:
        if self.method not in (_STORED, _DEFLATED):
            raise unsupported(
                f"{self.name} is packed by method {self.method}; stored and deflated members are read here",
                "pack the archive again",
            )
        if self.method == _STORED and self.size != self.stored:
            raise damaged(f"{self.name} is said to have {self.size} bytes, but {self.stored} are stored")
        check_expansion(self.size, self.stored, self.name)

    def blocks(self) -> Iterator[bytes]:
        """The unpacked bytes, piece by piece. Raises Unreadable where they are not what was promised."""
        done = crc = 0
        for block in self._unpacked():
            done += len(block)
            if done > self.size:
                raise hostile(f"{self.name} holds more than the {self.size} bytes that it claims")
            crc = zlib.crc32(block, crc)
            yield block
        if done != self.size:
            raise damaged(f"{self.name} ends after {done} of {self.size} bytes")
        if crc != self.crc:
            raise damaged(f"{self.name} is not what was packed: its checksum differs")

    def _unpacked(self) -> Iterator[bytes]:
        inflater = zlib.decompressobj(-15) if self.method == _DEFLATED else None
        for start in range(0, self.stored, _BLOCK):
            data = self.data.read(start, min(_BLOCK, self.stored - start))
            if inflater is None:
                yield data
                continue
            while data:
                try:
                    yield inflater.decompress(data, _BLOCK)
                except zlib.error as error:
                    raise damaged(f"{self.name} cannot be unpacked: {error}") from None
                data = inflater.unconsumed_tail
        if inflater is not None:
            yield inflater.flush()

    def read(self, limit: int) -> bytes:
        """All unpacked bytes, which may be `limit` at most."""
        if self.size > limit:
            raise hostile(f"{self.name} has {self.size} bytes; more than {limit} are never read")
        return b"".join(self.blocks())

    def start(self, count: int) -> bytes:
        """The first `count` unpacked bytes, or fewer."""
        if self.method == _STORED:
            return self.data.read(0, min(count, self.size))
        try:
            return zlib.decompressobj(-15).decompress(self.data.read(0, min(self.stored, _BLOCK)), count)
        except zlib.error as error:
            raise damaged(f"{self.name} cannot be unpacked: {error}") from None

    def into(self, skip: int, target: Numbers) -> None:
        """Fill a contiguous array with the unpacked bytes behind the first `skip`, and see that they end there."""
        view = target.reshape(-1).view("u1").data
        at = -skip
        for block in self.blocks():
            begin = max(-at, 0)
            end = at + len(block)
            if end > len(view):
                raise damaged(f"{self.name} holds more than its array")
            if begin < len(block):
                view[at + begin : end] = block[begin:]
            at = end
        if at != len(view):
            raise damaged(f"{self.name} holds less than its array")

    def whole(self) -> FileBytes:
        """The unpacked bytes as a file of their own: the place in the archive, or a nameless temporary file."""
        if self.method == _STORED:
            return self.data
        with ExitStack() as closing:
            stream = closing.enter_context(tempfile.TemporaryFile())
            for block in self.blocks():
                stream.write(block)
            closing.pop_all()  # from now on it is closed with the last array that needs it
        return of_stream(stream)


def open_archive(data: FileBytes) -> Mapping[str, Member]:
    """The members of an archive by name, in its own order."""
    found: dict[str, Member] = {}
    packed = 0
    for cursor, start in _directory(data):
        member = _member(data, cursor, start)
        if member is None:
            continue
        packed += member.stored
        if member.name in found:
            raise damaged(f"the archive has {member.name} twice")
        if packed > data.size:
            raise hostile("the archive's members share bytes, as no honest archive's do")
        found[member.name] = member
    return found


def _directory(data: FileBytes) -> Iterator[tuple[Cursor, int]]:
    """A cursor on each entry of the directory at the archive's end, and where the directory starts."""
    tail_start = max(data.size - _LONGEST_END, 0)
    tail = data.read(tail_start, data.size - tail_start)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0:
        raise damaged("the archive has no directory at its end")
    end = Cursor(tail, at + 4)
    end.skip(6)
    count, size, start = end.number(2), end.number(4), end.number(4)
    if count == 0xFFFF or size == 0xFFFFFFFF or start == 0xFFFFFFFF:
        count, size, start = _large_end(data, tail_start + at)
    if size > _MAX_DIRECTORY:
        raise hostile("the archive's directory is larger than any real one")
    cursor = Cursor(data.read(start, size))
    for _ in range(count):
        yield cursor, start


def _large_end(data: FileBytes, end: int) -> tuple[int, int, int]:
    """Number of entries, size and place of the directory of an archive that is too large for the common record."""
    locator = Cursor(data.read(end - 20, 20))
    if locator.take(4) != b"PK\x06\x07":
        raise damaged("the archive does not say where its directory lies")
    locator.skip(4)
    record = Cursor(data.read(locator.number(8), 56))
    if record.take(4) != b"PK\x06\x06":
        raise damaged("the archive does not say where its directory lies")
    record.skip(8 + 2 + 2 + 4 + 4 + 8)
    return record.number(8), record.number(8), record.number(8)


def _member(data: FileBytes, cursor: Cursor, directory: int) -> Member | None:
    """The next member; None for a directory."""
    if cursor.take(4) != b"PK\x01\x02":
        raise damaged("the archive's directory is damaged")
    cursor.skip(4)
    flags, method = cursor.number(2), cursor.number(2)
    cursor.skip(4)
    crc, stored, size = cursor.number(4), cursor.number(4), cursor.number(4)
    lengths = [cursor.number(2) for _ in range(3)]
    cursor.skip(8)
    place = cursor.number(4)
    name = _name(cursor.take(lengths[0]))
    extra = cursor.take(lengths[1])
    cursor.skip(lengths[2])
    size, stored, place = _large_sizes(extra, size, stored, place)
    if flags & 0x01:
        raise unsupported(f"{name} is encrypted, which is not read here")
    if name.endswith("/") and not size:
        return None
    local = Cursor(data.read(place, 30))
    if local.take(4) != b"PK\x03\x04":
        raise damaged(f"{name} is not where the archive's directory says")
    local.skip(22)
    begin = place + 30 + local.number(2) + local.number(2)
    if begin + stored > directory:
        raise damaged(f"{name} reaches into the archive's directory")
    return Member(name, method, size, stored, crc, data.part(begin, stored))


def _name(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp437")  # the encoding of archives that do not say theirs


def _large_sizes(extra: bytes, size: int, stored: int, place: int) -> tuple[int, int, int]:
    """Sizes and place from the extra field that has those too large for four bytes."""
    cursor = Cursor(extra)
    while cursor.left >= 4:
        kind, length = cursor.number(2), cursor.number(2)
        inside = Cursor(cursor.take(length))
        if kind != 1:
            continue
        size = inside.number(8) if size == 0xFFFFFFFF else size
        stored = inside.number(8) if stored == 0xFFFFFFFF else stored
        place = inside.number(8) if place == 0xFFFFFFFF else place
    return size, stored, place
