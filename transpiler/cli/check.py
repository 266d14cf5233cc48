"""`transpiler check`: is the model sound, and which targets can say it exactly?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from transpiler.cli.arguments import TARGETS, source_options
from transpiler.cli.output import write_output
from transpiler.cli.reporting import report
from transpiler.diagnostics import Diagnostic, Severity, render_json, render_sarif
from transpiler.driver.options import Options


@click.command()
@source_options
@click.option(
    "--to", "targets", type=click.Choice(TARGETS), multiple=True, help="A target to check for; repeatable."
)
@click.option(
    "--format", "form", type=click.Choice(("text", "json", "sarif")), default="text", show_default=True
)
@click.option("--quiet", is_flag=True, help="Show errors only.")
@click.option("--strict", is_flag=True, help="Treat warnings as errors.")
def check(src: str, targets: tuple[str, ...], form: str, quiet: bool, strict: bool, **reading: Any) -> int:
    """Check the model SRC (a file, or - for stdin) and, for each --to, whether that target can say it exactly."""
    from transpiler.driver.check import check_source

    diagnostics = check_source(src, targets, Options(**reading))
    fatal = (Severity.ERROR, Severity.WARNING) if strict else (Severity.ERROR,)
    failed = any(one.severity in fatal for one in diagnostics)
    if form == "text":
        report(diagnostics, quiet=quiet)
        if not failed:
            click.echo(f"{src}: no errors" + (f" for {', '.join(targets)}" if targets else ""))
    else:
        write_output(None, _rendered(diagnostics, form))
    return 1 if failed else 0


def _rendered(diagnostics: Sequence[Diagnostic], form: str) -> str:
    from transpiler import __version__

    text = render_json(diagnostics) if form == "json" else render_sarif(diagnostics, version=__version__)
    return text if text.endswith("\n") else text + "\n"
