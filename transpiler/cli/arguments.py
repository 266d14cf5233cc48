"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from transpiler.driver.options import PHASES
from transpiler.driver.reading import FORMATS
from transpiler.ir import Dim, Shape

Command = TypeVar("Command", bound=Callable[..., Any])

TARGETS = ("caffe", "keras", "keras2", "tensorflow", "ir")
MAX_DIM = 2**31 - 1
_MOST_DIGITS = 10


def _read_shapes(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, Shape]:
    """Name -> shape from texts like `data=1,3,224,224`, with `?` for an unknown size."""
    return dict(_read_shape(value) for value in values)


def _read_shape(text: str) -> tuple[str, Shape]:
    name, equals, dims = text.rpartition("=")
    if not equals or not name:
        raise click.BadParameter(f"{text!r} is not of the form NAME=1,3,224,224")
    return name, tuple(_read_size(item.strip(), text) for item in dims.split(",")) if dims.strip() else ()


def _read_size(text: str, whole: str) -> Dim:
    if text == "?":
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > _MOST_DIGITS or int(text) > MAX_DIM:
        raise click.BadParameter(f"{text!r} in {whole!r} is not a size; write ? where a size is unknown")
    return int(text)


def _read_names(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Names from texts like `scores,boxes:1`."""
    return tuple(name.strip() for text in values for name in text.split(",") if name.strip())


_INPUT_SHAPE = click.option(
    "--input-shape", "input_shapes", multiple=True, callback=_read_shapes, metavar="NAME=DIMS",
    help="Shape, batch first, of an input whose size is open; repeatable.",
)  # fmt: skip
_BATCH = click.option("--batch", type=click.IntRange(min=1), metavar="N", help="Batch size of every input.")


def size_options(command: Command) -> Command:
    """Add the options that say sizes which a network leaves open."""
    return _INPUT_SHAPE(_BATCH(command))


def source_options(command: Command) -> Command:
    """Add SRC and the options about how it is read."""
    return click.argument("src", metavar="SRC")(reading_options(command))


def reading_options(command: Command) -> Command:
    """Add the options about how sources are read."""
    for decorate in reversed(
        (
            click.option(
                "--from", "source_format", type=click.Choice(FORMATS), help="Format of SRC, if not recognised."
            ),
            click.option(
                "--phase", type=click.Choice(PHASES, case_sensitive=False), help="Phase of a net that has several."
            ),
            _INPUT_SHAPE,
            click.option("--level", type=int, metavar="N", help="Level for the rules of a Caffe net."),
            click.option("--stage", "stages", multiple=True, help="A stage for the rules of a Caffe net; repeatable."),
            click.option(
                "--inputs", multiple=True, callback=_read_names, metavar="TENSORS",
                help="Where the network begins in a TensorFlow graph: NODE or NODE:1, comma between; repeatable.",
            ),
            click.option(
                "--outputs", multiple=True, callback=_read_names, metavar="TENSORS", help="Where it ends."
            ),
            _BATCH,
        )
    ):  # fmt: skip
        command = decorate(command)
    return command
