"""CRC-32C (Castagnoli) as TensorFlow's files have it: many stretches of the data at once, then joined.

Source: RFC 3720, appendix B.4, and tensorflow/core/lib/hash/crc32c.h for the masked form. A checksum that starts from 0
is linear, so that of two stretches one behind the other is the first one's, moved on by the second's length, XOR the
second one's.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np

    Words = np.ndarray[Any, np.dtype[np.uint32]]

POLYNOMIAL: Final = 0x82F63B78
_ALL: Final = 0xFFFFFFFF
_MASK_DELTA: Final = 0xA282EAD8
_SMALL: Final = 512
"""Fewer bytes than this are taken one by one."""
_LANES: Final = 8192
_CHUNK: Final = 256
"""Words of each lane that are brought together at once."""


def crc32c(data: bytes | bytearray | memoryview) -> int:
    """The checksum of bytes."""
    whole = Checksum()
    whole.update(data)
    return whole.value


class Checksum:
    """The checksum of bytes that come piece by piece."""

    def __init__(self) -> None:
        self._raw = 0
        self._length = 0

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Add what comes next."""
        view = memoryview(data).cast("B")
        self._raw = _moved(self._raw, len(view)) ^ _raw(view)
        self._length += len(view)

    @property
    def value(self) -> int:
        """The checksum of everything so far."""
        return self._raw ^ _moved(_ALL, self._length) ^ _ALL


def masked(crc: int) -> int:
    """A checksum as it is stored beside data that may hold checksums itself."""
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & _ALL


@lru_cache(maxsize=1)
def _bytes_table() -> tuple[int, ...]:
    """What each byte makes of an empty checksum."""
    found = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (POLYNOMIAL if value & 1 else 0)
        found.append(value)
    return tuple(found)


@lru_cache(maxsize=1)
def _pairs_tables() -> tuple[Words, Words]:
    """What the first and the second two bytes of a word make of an empty checksum."""
    import numpy as np

    one = np.array(_bytes_table(), np.uint32)
    levels = [one]
    for _ in range(3):
        levels.append(one[levels[-1] & 0xFF] ^ levels[-1] >> 8)
    low, high = np.arange(1 << 16) & 0xFF, np.arange(1 << 16) >> 8
    return levels[3][low] ^ levels[2][high], levels[1][low] ^ levels[0][high]


def _raw(view: memoryview) -> int:
    """The checksum that starts from 0 and is not inverted."""
    if len(view) < _SMALL:
        table, crc = _bytes_table(), 0
        for byte in view:
            crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
        return crc
    lanes = min(_LANES, 1 << (len(view) // 64).bit_length() - 1)
    words = 1 << (len(view) // lanes // 4).bit_length() - 1
    main = lanes * words * 4
    tail = view[main:]
    return _moved(_in_lanes(view[:main], lanes, words), len(tail)) ^ _raw(tail)


def _in_lanes(view: memoryview, lanes: int, words: int) -> int:
    """Lanes of as many words each, all of them word by word; then neighbours are joined until one is left."""
    import numpy as np

    first, second = _pairs_tables()
    data = np.frombuffer(view, "<u4").reshape(lanes, words)
    crc = np.zeros(lanes, np.uint32)
    for start in range(0, words, _CHUNK):
        for column in np.ascontiguousarray(data[:, start : start + _CHUNK].T):
            crc ^= column
            crc = first[crc & 0xFFFF] ^ second[crc >> 16]
    length = words * 4
    while len(crc) > 1:
        crc = _all_moved(crc[0::2], length) ^ crc[1::2]
        length *= 2
    return int(crc[0])


def _moved(crc: int, length: int) -> int:
    """A raw checksum with zeros of that length behind it."""
    import numpy as np

    return int(_all_moved(np.array([crc], np.uint32), length)[0])


def _all_moved(crcs: Words, length: int) -> Words:
    for power in range(length.bit_length()):
        if length >> power & 1:
            crcs = _applied(_operator(power), crcs)
    return crcs


@lru_cache(maxsize=64)
def _operator(power: int) -> tuple[Words, ...]:
    """What 2 ** power zero bytes make of a checksum: for each of its four bytes, of every value."""
    import numpy as np

    bits = np.uint32(1) << np.arange(32, dtype=np.uint32)
    if power == 0:
        table = np.array(_bytes_table(), np.uint32)
        images = table[bits & 0xFF] ^ bits >> 8
    else:
        images = _applied(_operator(power - 1), _applied(_operator(power - 1), bits))
    tables = []
    for byte in range(4):
        made = np.zeros(1, np.uint32)
        for image in images[8 * byte : 8 * byte + 8]:
            made = np.concatenate([made, made ^ image])
        tables.append(made)
    return tuple(tables)


def _applied(operator: tuple[Words, ...], crcs: Words) -> Words:
    first, second, third, last = operator
    made: Words = first[crcs & 0xFF] ^ second[crcs >> 8 & 0xFF]
    made ^= third[crcs >> 16 & 0xFF] ^ last[crcs >> 24]
    return made
