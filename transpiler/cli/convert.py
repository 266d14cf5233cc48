"""`transpiler convert`: a model's text in another framework's words."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import click

from transpiler.cli.arguments import TARGETS, source_options
from transpiler.cli.output import check_output, write_output
from transpiler.cli.reporting import report, report_trace
from transpiler.diagnostics import CompileError, Severity
from transpiler.driver.options import DATA_FORMATS, SUFFIXES, Options, UsageError


@click.command()
@source_options
@click.option(
    "--to", "target", type=click.Choice(TARGETS), help="What to write; default: what the suffix of -o says."
)
@click.option("-o", "--output", metavar="FILE", help="Where to write; default: stdout.")
@click.option(
    "--data-format", type=click.Choice(DATA_FORMATS), help="Dimension order of images in the result."
)
@click.option("--print-after", multiple=True, metavar="PASS", help="Show the graph after a pass; repeatable.")
@click.option("--stop-after", metavar="PASS", help="Stop after a pass and write the graph as IR text.")
@click.option("--timing", is_flag=True, help="Show how long each step took.")
@click.option("--quiet", is_flag=True, help="Show errors only.")
@click.option("--strict", is_flag=True, help="Treat warnings as errors.")
def convert(
    src: str,
    target: str | None,
    output: str | None,
    data_format: str | None,
    print_after: tuple[str, ...],
    stop_after: str | None,
    timing: bool,
    quiet: bool,
    strict: bool,
    **reading: Any,
) -> int:
    """Convert the model SRC (a file, or - for stdin) to another framework.

    Whatever has no exact form in the target is an error that names the layer; nothing is written then.
    """
    from transpiler.driver.convert import convert_source
    from transpiler.driver.trace import Trace

    check_output(output, src)
    options = Options(data_format=data_format, stop_after=stop_after, **reading)
    trace = Trace(frozenset(print_after))
    try:
        result = convert_source(src, target or _target_of(output), options, trace)
    except CompileError as error:
        report(error.diagnostics, quiet=quiet)
        return 1
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    finally:
        report_trace(trace, timing=timing)
    report(result.diagnostics, quiet=quiet)
    if strict and any(one.severity is Severity.WARNING for one in result.diagnostics):
        click.echo("nothing was written: --strict treats warnings as errors", err=True)
        return 1
    write_output(output, result.text)
    return 0


def _target_of(output: str | None) -> str:
    suffix = PurePath(output or "").suffix.lower()
    if suffix in SUFFIXES:
        return SUFFIXES[suffix]
    if output is None or output == "-":
        raise click.UsageError(f"say what to write with --to: {', '.join(TARGETS)}")
    raise click.UsageError(f"{output} does not tell what to write; add --to: {', '.join(TARGETS)}")
