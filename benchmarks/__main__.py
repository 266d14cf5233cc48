"""The command: `python -m benchmarks [NAME…] [--corpus DIR] [--rounds N] [--json FILE]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from benchmarks.conversion import conversion
from benchmarks.determinism import determinism
from benchmarks.editing import editing
from benchmarks.files import Missing, Settings
from benchmarks.growth import growth
from benchmarks.memory import memory
from benchmarks.reading import reading
from benchmarks.report import Row, rendered, write_json
from benchmarks.startup import startup
from benchmarks.weights_memory import weights_memory
from transpiler.cli.parser import Choice, Whole

BENCHMARKS: Final[Mapping[str, Callable[[Settings], Iterator[Row]]]] = {
    "reading": reading,
    "conversion": conversion,
    "editing": editing,
    "startup": startup,
    "memory": memory,
    "weights_memory": weights_memory,
    "growth": growth,
    "determinism": determinism,
}
_CORPUS: Final = Path(__file__).resolve().parents[1].parent / "shared" / "corpus"


def _sizes(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(size) for size in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers of layers") from None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m benchmarks",
        description="Measure, and hold against what is wanted. Without a NAME, everything is measured.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "names",
        metavar="NAME",
        nargs="*",
        default=[],
        type=Choice(tuple(BENCHMARKS)),
        help=", ".join(BENCHMARKS),
    )
    add("--corpus", type=Path, default=_CORPUS, metavar="DIR", help="Where real files are.")
    add("--rounds", type=Whole(1), default=7, metavar="N", help="Runs of each side; default: %(default)s.")
    add(
        "--sizes",
        type=_sizes,
        default="1000,10000,100000",
        metavar="N,…",
        help="Layers, for growth; default: %(default)s.",
    )
    add("--json", dest="target", type=Path, metavar="FILE", help="A file for the results.")
    return parser.parse_intermixed_args()


def main() -> None:
    """Measure what the arguments of the process ask for; the exit code is 1 if something is not as wanted."""
    asked = _arguments()
    settings = Settings(asked.corpus, asked.rounds, asked.sizes)
    rows: list[Row] = []
    for name in asked.names or BENCHMARKS:
        try:
            found = list(BENCHMARKS[name](settings))
        except Missing as error:
            sys.stderr.write(f"{name}: left out, as {error}\n")
            continue
        sys.stdout.write(f"{rendered(found)}\n")
        sys.stdout.flush()
        rows += found
    if asked.target is not None:
        write_json(rows, asked.target)
    sys.exit(1 if any(row.is_met is False for row in rows) else 0)


if __name__ == "__main__":
    main()
