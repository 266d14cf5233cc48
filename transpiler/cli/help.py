"""The text of `--help`: what a command does, and its options with choices, defaults and ranges."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from collections.abc import Iterator, Mapping
from typing import Final

from transpiler.cli.parser import WIDTH, Choice, Parser, Real, Show, Whole

_LEAST_WIDTH: Final = 50
_MOST_NAME: Final = 30
"""What an option's help stands beside; longer names have a line of their own."""
_WORDS: Final[Mapping[int | str | None, str]] = {None: "{}", "?": "[{}]", "*": "[{}]…", "+": "{}…"}


def render_usage(parser: Parser) -> str:
    """The line that says how the command is called."""
    words = [_WORDS[one.nargs].format(one.metavar) for one in parser.positionals]
    if parser.commands:
        words.append("COMMAND [ARGS]…")
    return " ".join((f"Usage: {parser.prog} [OPTIONS]", *words)) + "\n"


def render_help(parser: Parser) -> str:
    """All that is to be known of the command; as wide as the terminal, within limits."""
    width = max(min(shutil.get_terminal_size((WIDTH, 24)).columns, WIDTH), _LEAST_WIDTH)
    lines = [render_usage(parser)]
    for paragraph in (parser.summary, *parser.details.split("\n\n")):
        if paragraph:
            lines += [*_wrapped(paragraph, width, "  "), ""]
    actions = dict.fromkeys(parser.flags.values())
    options = sorted(actions, key=lambda one: isinstance(one, Show))
    lines += ["Options:", *_table([(_name(one), _help(one)) for one in options], width)]
    if parser.commands:
        rows = [(name, summary) for name, (summary, _) in parser.commands.items()]
        lines += ["", "Commands:", *_table(rows, width)]
    return "\n".join(lines) + "\n"


def _name(option: argparse.Action) -> str:
    flags = ", ".join(option.option_strings)
    if option.nargs == 0:
        return flags
    if option.metavar is None and isinstance(option.type, Choice):
        return f"{flags} [{'|'.join(option.type.names)}]"
    return f"{flags} {option.metavar}"


def _help(option: argparse.Action) -> str:
    facts = []
    if isinstance(option.default, str | float | int) and option.nargs != 0:
        facts.append(
            f"default: {option.default if isinstance(option.default, str) else f'{option.default:g}'}"
        )
    if isinstance(option.type, Whole | Real) and option.type.range:
        facts.append(option.type.range)
    if option.required:
        facts.append("required")
    return "  ".join(filter(None, (option.help, f"[{'; '.join(facts)}]" if facts else "")))


def _table(rows: list[tuple[str, str]], width: int) -> Iterator[str]:
    column = max((len(name) for name, _ in rows if len(name) <= _MOST_NAME), default=_MOST_NAME) + 4
    for name, help in rows:
        first, *others = _wrapped(help, width, " " * column) or [""]
        if len(name) <= _MOST_NAME:
            yield f"  {name:{column - 2}}{first[column:]}".rstrip()
        else:
            yield from (f"  {name}", first)
        yield from others


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
