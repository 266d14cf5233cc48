"""`transpiler check`: is the model sound, and which targets can say it exactly?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from transpiler.cli.arguments import TARGETS, add_format, add_quiet, add_repeatable, add_source, add_switch
from transpiler.cli.output import print_out, write_output
from transpiler.cli.parser import Choice, Parser
from transpiler.cli.reporting import report
from transpiler.diagnostics import Diagnostic, Severity, render_json, render_sarif
from transpiler.driver.options import Options


def declare(parser: Parser) -> None:
    add_source(parser)
    add_repeatable(
        parser, "--to", dest="targets", type=Choice(TARGETS), help="A target to check for; repeatable."
    )
    add_format(parser, "text", "json", "sarif")
    add_quiet(parser)
    add_switch(parser, "--strict", "Treat warnings as errors.")
    parser.set_defaults(run=check)


def check(src: str, targets: tuple[str, ...], form: str, quiet: bool, strict: bool, **reading: Any) -> int:
    from transpiler.driver.check import check_source

    diagnostics = check_source(src, targets, Options(**reading))
    fatal = (Severity.ERROR, Severity.WARNING) if strict else (Severity.ERROR,)
    failed = any(one.severity in fatal for one in diagnostics)
    if form == "text":
        report(diagnostics, quiet=quiet)
        if not failed:
            checked = f" for {', '.join(targets)}" if targets else ""
            print_out(f"{src}: no errors{checked}\n")
    else:
        write_output(None, _rendered(diagnostics, form))
    return 1 if failed else 0


def _rendered(diagnostics: Sequence[Diagnostic], form: str) -> str:
    from transpiler import __version__

    text = render_json(diagnostics) if form == "json" else render_sarif(diagnostics, version=__version__)
    return text if text.endswith("\n") else text + "\n"
