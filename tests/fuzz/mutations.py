"""Seeded damage to a file's bytes: what editors, disks and people do to files, at random."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Final

_TOKEN: Final = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*|-?[0-9][0-9.eE+-]*|\"[^\"\n]*\"|[^\sA-Za-z0-9_]")
_NUMBER: Final = re.compile(rb"-?[0-9]+(?:\.[0-9]+)?")
_NUMBERS: Final = (
    *(
        b"0 -1 1 2 3 7 -2147483648 2147483647 2147483648 4294967295 9223372036854775807 9223372036854775808".split()
    ),
    *(b"-9223372036854775809 1000000000000000000000000 1e308 1e999 -0.5 0.3 nan inf null true".split()),
    b"[]",
    b'""',
)
_BYTES: Final = (
    b"\x00",
    b"\xff",
    b"\xfe\xff",
    b"\xef\xbb\xbf",
    b"\r",
    b"\r\n",
    *(bytes([c]) for c in b'\\"{}[]/'),
)

Mutation = Callable[[random.Random, bytes], bytes]


def flip_bytes(rng: random.Random, data: bytes) -> bytes:
    """Change one to eight bytes anywhere."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def insert_bytes(rng: random.Random, data: bytes) -> bytes:
    """Insert a byte or two that readers are known to trip over."""
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice(_BYTES) + data[at:]


def drop_tokens(rng: random.Random, data: bytes) -> bytes:
    """Leave out one to three tokens."""
    for _ in range(rng.randint(1, 3)):
        start, end = _token(rng, data)
        data = data[:start] + data[end:]
    return data


def double_token(rng: random.Random, data: bytes) -> bytes:
    """Write one token twice."""
    start, end = _token(rng, data)
    return data[:end] + b" " + data[start:end] + data[end:]


def swap_tokens(rng: random.Random, data: bytes) -> bytes:
    """Exchange two tokens."""
    (a, b), (c, d) = sorted((_token(rng, data), _token(rng, data)))
    return data if b > c else data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def copy_token(rng: random.Random, data: bytes) -> bytes:
    """Put one token of the file in the place of another."""
    (a, b), (c, d) = _token(rng, data), _token(rng, data)
    return data[:a] + data[c:d] + data[b:]


def change_number(rng: random.Random, data: bytes) -> bytes:
    """Make one to three numbers huge, negative, fractional, or no numbers at all."""
    for _ in range(rng.randint(1, 3)):
        found = _NUMBER.search(data, rng.randrange(len(data) + 1)) or _NUMBER.search(data)
        if found is not None:
            data = data[: found.start()] + rng.choice(_NUMBERS) + data[found.end() :]
    return data


def truncate(rng: random.Random, data: bytes) -> bytes:
    """Keep only the beginning, or only the end."""
    at = rng.randrange(len(data) + 1)
    return data[:at] if rng.random() < 0.8 else data[at:]


def drop_lines(rng: random.Random, data: bytes) -> bytes:
    """Leave out a run of lines."""
    lines = data.splitlines(keepends=True)
    start = rng.randrange(len(lines))
    return b"".join(lines[:start] + lines[start + rng.randint(1, 12) :])


def double_lines(rng: random.Random, data: bytes) -> bytes:
    """Write a run of lines twice."""
    lines = data.splitlines(keepends=True)
    start = rng.randrange(len(lines))
    stop = start + rng.randint(1, 30)
    return b"".join(lines[:stop] + lines[start:stop] + lines[stop:])


def _token(rng: random.Random, data: bytes) -> tuple[int, int]:
    """A token near a random place; an empty range when there is none."""
    found = _TOKEN.search(data, rng.randrange(len(data) + 1)) or _TOKEN.search(data)
    return (0, 0) if found is None else found.span()


MUTATIONS: Final[tuple[Mutation, ...]] = (
    flip_bytes,
    insert_bytes,
    drop_tokens,
    double_token,
    swap_tokens,
    copy_token,
    change_number,
    truncate,
    drop_lines,
    double_lines,
)


def mutated(seed: int, data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The damaged bytes, and the names of the mutations done: one, or sometimes two or three."""
    rng = random.Random(seed)
    done: list[str] = []
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if not data:
            break
        mutation = rng.choice(MUTATIONS)
        data = mutation(rng, data)
        done.append(mutation.__name__)
    return data, tuple(done)
