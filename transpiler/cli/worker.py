"""`transpiler worker`: work for batches that other machines submit."""

from __future__ import annotations

import os

import click

from transpiler.driver.options import UsageError


@click.command()
@click.option(
    "--broker", required=True, metavar="URL", help="The Redis to listen to: redis://HOST:PORT/DATABASE."
)
@click.option(
    "--jobs", type=click.IntRange(min=1), help="Conversion processes; default: one for each processor."
)
@click.option(
    "--visibility-timeout",
    "visibility",
    type=click.FloatRange(min=1),
    default=600,
    show_default=True,
    metavar="SECONDS",
    help="When the work of a worker that died goes to another one.",
)
@click.option(
    "--log-level",
    type=click.Choice(("debug", "info", "warning", "error")),
    default="warning",
    show_default=True,
)
def worker(broker: str, jobs: int | None, visibility: float, log_level: str) -> int:
    """Convert files for `transpiler batch --engine celery` until a signal ends it.

    Inputs and results are read and written by the worker: directories must be shared, or be URLs.
    """
    from transpiler.batch.serving import serve

    try:
        return serve(broker, jobs or os.cpu_count() or 1, visibility, log_level)
    except UsageError as error:
        raise click.UsageError(str(error)) from error
