"""`transpiler batch`: many models at once, resumable."""

from __future__ import annotations

import os
import signal
from typing import Any

from transpiler.cli.arguments import (
    TARGETS,
    add_data_format,
    add_quiet,
    add_reading_options,
    add_repeatable,
    add_switch,
)
from transpiler.cli.output import Failure, print_err
from transpiler.cli.parser import Choice, Parser, Real, Whole
from transpiler.driver.options import Options, UsageError

_MEBIBYTE = 1 << 20


def declare(parser: Parser) -> None:
    parser.details = (
        "One bad file never stops the rest. The manifest tells what became of each; with --resume, a run that was "
        "interrupted goes on where it stood. The exit code is 1 if any file was not converted."
    )
    add = parser.add_argument
    add("sources", metavar="SRC", nargs="+")
    add("--to", dest="target", type=Choice(TARGETS), required=True, help="What to write.")
    add("--out", required=True, metavar="DIR", help="Directory or URL for the results.")
    add("--jobs", type=Whole(1), metavar="N", help="Worker processes; default: one for each processor.")
    add(
        "--weights",
        metavar="PATTERN",
        help="Weight file of each input; {dir} and {stem} stand for the input's own.",
    )
    add_repeatable(parser, "--exclude", metavar="GLOB", help="Leave out inputs of such a name; repeatable.")
    add_switch(parser, "--resume", "Go on with an earlier run: skip what has not changed since.")
    add("--report", dest="manifest", metavar="FILE", help="The manifest; default: DIR/manifest.jsonl.")
    add(
        "--sort",
        action="store_true",
        default=True,
        help="Order the manifest by input when all is done (default).",
    )
    add(
        "--no-sort", dest="sort", action="store_false", help="Leave it in the order in which files were done."
    )
    add("--timeout", type=Real(0, is_open=True), default=300.0, metavar="SECONDS", help="For each file.")
    add("--memory", type=Whole(16), default=4096, metavar="MIB", help="For each file.")
    add("--engine", type=Choice(("local", "celery")), default="local", help="Who does the work.")
    add("--broker", metavar="URL", help="With --engine celery: the Redis that workers listen to.")
    add("--window", type=Whole(1), default=64, metavar="N", help="With --engine celery: messages under way.")
    add_data_format(parser)
    add_quiet(parser, "Show the summary only.")
    add_reading_options(parser)
    parser.set_defaults(run=batch)


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
    except NoWorkers as error:
        raise Failure(str(error)) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise Failure(f"the run cannot go on: {reason}; begin again with --resume") from error
    finally:
        progress.end()
    return _told(summary)


def _fleet(broker: str | None, window: int) -> Any:
    from transpiler.batch.fleet import fleet_engine

    if broker is None:
        raise UsageError("--engine celery needs --broker, for instance redis://localhost:6379/0")
    return fleet_engine(broker, window, lambda text: print_err(f"{text}\n"))


def _told(summary: Any) -> int:
    counts = [f"{number:,} {status.value}" for status, number in summary.statuses.items()]
    known = f" ({summary.unchanged:,} unchanged)" if summary.unchanged else ""
    rate = summary.done / max(summary.seconds, 1e-9)
    print_err(
        f"{summary.done:,} of {summary.total:,} files: {', '.join(sorted(counts)) or 'none done'}{known}, "
        f"in {summary.seconds:,.1f} s, {rate:,.1f} files/s\n"
    )
    if not summary.is_complete:
        number = summary.signal or signal.SIGINT
        print_err("interrupted; go on with --resume\n")
        return 128 + number
    return 1 if summary.failed else 0
