"""`transpiler batch`: many models at once, resumable."""

from __future__ import annotations

import os
import signal
from typing import Any

import click

from transpiler.cli.arguments import TARGETS, reading_options
from transpiler.driver.options import DATA_FORMATS, Options, UsageError

_MEBIBYTE = 1 << 20


@click.command()
@click.argument("sources", metavar="SRC…", nargs=-1, required=True)
@click.option("--to", "target", type=click.Choice(TARGETS), required=True, help="What to write.")
@click.option("--out", required=True, metavar="DIR", help="Directory or URL for the results.")
@click.option("--jobs", type=click.IntRange(min=1), help="Worker processes; default: one for each processor.")
@click.option(
    "--weights",
    metavar="PATTERN",
    help="Weight file of each input; {dir} and {stem} stand for the input's own.",
)
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave out inputs of such a name; repeatable.")
@click.option("--resume", is_flag=True, help="Go on with an earlier run: skip what has not changed since.")
@click.option("--report", "manifest", metavar="FILE", help="The manifest; default: DIR/manifest.jsonl.")
@click.option("--sort/--no-sort", default=True, help="Order the manifest by input when all is done.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="For each file.",
)
@click.option(
    "--memory",
    type=click.IntRange(min=16),
    default=4096,
    show_default=True,
    metavar="MIB",
    help="For each file.",
)
@click.option("--engine", type=click.Choice(("local", "celery")), default="local", show_default=True)
@click.option("--broker", metavar="URL", help="With --engine celery: the Redis that workers listen to.")
@click.option(
    "--window",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    help="With --engine celery: messages under way.",
)
@click.option(
    "--data-format", type=click.Choice(DATA_FORMATS), help="Dimension order of images in the results."
)
@click.option("--quiet", is_flag=True, help="Show the summary only.")
@reading_options
def batch(
    sources: tuple[str, ...],
    target: str,
    out: str,
    jobs: int | None,
    memory: int,
    engine: str,
    broker: str | None,
    window: int,
    quiet: bool,
    data_format: str | None,
    **rest: Any,
) -> int:
    """Convert every SRC (files, directories, patterns, URLs) into the directory --out, whose tree mirrors theirs.

    One bad file never stops the rest. The manifest tells what became of each; with --resume, a run that was
    interrupted goes on where it stood. The exit code is 1 if any file was not converted.
    """
    from transpiler.batch.pool import NoWorkers
    from transpiler.batch.run import EngineFactory, Request, Summary, local_engine, run_batch
    from transpiler.cli.progress import BatchProgress

    asked = {name: rest.pop(name) for name in ("weights", "exclude", "resume", "manifest", "sort", "timeout")}
    progress = BatchProgress(quiet)
    try:
        options = Options(data_format=data_format, **rest)
        request = Request(sources, target, out, options, memory=memory * _MEBIBYTE, **asked)
        chosen: EngineFactory = local_engine(jobs or os.cpu_count() or 1)
        if engine == "celery":
            chosen = _fleet(broker, window)
        summary: Summary = run_batch(request, chosen, progress)
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    except NoWorkers as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise click.ClickException(f"the run cannot go on: {reason}; begin again with --resume") from error
    finally:
        progress.end()
    return _told(summary)


def _fleet(broker: str | None, window: int) -> Any:
    from transpiler.batch.fleet import fleet_engine

    if broker is None:
        raise click.UsageError("--engine celery needs --broker, for instance redis://localhost:6379/0")
    return fleet_engine(broker, window, lambda text: click.echo(text, err=True))


def _told(summary: Any) -> int:
    counts = [f"{number:,} {status.value}" for status, number in summary.statuses.items()]
    known = f" ({summary.unchanged:,} unchanged)" if summary.unchanged else ""
    rate = summary.done / max(summary.seconds, 1e-9)
    click.echo(
        f"{summary.done:,} of {summary.total:,} files: {', '.join(sorted(counts)) or 'none done'}{known}, "
        f"in {summary.seconds:,.1f} s, {rate:,.1f} files/s",
        err=True,
    )
    if not summary.is_complete:
        number = summary.signal or signal.SIGINT
        click.echo("interrupted; go on with --resume", err=True)
        return 128 + number
    return 1 if summary.failed else 0
