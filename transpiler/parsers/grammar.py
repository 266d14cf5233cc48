"""The grammar files: finding them, and reading their terminals without loading Lark.

In a checkout the grammars lie in `grammar/` beside the package; an installed package carries them inside.
"""

from __future__ import annotations

import os
import re
from functools import cache
from typing import Final

_PACKAGE: Final = os.path.dirname(os.path.dirname(__file__))
_PLACES: Final = (os.path.join(_PACKAGE, "grammar"), os.path.join(os.path.dirname(_PACKAGE), "grammar"))
_TERMINAL: Final = re.compile(r"^([A-Z_]+): /(.+)/$", re.MULTILINE)


@cache
def grammar_text(notation: str) -> str:
    """Return the Lark grammar of a notation (`textproto` or `json`); FileNotFoundError if it was not packaged."""
    for folder in _PLACES:
        path = os.path.join(folder, f"{notation}.lark")
        if os.path.isfile(path):
            with open(path, encoding="utf-8") as file:
                return file.read()
    raise FileNotFoundError(f"the grammar {notation}.lark is missing from this installation")


@cache
def terminals(notation: str) -> dict[str, str]:
    """Return the regular expression of every terminal of a grammar, by name."""
    return {match[1]: match[2] for match in _TERMINAL.finditer(grammar_text(notation))}
