"""The command: `python -m benchmarks [NAME…] [--corpus DIR] [--rounds N] [--json FILE]`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import click

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


def _sizes(ctx: click.Context, param: click.Parameter, value: str) -> tuple[int, ...]:
    try:
        return tuple(int(size) for size in value.split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r} is no list of numbers of layers") from None


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1, type=click.Choice(tuple(BENCHMARKS)))
@click.option("--corpus", type=click.Path(path_type=Path), default=_CORPUS, help="Where real files are.")
@click.option("--rounds", type=click.IntRange(min=1), default=7, show_default=True, help="Runs of each side.")
@click.option(
    "--sizes", callback=_sizes, default="1000,10000,100000", show_default=True, help="Layers, for growth."
)
@click.option("--json", "target", type=click.Path(path_type=Path), help="A file for the results.")
def main(
    names: tuple[str, ...], corpus: Path, rounds: int, sizes: tuple[int, ...], target: Path | None
) -> None:
    """Measure, and hold against what is wanted. Without a NAME, everything is measured."""
    settings = Settings(corpus, rounds, sizes)
    rows: list[Row] = []
    for name in names or BENCHMARKS:
        try:
            found = list(BENCHMARKS[name](settings))
        except Missing as error:
            click.echo(f"{name}: left out, as {error}", err=True)
            continue
        click.echo(rendered(found))
        rows += found
    if target is not None:
        write_json(rows, target)
    sys.exit(1 if any(row.is_met is False for row in rows) else 0)


if __name__ == "__main__":
    main()
