"""Naming characters and pieces of text in sentences for people."""

from __future__ import annotations

import unicodedata
from typing import Final

_MAX_SHOWN: Final = 60
_LOOKALIKES: Final = {
    "\u00a0": "a non-breaking space (write a plain space)",
    "\u200b": "an invisible zero-width space (remove it)",
    "\ufeff": "an invisible byte order mark (remove it)",
    "\u201c": '“ (a typographic quote; write ")',
    "\u201d": '” (a typographic quote; write ")',
    "\u2018": "‘ (a typographic quote; write ')",
    "\u2019": "’ (a typographic quote; write ')",
    "\uff1a": "： (a full-width colon; write :)",
    "\uff0c": "， (a full-width comma; write ,)",
    "\ufffd": "a character that could not be decoded",
}


def is_lookalike(char: str) -> bool:
    """Whether a character is easily mistaken for one that would be right."""
    return char in _LOOKALIKES


def shown_character(char: str) -> str:
    """Return how a sentence names a character: quoted, or in words where it is invisible or easily mistaken."""
    if char in _LOOKALIKES:
        return _LOOKALIKES[char]
    if char.isprintable():
        return f"'{char}'"
    return f"the character U+{ord(char):04X} ({unicodedata.name(char, 'a control character')})"


def shown_text(text: str) -> str:
    """Return how a sentence quotes a piece of the user's text: on one line and not too long."""
    line = " ".join(text.split())
    return f"`{line if len(line) <= _MAX_SHOWN else line[: _MAX_SHOWN - 1] + '…'}`"
