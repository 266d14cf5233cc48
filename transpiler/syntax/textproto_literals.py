"""Literals of protobuf text: the value of a written number or string, and the writing of a value.

Source: the Protocol Buffers Text Format Language Specification.
"""

from __future__ import annotations

import math
import re
import struct
import sys
from functools import lru_cache
from typing import Final

_SIMPLE_ESCAPES: Final = {
    b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v",
    b"?": b"?", b"\\": b"\\", b"'": b"'", b'"': b'"',
}  # fmt: skip
# Patterns that most files never need stand as text: `re` compiles each when it is first used, and keeps it.
_ESCAPE: Final = (
    rb"""\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([abfnrtv?\\'"]))"""
)
_PIECE: Final = r"""\#[^\n]*+|"((?:[^"\\\n]|\\.)*+)"|'((?:[^'\\\n]|\\.)*+)'"""
"""One string literal, or one comment between two of them."""
_ESCAPE_START: Final = r"\\(?:U([0-9a-fA-F]{8})|[0-7abfnrtv?\\'\"]|[xX][0-9a-fA-F]|u[0-9a-fA-F]{4}|())"
_NOT_PLAIN: Final = r"[^ !#-\[\]-~]"
_WRITTEN: Final = {
    "\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\",
}  # fmt: skip


def string_bytes(text: str) -> bytes:
    """Return the bytes of one string literal or several adjacent ones, given as written.

    Characters stand for their UTF-8 bytes. Text that the parser accepted never fails here.
    """
    return b"".join(_unescaped(match[1] or match[2] or "") for match in re.finditer(_PIECE, text))


def string_value(text: str) -> str:
    """Return the text of string literals; bytes that are not UTF-8 become half surrogates (`surrogateescape`)."""
    quote, body = text[:1], text[1:-1]
    if "\\" not in body and quote not in body:
        return body
    return string_bytes(text).decode("utf-8", "surrogateescape")


def bad_escape(text: str) -> tuple[int, int] | None:
    """Return where, within the text of string literals, the first escape stands that does not exist, if one does."""
    for piece in re.finditer(_PIECE, text):
        if piece[0].startswith("#"):
            continue
        for match in re.compile(_ESCAPE_START).finditer(text, piece.start(), piece.end()):
            if match[2] is not None or (match[1] is not None and int(match[1], 16) > sys.maxunicode):
                return match.start(), max(match.end(), match.start() + 2)
    return None


@lru_cache(1 << 12)
def number_value(text: str) -> int | float:
    """Return the value of a written number: decimal, octal, hexadecimal or floating, with an optional sign."""
    body = text.rsplit(maxsplit=1)[-1].lstrip("-").lower()  # white space and comments may follow the sign
    value = _magnitude(body)
    return -value if text.startswith("-") else value


def written_string(value: str | bytes) -> str:
    """Return the canonical literal of a string: double quotes, UTF-8 kept readable, other bytes in octal."""
    text = value if isinstance(value, str) else value.decode("utf-8", "surrogateescape")
    if re.search(_NOT_PLAIN, text) is None:
        return f'"{text}"'
    return '"' + "".join(_written_char(char) for char in text) + '"'


def written_float(value: float) -> str:
    """Return the shortest decimal that reads back as the value; a value that a float32 holds may round as one."""
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if _as_float32(value) != value:
        return repr(value)
    # Up to nine significant digits always tell two float32 apart.
    candidates = (float(f"{value:.{digits}g}") for digits in range(6, 10))
    return repr(next((short for short in candidates if _as_float32(short) == value), value))


def _unescaped(body: str) -> bytes:
    encoded = _encoded(body)
    return re.sub(_ESCAPE, _escaped_bytes, _paired(encoded)) if b"\\" in encoded else encoded


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a half surrogate that stands for no byte
        return text.encode("utf-8", "surrogatepass")


def _escaped_bytes(match: re.Match[bytes]) -> bytes:
    octal, hexadecimal, short, long, simple = match.groups()
    if simple is not None:
        return _SIMPLE_ESCAPES[simple]
    if octal is not None:
        return bytes([int(octal, 8) & 0xFF])
    if hexadecimal is not None:
        return bytes([int(hexadecimal, 16)])
    code = int(short or long, 16)
    return chr(code).encode("utf-8", "surrogatepass") if code <= sys.maxunicode else match[0]


_PAIR: Final = rb"(?<!\\)((?:\\\\)*+)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"


def _paired(body: bytes) -> bytes:
    """Write a surrogate pair of two short escapes as the one long escape it means."""
    return re.sub(_PAIR, _pair_as_one, body)


def _pair_as_one(match: re.Match[bytes]) -> bytes:
    high, low = int(match[2], 16), int(match[3], 16)
    return match[1] + b"\\U%08x" % (0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


def _magnitude(body: str) -> int | float:
    if body.startswith("0x"):
        return int(body, 16)
    if body.isdigit():
        return int(body, 8 if body[0] == "0" else 10)
    return float(body if body[0] in "in" else body.rstrip("f"))


def _written_char(char: str) -> str:
    if char in _WRITTEN:
        return _WRITTEN[char]
    if char.isprintable():
        return char
    return "".join(f"\\{byte:03o}" for byte in _encoded(char))


def _as_float32(value: float) -> float | None:
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return None
