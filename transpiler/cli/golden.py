"""`transpiler golden`: what models are converted to, kept in files, and compared with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from transpiler.cli.arguments import TARGETS, reading_options
from transpiler.cli.reporting import report
from transpiler.diagnostics import CompileError
from transpiler.driver.options import DATA_FORMATS, Options, UsageError

Command = TypeVar("Command", bound=Callable[..., Any])
_TARGETS = tuple(name for name in TARGETS if name != "ir")


@click.group()
def golden() -> None:
    """Keep what the models of a directory are converted to, and tell what changes.

    Golden files stand in DIR/golden: for each model a summary of its layers, and its text for each target.
    """


def _directory(command: Command) -> Command:
    return click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))(command)


def _models(command: Command) -> Command:
    return click.argument("models", metavar="[MODEL]…", nargs=-1)(command)


@golden.command()
@_directory
@click.option(
    "--to",
    "targets",
    type=click.Choice(_TARGETS),
    multiple=True,
    help="A target; repeatable; default: keras, caffe.",
)
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave out models of such a name; repeatable.")
@click.option(
    "--data-format", type=click.Choice(DATA_FORMATS), help="Dimension order of images in the results."
)
@reading_options
def record(
    directory: Path,
    targets: tuple[str, ...],
    exclude: tuple[str, ...],
    data_format: str | None,
    **reading: Any,
) -> int:
    """Write the golden files that are missing below DIR.

    Files that are there stay as they are: `accept` replaces them. Targets and options are remembered.
    """
    from transpiler.golden.run import record as run
    from transpiler.golden.store import Store

    try:
        options = Options(data_format=data_format, **reading)
        count = run(
            Store(directory), targets, options, exclude, lambda model: click.echo(f"recorded {model}")
        )
    except CompileError as error:
        report(error.diagnostics)
        return 1
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    click.echo(f"{count:,} model{'' if count == 1 else 's'} recorded", err=True)
    return 0


@golden.command()
@_directory
@_models
@click.option("--quiet", is_flag=True, help="Show what changed in the layers, not in the texts.")
def check(directory: Path, models: tuple[str, ...], quiet: bool) -> int:
    """Compare the models below DIR, or those that are named, with their golden files.

    Layers that were added, removed or changed come first, with file and line, then the difference of the texts. The
    exit code is 1 if anything differs.
    """
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
                click.echo(shown, nl=False)
    except CompileError as error:
        report(error.diagnostics)
        return 1
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    click.echo(count(found), err=True)
    if all(comparison.state is State.SAME for comparison in found):
        return 0
    click.echo(f"if this is as it should be: transpiler golden accept {directory}", err=True)
    return 1


@golden.command()
@_directory
@_models
def accept(directory: Path, models: tuple[str, ...]) -> int:
    """Make the present state of the models below DIR, or of those that are named, the golden one."""
    from transpiler.golden.report import count
    from transpiler.golden.run import accept as run
    from transpiler.golden.run import named_below
    from transpiler.golden.store import Store

    try:
        found = run(
            Store(directory),
            named_below(directory, models),
            lambda comparison: click.echo(f"accepted {comparison.model} ({comparison.state.value})"),
        )
    except CompileError as error:
        report(error.diagnostics)
        return 1
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    click.echo(count(found), err=True)
    return 0
