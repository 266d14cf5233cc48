"""`transpiler zoo`: networks of the literature that come with the program."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from transpiler.cli.arguments import add_data_format, add_format, add_output, add_quiet, add_size_options
from transpiler.cli.convert import written_target
from transpiler.cli.output import CannotWrite, check_output, write_output
from transpiler.cli.parser import Parser
from transpiler.cli.reporting import report
from transpiler.diagnostics import CompileError
from transpiler.driver.options import Options, UsageError

if TYPE_CHECKING:
    from transpiler.zoo import Entry


def declare(parser: Parser) -> None:
    parser.add_command("list", "List all networks.", _declare_list)
    parser.add_command(
        "show",
        "Say where the network NAME was published and which variant it is, and describe it layer by layer.",
        _declare_show,
    )
    parser.add_command("export", "Write the network NAME for a framework.", _declare_export)


def _declare_list(parser: Parser) -> None:
    add_format(parser, "text", "markdown", "json")
    parser.set_defaults(run=list_networks)


def _declare_show(parser: Parser) -> None:
    parser.add_argument("name", metavar="NAME")
    add_format(parser, "table", "json")
    parser.set_defaults(run=show)


def _declare_export(parser: Parser) -> None:
    parser.add_argument("name", metavar="NAME")
    add_output(parser)
    add_data_format(parser)
    add_size_options(parser)
    add_quiet(parser)
    parser.set_defaults(run=export)


def list_networks(form: str) -> int:
    from transpiler.zoo import NETWORKS

    if form == "json":
        write_output(None, json.dumps([_plain(entry) for entry in NETWORKS], indent=2) + "\n")
    else:
        lines = _markdown(NETWORKS) if form == "markdown" else _text(NETWORKS)
        write_output(None, "\n".join(lines) + "\n")
    return 0


def show(name: str, form: str) -> int:
    from transpiler.driver.inspect import inspect_source

    entry = _entry(name)
    description = inspect_source(entry.build())
    if form == "json":
        found = {**_plain(entry), "network": description.as_dict()}
        write_output(None, json.dumps(found, indent=2) + "\n")
    else:
        from transpiler.cli.table import render_table

        about = (entry.title, entry.publication, entry.variant)
        write_output(None, "\n".join((*about, "", render_table(description))))
    return 0


def export(
    name: str, target: str | None, output: str | None, data_format: str | None, quiet: bool, **sizes: Any
) -> int:
    from transpiler.driver.convert import convert_source

    check_output(output, "-")
    module = _entry(name).build()
    options = Options(data_format=data_format, **sizes)
    try:
        result = convert_source(module, target or written_target(output), options)
        said = () if output is None or output == "-" else result.save(output)
    except CompileError as error:
        report(error.diagnostics, quiet=quiet)
        return 1
    except OSError as error:
        raise CannotWrite(f"cannot write {output}: {error.strerror or error}") from error
    report((*result.diagnostics, *said), quiet=quiet)
    if output is None or output == "-":
        write_output(None, result.text)
    return 0


def _entry(name: str) -> Entry:
    from transpiler.zoo import UnknownNetwork, entry

    try:
        return entry(name)
    except UnknownNetwork as error:
        raise UsageError(str(error)) from error


def _plain(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "title": entry.title,
        "publication": entry.publication,
        "variant": entry.variant,
        "param_count": entry.parameters,
    }


def _text(entries: Sequence[Entry]) -> Iterator[str]:
    width = max(len(entry.name) for entry in entries)
    for entry in entries:
        yield f"{entry.name:{width}}  {entry.parameters:>11,}  {entry.title}"


def _markdown(entries: Sequence[Entry]) -> Iterator[str]:
    yield "| name | network | parameters | publication | this form |"
    yield "|---|---|---:|---|---|"
    for entry in entries:
        cells = (f"`{entry.name}`", entry.title, f"{entry.parameters:,}", entry.publication, entry.variant)
        yield f"| {' | '.join(cells)} |"
