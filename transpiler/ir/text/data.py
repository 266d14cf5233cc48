"""How the text form spells names and data. Whatever is written here reads back as the same type and value."""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from transpiler.ir.op import Op
from transpiler.ir.text.encode import stated
from transpiler.syntax.symbol import Symbol

_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_./@-]*")
_AFTER_SIGIL: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./@-]*")
_NOT_SYMBOLS: Final = frozenset(("none", "true", "false", "inf", "nan"))


def quoted(text: str) -> str:
    """A string in quotes, with JSON's escapes; printable characters stand for themselves."""
    return json.dumps(text, ensure_ascii=not text.isprintable())


def name(text: str) -> str:
    """A name, in quotes only where it is no plain word."""
    return text if _WORD.fullmatch(text) else quoted(text)


def value(text: str) -> str:
    """The name of a value: `%conv1`."""
    return f"%{text}" if _AFTER_SIGIL.fullmatch(text) else f"%{quoted(text)}"


def array(text: str) -> str:
    """The name of a learned array: `@conv1/kernel`."""
    return f"@{text}" if _AFTER_SIGIL.fullmatch(text) else f"@{quoted(text)}"


def symbol(text: str) -> str:
    """A symbol: a word without quotes, or in backquotes where it would read as something else."""
    if _WORD.fullmatch(text) and text not in _NOT_SYMBOLS:
        return text
    inner = quoted(text)[1:-1].replace("`", "\\u0060")
    return f"`{inner}`"


def datum(item: Any, hole: str = "none") -> str:
    """Any data that graphs carry, values of op fields among it. `hole`: how None is written inside lists."""
    match item:
        case None:
            return "none"
        case bool():
            return "true" if item else "false"
        case int() | float():
            return repr(item)
        case Symbol():
            return symbol(item)
        case str():
            return quoted(item)
        case enum.Enum():
            return symbol(item.value)
        case list() | tuple():
            return f"[{', '.join(hole if one is None else datum(one, hole) for one in item)}]"
        case Mapping():
            return table(item)
        case Op():
            stated_fields = fields(item)
            return f"{name(item.name)} {stated_fields}" if stated_fields else name(item.name)
        case _:
            return datum(item.plain)  # a sum type of the ops, such as padding


def table(items: Mapping[str, Any]) -> str:
    """Entries in braces, in the order given."""
    return f"{{{', '.join(f'{name(str(key))} = {datum(item)}' for key, item in items.items())}}}"


def fields(op: Op) -> str:
    """The fields of an op that differ from their defaults, in braces; nothing if all are defaults."""
    entries = [
        f"{field.name} = {datum(item, '?' if 'shape' in field.kind else 'none')}"
        for field, item in stated(op)
    ]
    return f"{{{', '.join(entries)}}}" if entries else ""
