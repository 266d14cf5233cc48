"""`transpiler ops`: the reference of all operations, as the registry has it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from transpiler.cli.arguments import add_format
from transpiler.cli.output import write_output
from transpiler.cli.parser import Parser

if TYPE_CHECKING:
    from transpiler.driver.reference import FieldPage, OpPage, Spelling


def declare(parser: Parser) -> None:
    parser.add_argument("name", metavar="NAME", nargs="?")
    add_format(parser, "text", "markdown", "json")
    parser.set_defaults(run=ops)


def ops(name: str | None, form: str) -> int:
    from transpiler.driver.reference import all_pages, page_of

    pages = all_pages() if name is None else (page_of(name),)
    if form == "json":
        listed = [msgspec.to_builtins(page) for page in pages]
        write_output(None, json.dumps(listed if name is None else listed[0], indent=2) + "\n")
    elif form == "markdown":
        write_output(None, "\n".join(line for page in pages for line in markdown(page)))
    else:
        write_output(None, "\n".join(_list(pages) if name is None else _text(pages[0])) + "\n")
    return 0


def _list(pages: Sequence[OpPage]) -> Iterator[str]:
    width = max(len(page.name) for page in pages)
    category = None
    for page in sorted(pages, key=lambda page: page.category):
        if page.category != category:
            category = page.category
            yield f"{category}:"
        yield f"  {page.name:{width}}  {_first_sentence(page)}"


def _first_sentence(page: OpPage) -> str:
    return " ".join(page.description.split("\n\n")[0].split())


def _text(page: OpPage) -> Iterator[str]:
    yield f"{page.name}({', '.join(page.operands)})    {page.category}"
    yield ""
    yield page.description
    yield ""
    yield f"operands: {page.operand_count}"
    if page.fields:
        yield "fields:"
        width = max(len(field.name) for field in page.fields)
        for field in page.fields:
            yield f"  {field.name:{width}}  {field.help} ({field.kind}; {_default(field)})"
    if page.parameters:
        yield f"learned arrays: {', '.join(page.parameters)}"
    for framework, words in _by_framework(page):
        yield f"in {framework}: {words}"


def markdown(page: OpPage) -> Iterator[str]:
    """The lines of a page as Markdown."""
    yield f"## `{page.name}`"
    yield ""
    yield page.description
    yield ""
    yield f"Category {page.category}. Operands: {', '.join(page.operands) or 'any'} ({page.operand_count})."
    yield ""
    if page.fields:
        yield "| field | kind | default | meaning |"
        yield "|---|---|---|---|"
        for field in page.fields:
            default = "required" if field.is_required else f"`{_value(field)}`"
            yield f"| `{field.name}` | {field.kind} | {default} | {field.help} |".replace("||", "\\|\\|")
        yield ""
    if page.parameters:
        yield f"Learned arrays: {', '.join(f'`{role}`' for role in page.parameters)}."
        yield ""
    for framework, words in _by_framework(page):
        yield f"- {framework}: {words}"
    yield ""


def _default(field: FieldPage) -> str:
    return "required" if field.is_required else f"default {_value(field)}"


def _value(field: FieldPage) -> str:
    return json.dumps(field.default)


def _by_framework(page: OpPage) -> Iterator[tuple[str, str]]:
    for framework in dict.fromkeys(spelling.framework for spelling in page.spellings):
        yield framework, ", ".join(_word(one) for one in page.spellings if one.framework == framework)


def _word(spelling: Spelling) -> str:
    if spelling.is_read and spelling.is_written:
        return spelling.native
    return f"{spelling.native} ({'read' if spelling.is_read else 'written'} only)"
