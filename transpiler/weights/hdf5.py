"""HDF5 files as far as weights need them: groups, attributes, and arrays that are decoded when asked for.

Links to other files, soft links, virtual and external storage are refused: a weight file needs none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

from transpiler.ir import LazyArray
from transpiler.weights.file_bytes import Cursor, FileBytes, as_text
from transpiler.weights.hdf5_data import stored_array
from transpiler.weights.hdf5_headers import REPACK, Format, Kind, Message, read_messages, read_superblock
from transpiler.weights.hdf5_heaps import MAX_ENTRIES, FractalHeap, GlobalHeaps, new_records, old_links
from transpiler.weights.hdf5_types import ElementType, read_shape, read_type
from transpiler.weights.unreadable import damaged, hostile, misshapen, unsupported

_MAX_TEXT: Final = 1 << 25
"""Bytes of text in one attribute; a model's description is one."""


class Group:
    """An object of the file: a group, or an array (`is_array`)."""

    def __init__(self, form: Format, address: int, path: str) -> None:
        self._form = form
        self.address = address
        self.path = path

    @cached_property
    def _messages(self) -> list[Message]:
        return read_messages(self._form, self.address)

    def _of(self, kind: Kind) -> Message | None:
        return next((message for message in self._messages if message.kind == kind), None)

    @property
    def is_array(self) -> bool:
        return self._of(Kind.LAYOUT) is not None

    @cached_property
    def links(self) -> Mapping[str, int | None]:
        """What the group holds by name, in the file's order; None stands for links that are not followed."""
        found: dict[str, int | None] = {}
        table = self._of(Kind.SYMBOL_TABLE)
        if table is not None:
            cursor = table.cursor()
            tree = self._form.known_address(cursor, "a group's index")
            heap = self._form.known_address(cursor, "a group's names")
            found.update(old_links(self._form, tree, heap))
        for message in self._messages:
            if message.kind == Kind.LINK:
                found.update([_link(self._form, message.cursor())])
        info = self._of(Kind.LINK_INFO)
        if info is not None:
            found.update(_dense_links(self._form, info.cursor()))
        if len(found) > MAX_ENTRIES:
            raise hostile(f"{self.path or 'the file'} has more links than any real group")
        return found

    def __contains__(self, name: str) -> bool:
        """Whether a path of names leads to something."""
        here = self
        for part in name.split("/"):
            if here.is_array or part not in here.links:
                return False
            here = here.child(part)
        return True

    def child(self, name: str) -> Group:
        """What a path of names leads to. Raises Unreadable if it leads nowhere, or out of the file."""
        here = self
        for part in name.split("/"):
            path = f"{here.path}/{part}" if here.path else part
            if here.is_array or part not in here.links:
                raise damaged(f"the file has no {path}")
            address = here.links[part]
            if address is None:
                raise hostile(f"{path} is a link to another place or file, and those are never followed")
            here = Group(here._form, address, path)
        return here

    def array(self) -> LazyArray:
        """The array that this is. Raises Unreadable if it is none, or none of numbers."""
        layout, space, kind = self._of(Kind.LAYOUT), self._of(Kind.DATASPACE), self._of(Kind.DATATYPE)
        if layout is None or space is None or kind is None:
            raise damaged(f"{self.path} is no array")
        if self._of(Kind.EXTERNAL_FILES) is not None:
            raise hostile(f"the numbers of {self.path} lie in another file, which is never opened")
        shape = read_shape(space.cursor(), self._form.length_size)
        if shape is None:
            raise misshapen(f"{self.path} holds nothing at all")
        filters = self._of(Kind.FILTERS)
        element = read_type(kind.cursor())
        is_brain_float = element.opaque and element.size == 2 and self.attribute("dtype") == "bfloat16"
        return stored_array(
            self._form, self.path, shape, element, layout, filters, is_brain_float=is_brain_float
        )

    @cached_property
    def _attributes(self) -> Mapping[str, Message]:
        found: dict[str, Message] = {}
        for message in self._messages:
            if message.kind == Kind.ATTRIBUTE:
                found[_attribute_name(message)] = message
        info = self._of(Kind.ATTRIBUTE_INFO)
        if info is not None:
            for message in _dense_attributes(self._form, info.cursor()):
                found[_attribute_name(message)] = message
        return found

    def attribute(self, name: str) -> Any:
        """An attribute's value: a text, a list of texts, or an array of numbers; None if there is none."""
        message = self._attributes.get(name)
        return None if message is None else _value(self._form, message)

    def texts(self, name: str) -> list[str] | None:
        """A list of texts, which may be split over several attributes (`name0`, `name1` …): one may not be too long."""
        whole = self.attribute(name)
        if whole is not None:
            return _list(whole, name)
        found: list[str] = []
        part = 0
        while (more := self.attribute(f"{name}{part}")) is not None:
            found += _list(more, name)
            part += 1
        return found if part else None


def _list(value: Any, name: str) -> list[str]:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    if not isinstance(value, (str, list)) and value.size == 0:
        return []  # an empty list of names is stored as an empty list of numbers
    raise damaged(f"the attribute {name} is no list of names")


def open_hdf5(data: FileBytes) -> Group:
    """The root group of an HDF5 file."""
    form, root = read_superblock(data)
    return Group(form, root, "")


def _link(form: Format, cursor: Cursor) -> tuple[str, int | None]:
    if cursor.number(1) != 1:
        raise unsupported("a link of the file is written in a way that is not read here", REPACK)
    flags = cursor.number(1)
    kind = cursor.number(1) if flags & 0x08 else 0
    cursor.skip((8 if flags & 0x04 else 0) + (1 if flags & 0x10 else 0))
    name = as_text(cursor.take(cursor.number(1 << (flags & 0x03))))
    return name, form.known_address(cursor, f"what {name!r} links to") if kind == 0 else None


def _dense_links(form: Format, cursor: Cursor) -> list[tuple[str, int | None]]:
    cursor.skip(1)
    flags = cursor.number(1)
    cursor.skip(8 if flags & 0x01 else 0)
    heap, tree = form.address(cursor), form.address(cursor)
    if heap is None or tree is None:
        return []
    objects = FractalHeap.read(form, heap)
    return [_link(form, Cursor(objects.object(record[4:]))) for record in new_records(form, tree)]


def _dense_attributes(form: Format, cursor: Cursor) -> list[Message]:
    cursor.skip(1)
    flags = cursor.number(1)
    cursor.skip(2 if flags & 0x01 else 0)
    heap, tree = form.address(cursor), form.address(cursor)
    if heap is None or tree is None:
        return []
    objects = FractalHeap.read(form, heap)
    found = []
    for record in new_records(form, tree):
        flags = record[8] if len(record) > 8 else 0
        found.append(Message(Kind.ATTRIBUTE, flags, objects.object(record[:8])))
    return found


def _attribute_parts(message: Message) -> tuple[str, Cursor, Cursor, Cursor]:
    """An attribute's name, and its type, shape and data still to be read."""
    cursor = message.cursor()
    version, flags = cursor.number(1), cursor.number(1)
    if version not in (1, 2, 3) or (version > 1 and flags & 0x03):
        raise unsupported("an attribute of the file is written in a way that is not read here", REPACK)
    sizes = [cursor.number(2) for _ in range(3)]
    cursor.skip(1 if version == 3 else 0)
    padding = [-size % 8 if version == 1 else 0 for size in sizes]
    parts = []
    for size, pad in zip(sizes, padding, strict=True):
        parts.append(cursor.take(size))
        cursor.skip(min(pad, cursor.left))
    return as_text(parts[0]), Cursor(parts[1]), Cursor(parts[2]), Cursor(cursor.take(cursor.left))


def _attribute_name(message: Message) -> str:
    return _attribute_parts(message)[0]


def _value(form: Format, message: Message) -> Any:
    import numpy as np

    name, kind, space, data = _attribute_parts(message)
    element = read_type(kind)
    shape = read_shape(space, form.length_size)
    if shape is None:
        return []
    count = int(np.prod(shape, dtype=object)) if shape else 1
    if element.text or element.varying:
        texts = _texts(form, element, data, count, name)
        return texts if shape else texts[0]
    return np.frombuffer(data.take(count * element.size), element.dtype()).reshape(shape)


def _texts(form: Format, element: ElementType, data: Cursor, count: int, name: str) -> list[str]:
    if count * element.size > data.left:
        raise damaged(f"the attribute {name} ends too early")
    if element.text:
        return [data.text(element.size).rstrip(" ") for _ in range(count)]
    found: list[str] = []
    heaps = GlobalHeaps(form)
    total = 0
    for _ in range(count):
        length, address, index = data.number(4), form.address(data), data.number(4)
        total += length
        if total > _MAX_TEXT:
            raise hostile(f"the attribute {name} holds more text than any real one")
        if not length or address is None:
            found.append("")
            continue
        found.append(as_text(heaps.object(address, index)[:length]))
    return found
