"""`transpiler inspect`: what a model consists of, layer by layer, in the words of its own framework."""

from __future__ import annotations

from typing import Any

import click

from transpiler.cli.arguments import source_options
from transpiler.cli.output import write_output
from transpiler.cli.reporting import report
from transpiler.diagnostics import CompileError, Severity
from transpiler.driver.options import Options


@click.command()
@source_options
@click.option("--format", "form", type=click.Choice(("table", "json")), default="table", show_default=True)
@click.option("--quiet", is_flag=True, help="Show errors only.")
def inspect(src: str, form: str, quiet: bool, **reading: Any) -> int:
    """Describe the model SRC (a file, or - for stdin): inputs, layers, shapes and parameters.

    Dimensions are in the order of the framework that SRC is written for. A net with phases is described as in its
    TEST phase unless --phase says otherwise.
    """
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
