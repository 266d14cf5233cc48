"""The sentences about errors in protobuf text. A function that returns an offset says where to look on from."""

from __future__ import annotations

import re
from typing import Final

from transpiler.parsers.characters import is_lookalike, shown_character, shown_text
from transpiler.parsers.textproto_builder import MAX_DEPTH, MAX_ERRORS, Builder, OpenList
from transpiler.syntax.textproto import Field, Message
from transpiler.syntax.textproto_literals import written_string

_RUN: Final = re.compile(r"""[^\s,;{}<>\[\]"'#]++""")
"""What a person would see as one word."""
_WORD: Final = re.compile(r"[0-9A-Za-z_.+-]++")
_LINE: Final = re.compile(r"[^\n]*+")
_INDENT: Final = re.compile(r"[ \t]*+")


def equals_sign(builder: Builder, at: int) -> None:
    """`num_output = 20`."""
    builder.error(
        "T0105", "a field and its value are separated by ':', not '='", at, at + 1,
        fix=("write ':'", at, at + 1, ":"),
    )  # fmt: skip


def missing_colon(builder: Builder, name_end: int, at: int) -> None:
    """`num_output 20`."""
    builder.error(
        "T0106", "a ':' is missing between this field's name and its value", name_end, at,
        fix=("insert ':'", name_end, name_end, ":"),
    )  # fmt: skip


def no_value(builder: Builder, name: str, start: int, name_end: int) -> None:
    """`num_output:` and nothing, or a name alone."""
    builder.error(
        "T0107", f"the field {shown_text(name)} has no value", start, name_end,
        help="write `name: value`, or `name { … }` for a message",
    )  # fmt: skip


def bad_name(builder: Builder, start: int, name_end: int) -> int:
    """`kernel-size: 3`."""
    end = _end_of(_RUN, builder, name_end)
    character = shown_character(builder.source.text[name_end])
    builder.error(
        "T0101", f"unexpected {character} after the name {shown_text(builder.source.text[start:name_end])}",
        name_end, name_end + 1,
        help="a field name has letters, digits and underscores; a ':' or '{' follows it",
    )  # fmt: skip
    return max(end, name_end + 1)


def bad_value(builder: Builder, at: int) -> int:
    """A value that is no value: an unclosed string, a malformed number, text without quotes."""
    text = builder.source.text
    char = text[at]
    if char in "\"'":
        return unclosed_string(builder, at)
    if char in "+-." or char.isdigit():
        end = max(_end_of(_WORD, builder, at), at + 1)
        builder.error(
            "T0109", f"{shown_text(text[at:end])} is not a number that can be read", at, end,
            help=_number_help(text[at:end]),
        )  # fmt: skip
        return end
    word = _RUN.match(text, at)
    if word is None or not char.isprintable() or char in ":=" or is_lookalike(char):
        builder.error("T0101", f"unexpected {shown_character(char)} where a value was expected", at, at + 1)
        return at + 1
    builder.error(
        "T0101", f"{shown_text(word[0])} is not a value; text is written in quotes", at, word.end(),
        fix=("put quotes around it", at, word.end(), written_string(word[0])),
    )  # fmt: skip
    return word.end()


def needs_quotes(builder: Builder, field: Field) -> int:
    """`source: data/train.txt`: a value goes on with characters that only a string may hold."""
    start, value_end = field.value.start, field.value.end
    if isinstance(field.value, Message):
        return not_a_field(builder, value_end)
    end = max(_end_of(_RUN, builder, value_end), value_end + 1)
    word = builder.source.text[start:end]
    builder.error(
        "T0101", f"unexpected {shown_character(builder.source.text[value_end])} in the value {shown_text(word)}",
        value_end, value_end + 1,
        help="text that is not a single word or number is written in quotes",
        fix=("put quotes around it", start, end, written_string(word)),
    )  # fmt: skip
    return end


def unclosed_string(builder: Builder, at: int) -> int:
    """A quote without its partner on the same line."""
    text = builder.source.text
    line_end = _end_of(_LINE, builder, at)
    end = at + len(text[at:line_end].rstrip())
    quote = text[at]
    builder.error(
        "T0102", f"this string is not closed: the {quote} at its end is missing", at, end,
        help="a string ends on the line where it begins; a line break inside one is written \\n",
        fix=(f"insert {quote}", end, end, quote),
    )  # fmt: skip
    return line_end


def quoted_name(builder: Builder, start: int, end: int) -> None:
    """`"name": "x"`, as in JSON."""
    name = builder.source.text[start + 1 : end - 1]
    builder.error(
        "T0101",
        "field names are written without quotes",
        start,
        end,
        fix=("remove the quotes", start, end, name),
    )


def nameless(builder: Builder, start: int) -> None:
    """A `{` without a name."""
    builder.error(
        "T0115", "a message begins here, but no field name stands before its '{'", start, start + 1,
        help="write for example `layer { … }`",
    )  # fmt: skip


def not_a_field(builder: Builder, at: int) -> int:
    """Anything else where a field was expected."""
    text = builder.source.text
    char = text[at]
    if char in "\"'":
        return _string_instead_of_field(builder, at)
    if text.startswith(("//", "/*"), at):
        return _foreign_comment(builder, at)
    if char in ",;":
        builder.error(
            "T0114", f"this '{char}' separates nothing", at, at + 1, fix=("remove it", at, at + 1, "")
        )
        return at + 1
    if char in ":=":
        builder.error("T0101", f"no field name stands before this '{char}'", at, at + 1)
        return at + 1
    if char == "]":
        builder.error("T0111", "this ']' closes no list", at, at + 1, fix=("remove it", at, at + 1, ""))
        return at + 1
    if word := _WORD.match(text, at):
        builder.error(
            "T0101", f"{shown_text(word[0])} stands where a field was expected", at, word.end(),
            help="several values of one field are written `name: [1, 2]`, or as one `name: value` each",
        )  # fmt: skip
        return word.end()
    builder.error("T0101", f"unexpected {shown_character(char)} where a field was expected", at, at + 1)
    return at + 1


def closes_nothing(builder: Builder, at: int) -> None:
    """A `}` at the top."""
    builder.error(
        "T0104", f"this '{builder.source.text[at]}' closes nothing: no message is open here", at, at + 1,
        help="there is one closing brace too many, here or before",
    )  # fmt: skip


def wrong_bracket(builder: Builder, message: Message, at: int) -> None:
    """`{ … >` or `< … }`."""
    opening = builder.source.text[message.start]
    wanted = "}" if opening == "{" else ">"
    builder.error(
        "T0113", f"the message opened with '{opening}' is closed with '{builder.source.text[at]}'", at, at + 1,
        related=((builder.source.span(message.start, message.start + 1), "opened here"),),
        fix=(f"write '{wanted}'", at, at + 1, wanted),
    )  # fmt: skip


def bad_extension(builder: Builder, start: int) -> int:
    """A `[` that begins neither `[package.extension]` nor a list of a field."""
    builder.error(
        "T0112", "this '[' does not begin the name of an extension", start, start + 1,
        help="a list needs its field's name before it: `dim: [1, 2]`; an extension is `[package.name]: value`",
    )  # fmt: skip
    return start + 1


def bad_item(builder: Builder, open_list: OpenList, at: int) -> int:
    """Something in a list that is no item of a list."""
    text = builder.source.text
    if at == len(text):
        unclosed_list(builder, open_list, at)
        return at
    char = text[at]
    if char in "],":
        builder.error("T0111", f"a list item is missing before this '{char}'", at, at + 1)
        return at + 1
    if char == "[":
        builder.error("T0111", "a list cannot stand inside a list", at, at + 1)
        return at + 1
    return bad_value(builder, at)


def missing_comma(builder: Builder, at: int) -> None:
    """`[1 2]`."""
    builder.error("T0111", "a ',' or ']' is missing in this list", at, min(at + 1, len(builder.source.text)))


def unclosed_list(builder: Builder, open_list: OpenList, at: int) -> None:
    """A list that runs into the next field, a closing brace or the end."""
    opening = builder.source.span(open_list.bracket, open_list.bracket + 1)
    builder.error(
        "T0111", f"the list of {shown_text(open_list.name)} is not closed: ']' is missing", at, at,
        related=((opening, "the list begins here"),),
    )  # fmt: skip


def too_deep(builder: Builder, at: int) -> None:
    """More open messages than anyone needs."""
    builder.error(
        "T0110", f"nested too deeply: more than {MAX_DEPTH} messages inside one another", at, at + 1
    )


def too_many(builder: Builder, position: int) -> None:
    """The end of patience."""
    builder.error(
        "T0116", f"more than {MAX_ERRORS} syntax errors; the rest of the text was not read", position, position,
        help="is this a file of another format?",
    )  # fmt: skip


def unclosed(builder: Builder) -> None:
    """The end of the text with messages open."""
    message = builder.stack[-1][1]
    source = builder.source
    name = shown_text(builder.stack[-1][0][-1].name)
    related = [(source.span(message.start, message.start + 1), f"{name} is opened here")]
    suspect = _suspect(builder)
    if suspect is not None and suspect is not message:
        related.append(
            (source.span(suspect.start, suspect.start + 1), "the indentation says: this one lacks its end")
        )
    end = len(source.text.rstrip())
    missing = "}" if source.text[message.start] == "{" else ">"
    builder.error(
        "T0103", f"the file ends, but the message {name} is not closed: '{missing}' is missing", end, end,
        related=tuple(related),
    )  # fmt: skip


def _suspect(builder: Builder) -> Message | None:
    """Return the first closed message whose closing brace is indented less than the line that opens it."""
    text = builder.source.text
    suspects: list[Message] = []
    levels = [builder.fields, *(fields for fields, _ in builder.stack)]
    messages = [field.value for fields in levels for field in fields if isinstance(field.value, Message)]
    while messages:
        message = messages.pop()
        messages.extend(field.value for field in message.fields if isinstance(field.value, Message))
        close = message.end - 1
        line_start = text.rfind("\n", 0, close) + 1
        if line_start > message.start and not text[line_start:close].strip():
            opening_line = text.rfind("\n", 0, message.start) + 1
            if close - line_start < _end_of(_INDENT, builder, opening_line) - opening_line:
                suspects.append(message)
    return min(suspects, key=lambda message: message.end, default=None)


def _string_instead_of_field(builder: Builder, at: int) -> int:
    text = builder.source.text
    end = at + 1
    while end < len(text) and text[end] not in (text[at], "\n"):
        end += 2 if text[end] == "\\" else 1
    if end >= len(text) or text[end] == "\n":
        return unclosed_string(builder, at)
    builder.error(
        "T0101", "a string stands where a field was expected", at, end + 1,
        help="its field's name and ':' are missing before it, or a quote too many stands on this line",
    )  # fmt: skip
    return end + 1


def _foreign_comment(builder: Builder, at: int) -> int:
    text = builder.source.text
    line_end = _end_of(_LINE, builder, at)
    if text.startswith("/*", at):
        closing = text.find("*/", at + 2)
        builder.error("T0117", "comments begin with '#' on every line, not with '/*'", at, at + 2)
        return closing + 2 if closing >= 0 else line_end
    builder.error(
        "T0117", "comments begin with '#', not with '//'", at, at + 2, fix=("write '#'", at, at + 2, "#")
    )
    return line_end


def _number_help(word: str) -> str | None:
    digits = word.lstrip("+-")
    if word.startswith("+"):
        return f"numbers have no '+' sign: write {digits}"
    if digits.startswith("0") and digits.isdigit():
        return f"a leading 0 means an octal number: write {digits.lstrip('0') or '0'}"
    if word.startswith("-") and digits[:1].isalpha():
        return "only numbers, inf and nan can be negative"
    return None


def _end_of(pattern: re.Pattern[str], builder: Builder, at: int) -> int:
    match = pattern.match(builder.source.text, at)
    return match.end() if match is not None else at
