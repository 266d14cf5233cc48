"""`transpiler golden`: what models are converted to, kept in files, and compared with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transpiler.cli.arguments import TARGETS, add_data_format, add_quiet, add_reading_options, add_repeatable
from transpiler.cli.output import print_err, print_out
from transpiler.cli.parser import Choice, Parser
from transpiler.cli.reporting import report
from transpiler.diagnostics import CompileError
from transpiler.driver.options import Options

_TARGETS = tuple(name for name in TARGETS if name != "ir")


def declare(parser: Parser) -> None:
    parser.details = (
        "Golden files stand in DIR/golden: for each model a summary of its layers, "
        "and its text for each target."
    )
    parser.add_command("record", "Write the golden files that are missing below DIR.", _declare_record)
    parser.add_command(
        "check",
        "Compare the models below DIR, or those that are named, with their golden files.",
        _declare_check,
    )
    parser.add_command(
        "accept",
        "Make the present state of the models below DIR, or of those that are named, the golden one.",
        _declare_accept,
    )


def _declare_record(parser: Parser) -> None:
    parser.details = (
        "Files that are there stay as they are: `accept` replaces them. Targets and options are remembered."
    )
    parser.add_argument("directory", metavar="DIR", type=Path)
    add_repeatable(
        parser,
        "--to",
        dest="targets",
        type=Choice(_TARGETS),
        help="A target; repeatable; default: keras, caffe.",
    )
    add_repeatable(parser, "--exclude", metavar="GLOB", help="Leave out models of such a name; repeatable.")
    add_data_format(parser)
    add_reading_options(parser)
    parser.set_defaults(run=record)


def _declare_check(parser: Parser) -> None:
    parser.details = (
        "Layers that were added, removed or changed come first, with file and line, then the difference of the texts. "
        "The exit code is 1 if anything differs."
    )
    _add_models(parser)
    add_quiet(parser, "Show what changed in the layers, not in the texts.")
    parser.set_defaults(run=check)


def _declare_accept(parser: Parser) -> None:
    _add_models(parser)
    parser.set_defaults(run=accept)


def _add_models(parser: Parser) -> None:
    parser.add_argument("directory", metavar="DIR", type=Path)
    parser.add_argument("models", metavar="MODEL", nargs="*", default=[])


def record(
    directory: Path,
    targets: tuple[str, ...],
    exclude: tuple[str, ...],
    data_format: str | None,
    **reading: Any,
) -> int:
    from transpiler.golden.run import record as run
    from transpiler.golden.store import Store

    try:
        options = Options(data_format=data_format, **reading)
        count = run(
            Store(directory), targets, options, exclude, lambda model: print_out(f"recorded {model}\n")
        )
    except CompileError as error:
        report(error.diagnostics)
        return 1
    print_err(f"{count:,} model{'' if count == 1 else 's'} recorded\n")
    return 0


def check(directory: Path, models: tuple[str, ...], quiet: bool) -> int:
    from transpiler.golden.compare import State, shown_path
    from transpiler.golden.report import count, render
    from transpiler.golden.run import comparisons, named_below
    from transpiler.golden.store import Store

    store, found = Store(directory), []
    try:
        for comparison in comparisons(store, named_below(directory, models)):
            found.append(comparison)
            shown = render(comparison, shown_path(store, comparison.model), with_texts=not quiet)
            if shown:
                print_out(shown)
    except CompileError as error:
        report(error.diagnostics)
        return 1
    print_err(f"{count(found)}\n")
    if all(comparison.state is State.SAME for comparison in found):
        return 0
    print_err(f"if this is as it should be: transpiler golden accept {directory}\n")
    return 1


def accept(directory: Path, models: tuple[str, ...]) -> int:
    from transpiler.golden.report import count
    from transpiler.golden.run import accept as run
    from transpiler.golden.run import named_below
    from transpiler.golden.store import Store

    try:
        found = run(
            Store(directory),
            named_below(directory, models),
            lambda comparison: print_out(f"accepted {comparison.model} ({comparison.state.value})\n"),
        )
    except CompileError as error:
        report(error.diagnostics)
        return 1
    print_err(f"{count(found)}\n")
    return 0
