"""Diagnostics and measurements on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from transpiler.cli.output import print_err
from transpiler.diagnostics import Diagnostic, Severity

if TYPE_CHECKING:
    from transpiler.driver.trace import Trace


def has_color() -> bool:
    """Whether stderr is a terminal whose user did not ask for plain text (https://no-color.org)."""
    if sys.stderr is None or not sys.stderr.isatty():
        return False
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def report(diagnostics: Iterable[Diagnostic], *, quiet: bool = False) -> None:
    """Write diagnostics to stderr, with source lines and carets; `quiet` leaves errors only."""
    shown = [one for one in diagnostics if not quiet or one.severity is Severity.ERROR]
    if shown:
        from transpiler.diagnostics import render_text

        print_err(f"{render_text(shown, color=has_color())}{_counted(shown)}\n")


def _counted(diagnostics: Sequence[Diagnostic]) -> str:
    counts = [(severity, sum(one.severity is severity for one in diagnostics)) for severity in Severity]
    return ", ".join(f"{n} {severity.value}{'' if n == 1 else 's'}" for severity, n in counts if n)


def report_trace(trace: Trace, *, timing: bool) -> None:
    """Write what `--print-after` and `--timing` asked for to stderr."""
    for snapshot in trace.snapshots:
        phase = f" ({snapshot.phase})" if snapshot.phase else ""
        print_err(f"# after {snapshot.name}{phase}\n{snapshot.text}\n")
    if timing:
        for stage in trace.stages:
            label = f"{stage.name} ({stage.phase})" if stage.phase else stage.name
            print_err(f"{stage.seconds * 1000:9.2f} ms  {label}\n")
        print_err(f"{sum(stage.seconds for stage in trace.stages) * 1000:9.2f} ms  all of the above\n")
