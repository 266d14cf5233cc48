"""HDF5's heaps and trees: where names, links, attributes and chunks are found."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Final

import msgspec

from transpiler.weights.file_bytes import Cursor, as_text
from transpiler.weights.hdf5_headers import REPACK, Format
from transpiler.weights.unreadable import damaged, hostile, unsupported

MAX_ENTRIES: Final = 1_000_000
"""No group has more links, no array more chunks."""
_MAX_DEPTH: Final = 32
_MAX_NODES: Final = 200_000


def old_links(form: Format, tree: int, heap: int) -> Iterator[tuple[str, int | None]]:
    """Names and object addresses of a group with a symbol table; None for a link that is a mere path."""
    names = _local_heap(form, heap)
    seen: set[int] = set()
    for _, node in tree_entries(form, tree, 0, form.length_size):
        if node in seen:
            raise hostile("a group of the file lists its links twice")
        seen.add(node)
        cursor = form.signed(node, 8, b"SNOD", "a table of links")
        cursor.skip(2)
        count = cursor.number(2)
        entry = 2 * form.offset_size + 24
        cursor = form.at(node + 8, count * entry)
        for _ in range(count):
            start = cursor.number(form.offset_size)
            address = form.address(cursor)
            is_path = cursor.number(4) == 2
            cursor.skip(20)
            end = names.find(b"\0", start)
            if end < 0:
                raise damaged("a link's name lies outside the file's names")
            yield as_text(names[start:end]), None if is_path else address


def _local_heap(form: Format, address: int) -> bytes:
    cursor = form.signed(address, 8 + 2 * form.length_size + form.offset_size, b"HEAP", "a table of names")
    cursor.skip(4)
    size = form.length(cursor)
    form.length(cursor)
    return form.content.read(form.known_address(cursor, "a table of names"), size)


def tree_entries(form: Format, root: int, kind: int, key_size: int) -> Iterator[tuple[bytes, int]]:
    """Key and child of every entry of the lowest nodes of a B-tree of version 1, in order."""
    pending = [(root, _MAX_DEPTH)]
    seen: set[int] = set()
    count = 0
    while pending:
        address, level = pending.pop()
        if address in seen or len(seen) > _MAX_NODES:
            raise hostile("an index of the file leads back to itself")
        seen.add(address)
        cursor = form.signed(address, 8 + 2 * form.offset_size, b"TREE", "an index")
        found, depth, used = cursor.number(1), cursor.number(1), cursor.number(2)
        if found != kind or depth >= level:
            raise damaged("an index of the file is of the wrong kind")
        cursor = form.at(
            address + 8 + 2 * form.offset_size, used * (key_size + form.offset_size) + key_size * bool(used)
        )
        entries = []
        for _ in range(used):
            key = cursor.take(key_size)
            entries.append((key, form.known_address(cursor, "a part of an index")))
        if depth:
            pending.extend((child, depth) for _, child in reversed(entries))
            continue
        count += used
        if count > MAX_ENTRIES:
            raise hostile("an index of the file has more entries than any real one")
        yield from entries


class GlobalHeaps:
    """The heaps that texts of varying length lie in; each is read once."""

    def __init__(self, form: Format) -> None:
        self._form = form
        self._known: dict[int, dict[int, bytes]] = {}
        self._read = 0

    def object(self, address: int, index: int) -> bytes:
        """An object by the place of its heap and its number in it."""
        if address not in self._known:
            self._known[address] = self._heap(address)
        if index not in self._known[address]:
            raise damaged("a text of the file is not where its attribute says")
        return self._known[address][index]

    def _heap(self, address: int) -> dict[int, bytes]:
        form = self._form
        cursor = form.signed(address, 8 + form.length_size, b"GCOL", "a table of texts")
        cursor.skip(4)
        size = form.length(cursor)
        self._read += size
        if self._read > form.content.size:
            raise hostile("the file's tables of texts share bytes, as no honest file's do")
        cursor = Cursor(form.content.read(address, size), 8 + form.length_size)
        found: dict[int, bytes] = {}
        while cursor.left >= 8 + form.length_size:
            index = cursor.number(2)
            cursor.skip(6)
            length = form.length(cursor)
            if index == 0:
                break
            found[index] = cursor.take(length)
            cursor.skip(min(-length % 8, cursor.left))
        return found


class FractalHeap(msgspec.Struct, frozen=True, eq=False, dict=True):
    """A heap of links or attributes, as newer files have it. Objects are found by their IDs."""

    form: Format
    id_size: int
    offset_bytes: int
    length_bytes: int
    width: int
    first_size: int
    largest_direct: int
    root: int | None
    rows: int
    huge: int | None
    """The index of objects that are too large for the heap's blocks."""

    @classmethod
    def read(cls, form: Format, address: int) -> FractalHeap:
        """The heap whose header is at an address."""
        size, offset = form.length_size, form.offset_size
        cursor = form.signed(
            address, 4 + 1 + 2 + 2 + 1 + 4 + 12 * size + 3 * offset + 2 * 4, b"FRHP", "a heap"
        )
        cursor.skip(1)
        id_size, filters = cursor.number(2), cursor.number(2)
        if filters:
            raise unsupported("the file compresses names, which is not read here", REPACK)
        cursor.skip(1)
        largest = cursor.number(4)
        cursor.skip(size)
        huge = form.address(cursor)
        cursor.skip(size + offset + 8 * size)
        width, first, direct = cursor.number(2), form.length(cursor), form.length(cursor)
        bits = cursor.number(2)
        cursor.skip(2)
        root, rows = form.address(cursor), cursor.number(2)
        powers = all(n > 0 and n & (n - 1) == 0 for n in (width, first, direct))
        if not powers or direct < first or not 0 < bits <= 64:
            raise damaged("a heap of the file makes no sense")
        length_bytes = min(_bytes_for(direct), _bytes_for(largest))
        return cls(form, id_size, (bits + 7) // 8, length_bytes, width, first, direct, root, rows, huge)

    def object(self, identity: bytes) -> bytes:
        """The bytes of the object with this ID."""
        kind = (identity[0] >> 4) & 0x03
        if kind == 2:
            length = (identity[0] & 0x0F) + 1
            return Cursor(identity, 1).take(length)
        if kind == 1:
            return self._huge(Cursor(identity, 1))
        if kind != 0:
            raise damaged("an object of a heap is of no kind that there is")
        cursor = Cursor(identity, 1)
        offset, length = cursor.number(self.offset_bytes), cursor.number(self.length_bytes)
        if self.root is None:
            raise damaged("a heap of the file is empty, but something is sought in it")
        address, start, size = self._block(self.root, self.rows, offset)
        if offset + length > start + size:
            raise damaged("an object of a heap lies outside its block")
        return self.form.content.read(address + offset - start, length)

    def _huge(self, cursor: Cursor) -> bytes:
        """An object that lies outside the heap: its place is in the ID where it has room, else in an index."""
        form = self.form
        if cursor.left >= form.offset_size + form.length_size:
            return form.content.read(form.known_address(cursor, "an attribute"), form.length(cursor))
        key = cursor.number(min(form.length_size, cursor.left))
        if key not in self._outside:
            raise damaged("a large object of a heap is not where its index says")
        return form.content.read(*self._outside[key])

    @cached_property
    def _outside(self) -> dict[int, tuple[int, int]]:
        """Place and size of each object that lies outside the heap."""
        found = {}
        for record in new_records(self.form, self.huge) if self.huge is not None else ():
            cursor = Cursor(record)
            place = self.form.known_address(cursor, "an attribute"), self.form.length(cursor)
            found[self.form.length(cursor)] = place
        return found

    def _block(self, address: int, rows: int, offset: int) -> tuple[int, int, int]:
        """The direct block that holds an offset: its address, where it starts in the heap, and its size."""
        start = 0
        if rows == 0:
            return address, 0, self.first_size
        for _ in range(_MAX_DEPTH):
            row, column, size, within = self._place(offset - start)
            if row >= rows:
                raise damaged("an object of a heap lies behind its end")
            header = 4 + 1 + self.form.offset_size + self.offset_bytes
            self.form.signed(address, 4, b"FHIB", "a block of a heap")
            number = row * self.width + column
            cursor = self.form.at(address + header + number * self.form.offset_size, self.form.offset_size)
            address = self.form.known_address(cursor, "a block of a heap")
            start += within
            if size <= self.largest_direct:
                return address, start, size
            rows = (size // (self.first_size * self.width)).bit_length()
        raise damaged("a heap of the file is nested too deeply")

    def _place(self, offset: int) -> tuple[int, int, int, int]:
        """Row, column and size of the child that holds an offset of an indirect block, and where that child starts."""
        row, start, size = 0, 0, self.first_size
        while offset >= start + size * self.width:
            start += size * self.width
            row += 1
            if row > 1:
                size *= 2
            if row > 64:
                raise damaged("an object of a heap lies behind its end")
        column = (offset - start) // size
        return row, column, size, start + column * size


def _bytes_for(number: int) -> int:
    return (max(number, 1).bit_length() - 1) // 8 + 1


def new_records(form: Format, address: int) -> Iterator[bytes]:
    """All records of a B-tree of version 2, in order."""
    size = 4 + 2 + 4 + 2 + 2 + 2 + form.offset_size + 2 + form.length_size
    cursor = form.signed(address, size, b"BTHD", "an index")
    cursor.skip(2)
    node_size, record_size, depth = cursor.number(4), cursor.number(2), cursor.number(2)
    cursor.skip(2)
    root, count = form.address(cursor), cursor.number(2)
    if root is None:
        return
    if depth > _MAX_DEPTH or not record_size or node_size < 10 + record_size:
        raise damaged("an index of the file makes no sense")
    tree = _Tree(form, node_size, record_size, depth)
    seen: set[int] = set()
    for total, record in enumerate(tree.records(root, count, depth, seen)):
        if total >= MAX_ENTRIES:
            raise hostile("an index of the file has more entries than any real one")
        yield record


class _Tree:
    """The numbers that the nodes of a B-tree of version 2 are laid out by."""

    def __init__(self, form: Format, node_size: int, record_size: int, depth: int) -> None:
        self.form = form
        self.record_size = record_size
        most = (node_size - 10) // record_size
        self.count_bytes = _bytes_for(most)
        self.total_bytes = [0]
        total = most
        for level in range(1, depth + 1):
            pointer = form.offset_size + self.count_bytes + (self.total_bytes[-1] if level > 1 else 0)
            most = max((node_size - 10 - pointer) // (record_size + pointer), 0)
            total = (most + 1) * total + most
            self.total_bytes.append(_bytes_for(total))

    def records(self, address: int, count: int, depth: int, seen: set[int]) -> Iterator[bytes]:
        if address in seen or len(seen) > _MAX_NODES:
            raise hostile("an index of the file leads back to itself")
        seen.add(address)
        below = self.total_bytes[depth - 1] if depth > 1 else 0
        pointer = self.form.offset_size + self.count_bytes + below
        size = 6 + count * self.record_size + (count + 1) * pointer * bool(depth)
        cursor = self.form.signed(address, size, b"BTIN" if depth else b"BTLF", "a part of an index")
        cursor.skip(2)
        records = [cursor.take(self.record_size) for _ in range(count)]
        if not depth:
            yield from records
            return
        for i in range(count + 1):
            child = self.form.known_address(cursor, "a part of an index")
            inside = cursor.number(self.count_bytes)
            cursor.skip(below)
            yield from self.records(child, inside, depth - 1, seen)
            if i < count:
                yield records[i]
