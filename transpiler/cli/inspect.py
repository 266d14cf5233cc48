"""`transpiler inspect`: what a model consists of, layer by layer, in the words of its own framework."""

from __future__ import annotations

from typing import Any

from transpiler.cli.arguments import add_format, add_quiet, add_source
from transpiler.cli.output import write_output
from transpiler.cli.parser import Parser
from transpiler.cli.reporting import report
from transpiler.diagnostics import CompileError, Severity
from transpiler.driver.options import Options


def declare(parser: Parser) -> None:
    parser.details = (
        "Dimensions are in the order of the framework that SRC is written for. A net with phases is described as in "
        "its TEST phase unless --phase says otherwise."
    )
    add_source(parser)
    add_format(parser, "table", "json")
    add_quiet(parser)
    parser.set_defaults(run=inspect)


def inspect(src: str, form: str, quiet: bool, **reading: Any) -> int:
    from transpiler.driver.inspect import inspect_source

    try:
        description = inspect_source(src, Options(**reading))
    except CompileError as error:
        report(error.diagnostics, quiet=quiet)
        return 1
    report(description.diagnostics, quiet=quiet)
    if form == "json":
        write_output(None, description.to_json())
    else:
        from transpiler.cli.table import render_table

        write_output(None, render_table(description))
    return 1 if any(one.severity is Severity.ERROR for one in description.diagnostics) else 0
