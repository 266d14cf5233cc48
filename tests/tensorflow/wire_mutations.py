"""Seeded damage to protobuf's wire format: fields lost, doubled, exchanged, renumbered, nested, with wild numbers.

Unlike flipped bytes, most of it is still well-formed on the wire, so that it reaches what reads the messages.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

Field = tuple[int, int, bytes]
"""Number, wire type, and content without its length."""

_NUMBERS: Final = (0, 1, 2, 3, 7, 127, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)
_DESCENT: Final = 0.85
_BYTES: Final = 2
_VARINT: Final = 0


def varint(number: int) -> bytes:
    """A number in seven bits a byte."""
    found = bytearray()
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def split(data: bytes) -> list[Field] | None:
    """The fields of a message, None for bytes that are none."""
    found: list[Field] = []
    at = 0
    while at < len(data):
        key, at = _number(data, at)
        wire, start = key & 7, at
        if wire == _BYTES:
            size, at = _number(data, at)
            start = at
            at += size
        elif wire == _VARINT:
            _, at = _number(data, at)
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
        else:
            return None
        if at > len(data) or key < 8:
            return None
        found.append((key >> 3, wire, data[start:at]))
    return found


def join(fields: list[Field]) -> bytes:
    """A message of these fields."""
    made = bytearray()
    for number, wire, content in fields:
        made += varint(number << 3 | wire)
        if wire == _BYTES:
            made += varint(len(content))
        made += content
    return bytes(made)


def _number(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while at < len(data) and shift < 70:
        number |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            break
    return number, at


Change = Callable[[random.Random, list[Field], bytes], list[Field]]


def drop_field(rng: random.Random, fields: list[Field], whole: bytes) -> list[Field]:
    at = rng.randrange(len(fields))
    return fields[:at] + fields[at + 1 :]


def double_field(rng: random.Random, fields: list[Field], whole: bytes) -> list[Field]:
    at = rng.randrange(len(fields))
    return fields[:at] + [fields[at]] * rng.choice((2, 3, 40)) + fields[at + 1 :]


def swap_fields(rng: random.Random, fields: list[Field], whole: bytes) -> list[Field]:
    a, b = rng.randrange(len(fields)), rng.randrange(len(fields))
    fields[a], fields[b] = fields[b], fields[a]
    return fields


def renumber(rng: random.Random, fields: list[Field], whole: bytes) -> list[Field]:
    at = rng.randrange(len(fields))
    _, wire, content = fields[at]
    fields[at] = (rng.choice((1, 2, 3, 4, 5, 6, 7, 8, 10, 536870911)), wire, content)
    return fields


def wild_number(rng: random.Random, fields: list[Field], whole: bytes) -> list[Field]:
    places = [i for i, field in enumerate(fields) if field[1] == _VARINT] or [rng.randrange(len(fields))]
    at = rng.choice(places)
    fields[at] = (fields[at][0], _VARINT, varint(rng.choice(_NUMBERS)))
    return fields


def nest(rng: random.Random, fields: list[Field], whole: bytes) -> list[Field]:
    """A field inside itself, again and again."""
    at = rng.randrange(len(fields))
    number, _, content = fields[at]
    for _ in range(rng.choice((1, 3, 100))):
        content = join([(number, _BYTES, content)])
    fields[at] = (number, _BYTES, content)
    return fields


def borrow(rng: random.Random, fields: list[Field], whole: bytes) -> list[Field]:
    """The content of another field of the file: another node's name, op, attribute."""
    at = rng.randrange(len(fields))
    other = _somewhere(rng, split(whole) or fields)
    fields[at] = (fields[at][0], other[1], other[2])
    return fields


def _somewhere(rng: random.Random, fields: list[Field]) -> Field:
    field = rng.choice(fields)
    inner = split(field[2]) if field[1] == _BYTES and field[2] else None
    return _somewhere(rng, inner) if inner and rng.random() < _DESCENT else field


CHANGES: Final[tuple[Change, ...]] = (
    drop_field,
    double_field,
    swap_fields,
    renumber,
    wild_number,
    nest,
    borrow,
)


def mutated(seed: int, data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The damaged message, and the names of what was done: one change, or two or three."""
    rng = random.Random(seed)
    done = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        change = rng.choice(CHANGES)
        data = _changed(rng, data, data, change)
        done.append(change.__name__)
    return data, tuple(done)


def _changed(rng: random.Random, data: bytes, whole: bytes, change: Change) -> bytes:
    """The message with one change, at a random depth."""
    fields = split(data)
    if not fields:
        return data
    inner = [
        i for i, (_, wire, content) in enumerate(fields) if wire == _BYTES and content and split(content)
    ]
    if inner and rng.random() < _DESCENT:
        at = rng.choice(inner)
        number, wire, content = fields[at]
        fields[at] = (number, wire, _changed(rng, content, whole, change))
        return join(fields)
    return join(change(rng, fields, whole))
