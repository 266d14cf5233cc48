"""The sentences about errors in JSON. A function that returns an offset says where to look on from."""

from __future__ import annotations

import re
from typing import Final

from transpiler.parsers.characters import shown_character, shown_text
from transpiler.parsers.json_builder import MAX_DEPTH, MAX_ERRORS, Builder
from transpiler.syntax.json import JsonArray, JsonObject

_LINE: Final = re.compile(r"[^\n]*+")
_BAD_IN_STRING: Final = re.compile(r"\\(?:[\"\\/bfnrt]|u[0-9a-fA-F]{4}|())|[\x00-\x1f]")
_MEANT: Final = {
    "True": "true",
    "TRUE": "true",
    "False": "false",
    "FALSE": "false",
    "None": "null",
    "NULL": "null",
    "Null": "null",
    "nil": "null",
    "undefined": "null",
    "nan": "NaN",
    "inf": "Infinity",
    "-inf": "-Infinity",
}


def comment(builder: Builder, start: int) -> int:
    """`// …`, `/* … */` or `# …`."""
    text = builder.source.text
    line_end = _line_end(builder, start)
    end = line_end
    if text.startswith("/*", start):
        closing = text.find("*/", start + 2)
        end = closing + 2 if closing >= 0 else len(text)
    builder.error(
        "T0208", "JSON has no comments", start, min(end, line_end), fix=("remove it", start, end, "")
    )
    return end


def more_text(builder: Builder, start: int) -> None:
    """Something behind the outermost value."""
    builder.error(
        "T0215", "the JSON value has ended, but more text follows", start, start + 1,
        help="a file holds one value; is a bracket closed too early, or are there two files in one?",
    )  # fmt: skip


def unfinished(builder: Builder) -> None:
    """The end of the text where a value or bracket is missing."""
    source = builder.source
    end = len(source.text.rstrip())
    if not builder.stack:
        builder.error("T0201", "the text holds no JSON value", end, end)
        return
    container = builder.stack[-1][1]
    kind, missing = ("object", "}") if isinstance(container, JsonObject) else ("array", "]")
    others = len(builder.stack) - 1
    also = f", nor {others} around it" if others else ""
    builder.error(
        "T0203", f"the file ends, but this {kind} is not closed{also}: '{missing}' is missing", end, end,
        related=((source.span(container.start, container.start + 1), f"the {kind} begins here"),),
        help="was the file cut off while it was written or copied?",
    )  # fmt: skip


def closes_nothing(builder: Builder, at: int) -> None:
    """A closing bracket at the top."""
    builder.error("T0204", f"this '{builder.source.text[at]}' closes nothing", at, at + 1)


def wrong_bracket(builder: Builder, container: JsonObject | JsonArray, at: int) -> None:
    """`[1}`."""
    opening = builder.source.text[container.start]
    wanted = "}" if opening == "{" else "]"
    builder.error(
        "T0204", f"'{wanted}' is needed here to close '{opening}', not '{builder.source.text[at]}'", at, at + 1,
        related=((builder.source.span(container.start, container.start + 1), "opened here"),),
    )  # fmt: skip


def trailing_comma(builder: Builder, bracket: int) -> None:
    """`[1,]`."""
    comma = builder.source.text.rfind(",", 0, bracket)
    builder.error(
        "T0206", "JSON allows no comma after the last item", comma, comma + 1,
        fix=("remove the comma", comma, comma + 1, ""),
    )  # fmt: skip


def extra_comma(builder: Builder, at: int) -> None:
    """`[1,,2]` or `[,1]`."""
    builder.error(
        "T0206", "an item is missing before this comma", at, at + 1, fix=("remove it", at, at + 1, "")
    )


def semicolon(builder: Builder, at: int) -> None:
    """`{"a": 1; "b": 2}`."""
    builder.error(
        "T0205", "items are separated by ',', not ';'", at, at + 1, fix=("write ','", at, at + 1, ",")
    )


def missing_comma(builder: Builder, position: int, start: int) -> None:
    """`[1 2]`."""
    builder.error(
        "T0205", f"a ',' is missing before {shown_character(builder.source.text[start])}", start, start + 1,
        fix=("insert ','", position, position, ","),
    )  # fmt: skip


def missing_colon(builder: Builder, key_end: int, start: int, end: int) -> None:
    """`{"a" 1}` or `{"a" = 1}`."""
    builder.error(
        "T0209", "a ':' is needed between this key and its value", start, max(end, start + 1),
        fix=("write ':'", key_end, end, ": "),
    )  # fmt: skip


def no_value(builder: Builder, start: int, end: int) -> None:
    """`{"a":}`."""
    builder.error("T0217", f"the key {shown_text(builder.source.text[start:end])} has no value", start, end)


def no_key(builder: Builder, at: int) -> None:
    """`{{}}`."""
    builder.error("T0201", "a key in double quotes is needed before this value", at, at + 1)


def not_a_key(builder: Builder, at: int) -> int:
    """Anything in an object where a key must stand."""
    if builder.source.text[at] in "\"'":
        return unclosed_string(builder, at)
    builder.error(
        "T0201", f"unexpected {shown_character(builder.source.text[at])} where a key was expected", at, at + 1,
        help='an object is written {"key": value, …}',
    )  # fmt: skip
    return at + 1


def single_quotes(builder: Builder, start: int, end: int) -> None:
    """`'text'`."""
    inner = builder.source.text[start + 1 : end - 1].replace("\\'", "'").replace('"', '\\"')
    builder.error(
        "T0207", "JSON strings are written in double quotes", start, end,
        fix=("write double quotes", start, end, f'"{inner}"'),
    )  # fmt: skip


def unquoted(builder: Builder, start: int, end: int) -> None:
    """`{key: 1}`."""
    word = builder.source.text[start:end]
    builder.error(
        "T0207", "JSON keys are written in double quotes", start, end,
        fix=("put quotes around it", start, end, f'"{word}"'),
    )  # fmt: skip


def bad_string(builder: Builder, start: int, end: int) -> None:
    """A string with an escape that does not exist, or a control character."""
    text = builder.source.text
    for match in _BAD_IN_STRING.finditer(text, start + 1, end - 1):
        if match[0].startswith("\\") and match[1] is None:
            continue
        if match[0].startswith("\\"):
            at, stop = match.start(), min(match.start() + 2, end)
            message, help = f"the escape {text[at:stop]} does not exist", "a backslash itself is written \\\\"
        else:
            at, stop = match.span()
            message = f"{shown_character(match[0])} cannot stand in a string as it is"
            help = "write it as an escape: \\t for a tab, \\n for a line break"
        builder.error("T0210", message, at, stop, help=help)
        return


def unclosed_string(builder: Builder, at: int) -> int:
    """A quote without its partner on the same line."""
    text = builder.source.text
    line_end = _line_end(builder, at)
    end = at + len(text[at:line_end].rstrip())
    builder.error(
        "T0202", f"this string is not closed: the {text[at]} at its end is missing", at, end,
        help="a string ends on the line where it begins; a line break inside one is written \\n",
    )  # fmt: skip
    return line_end


def bad_word(builder: Builder, start: int, end: int) -> None:
    """A word that is neither a number nor one of the literals."""
    word = builder.source.text[start:end]
    if word in _MEANT:
        meant = _MEANT[word]
        builder.error(
            "T0216", f"JSON writes {meant}, not {word}", start, end, fix=(f"write {meant}", start, end, meant)
        )
    elif word[0].isdigit() or word[0] in "+-.":
        builder.error(
            "T0211",
            f"{shown_text(word)} is not a number that JSON can hold",
            start,
            end,
            help=_number_help(word),
        )
    else:
        builder.error(
            "T0216", f"{shown_text(word)} is not a JSON value; text is written in double quotes", start, end,
            fix=("put quotes around it", start, end, f'"{word}"'),
        )  # fmt: skip


def unexpected(builder: Builder, at: int) -> None:
    """A character that begins nothing."""
    builder.error("T0201", f"unexpected {shown_character(builder.source.text[at])}", at, at + 1)


def too_deep(builder: Builder, at: int) -> None:
    """More open brackets than anyone needs."""
    builder.error(
        "T0214", f"nested too deeply: more than {MAX_DEPTH} objects and arrays inside one another", at, at + 1
    )


def too_many(builder: Builder, position: int) -> None:
    """The end of patience."""
    builder.error(
        "T0219", f"more than {MAX_ERRORS} syntax errors; the rest of the text was not read", position, position,
        help="is this a file of another format?",
    )  # fmt: skip


def _number_help(word: str) -> str | None:
    if word.startswith("+"):
        return f"numbers have no '+' sign: write {word[1:]}"
    if word.startswith((".", "-.")):
        return "a digit stands before the point: 0.5"
    if word.endswith("."):
        return f"a digit stands behind the point: write {word}0"
    if word.lstrip("-").startswith("0") and word.lstrip("-").isdigit():
        return f"a number has no leading zeros: write {word.lstrip('-0') or '0'}"
    return None


def _line_end(builder: Builder, at: int) -> int:
    match = _LINE.match(builder.source.text, at)
    return match.end() if match is not None else at
