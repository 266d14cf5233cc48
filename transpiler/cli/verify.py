"""`transpiler verify`: runs the model and its conversion in their real frameworks and compares every tensor."""

from __future__ import annotations

from typing import Any

import click

from transpiler.cli.arguments import source_options
from transpiler.cli.output import write_output
from transpiler.cli.reporting import report
from transpiler.diagnostics import CompileError
from transpiler.driver.options import DATA_FORMATS, Options, UsageError

_TARGETS = ("caffe", "keras", "keras2", "tensorflow")
_TOLERANCE = 1e-3


@click.command()
@source_options
@click.option("--to", "target", type=click.Choice(_TARGETS), required=True, help="What to convert to.")
@click.option(
    "--weights",
    metavar="FILE",
    help="The source's weights; default: its own, else numbers drawn from --seed.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of weights and inputs."
)
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    default=_TOLERANCE,
    show_default=True,
    help="The largest relative difference of a tensor that counts as the same.",
)
@click.option(
    "--data-format", type=click.Choice(DATA_FORMATS), help="Dimension order of images in the result."
)
@click.option("--format", "form", type=click.Choice(("table", "json")), default="table", show_default=True)
@click.option("--quiet", is_flag=True, help="Show errors only.")
def verify(
    src: str,
    target: str,
    weights: str | None,
    seed: int,
    tolerance: float,
    data_format: str | None,
    form: str,
    quiet: bool,
    **reading: Any,
) -> int:
    """Convert the model SRC and run both sides in their real frameworks: are all tensors the same?

    Exit code 1 if a tensor differs by more than the tolerance, or an output cannot be compared.
    """
    from transpiler.verify.api import verify_source

    options = Options(weights=weights, data_format=data_format, **reading)
    try:
        result = verify_source(src, target, options, seed=seed, tolerance=tolerance)
    except CompileError as error:
        report(error.diagnostics, quiet=quiet)
        return 1
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    report(result.diagnostics, quiet=quiet)
    write_output(None, result.to_json() if form == "json" else result.to_text())
    return 0 if result.agrees else 1
