"""`transpiler worker`: work for batches that other machines submit."""

from __future__ import annotations

import os

from transpiler.cli.parser import Choice, Parser, Real, Whole


def declare(parser: Parser) -> None:
    parser.details = (
        "Inputs and results are read and written by the worker: directories must be shared, or be URLs."
    )
    parser.add_argument(
        "--broker", required=True, metavar="URL", help="The Redis to listen to: redis://HOST:PORT/DATABASE."
    )
    parser.add_argument(
        "--jobs", type=Whole(1), metavar="N", help="Conversion processes; default: one for each processor."
    )
    parser.add_argument(
        "--visibility-timeout", dest="visibility", type=Real(1), default=600.0, metavar="SECONDS",
        help="When the work of a worker that died goes to another one.",
    )  # fmt: skip
    parser.add_argument(
        "--log-level",
        type=Choice(("debug", "info", "warning", "error")),
        default="warning",
        help="How much it tells.",
    )
    parser.set_defaults(run=worker)


def worker(broker: str, jobs: int | None, visibility: float, log_level: str) -> int:
    from transpiler.batch.serving import serve

    return serve(broker, jobs or os.cpu_count() or 1, visibility, log_level)
