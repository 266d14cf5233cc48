"""Arguments and options that several commands share."""

from __future__ import annotations

import argparse
from typing import Any

from transpiler.cli.parser import Choice, Parser, Whole
from transpiler.driver.options import DATA_FORMATS, PHASES
from transpiler.driver.reading import FORMATS
from transpiler.ir import Dim, Shape

TARGETS = ("caffe", "keras", "keras2", "tensorflow", "ir")
MAX_DIM = 2**31 - 1
_MOST_DIGITS = 10


class _Shapes(argparse.Action):
    """Gathers named shapes in a mapping; of two with one name, the last counts."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, *more: Any
    ) -> None:
        name, shape = values
        setattr(namespace, self.dest, {**getattr(namespace, self.dest), name: shape})


def _read_shape(text: str) -> tuple[str, Shape]:
    """Name and shape from a text like `data=1,3,224,224`, with `?` for an unknown size."""
    name, equals, dims = text.rpartition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=1,3,224,224")
    return name, tuple(_read_size(item.strip(), text) for item in dims.split(",")) if dims.strip() else ()


def _read_size(text: str, whole: str) -> Dim:
    if text == "?":
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > _MOST_DIGITS or int(text) > MAX_DIM:
        raise argparse.ArgumentTypeError(
            f"{text!r} in {whole!r} is not a size; write ? where a size is unknown"
        )
    return int(text)


def _read_names(text: str) -> tuple[str, ...]:
    """Names from a text like `scores,boxes:1`."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def add_source(parser: Parser) -> None:
    """Add SRC and the options about how it is read."""
    parser.add_argument("src", metavar="SRC")
    add_reading_options(parser)


def add_reading_options(parser: Parser) -> None:
    """Add the options about how sources are read."""
    parser.add_argument(
        "--from", dest="source_format", type=Choice(FORMATS), help="Format of SRC, if not recognised."
    )
    parser.add_argument(
        "--phase", type=Choice(PHASES, any_case=True), help="Phase of a net that has several."
    )
    parser.add_argument("--level", type=Whole(), metavar="N", help="Level for the rules of a Caffe net.")
    add_repeatable(
        parser,
        "--stage",
        dest="stages",
        metavar="NAME",
        help="A stage for the rules of a Caffe net; repeatable.",
    )
    parser.add_argument(
        "--inputs", action="extend", type=_read_names, default=[], metavar="TENSORS",
        help="Where the network begins in a TensorFlow graph: NODE or NODE:1, comma between; repeatable.",
    )  # fmt: skip
    parser.add_argument(
        "--outputs", action="extend", type=_read_names, default=[], metavar="TENSORS", help="Where it ends."
    )
    add_size_options(parser)


def add_size_options(parser: Parser) -> None:
    """Add the options that say sizes which a network leaves open."""
    parser.add_argument(
        "--input-shape", dest="input_shapes", action=_Shapes, type=_read_shape, default={}, metavar="NAME=DIMS",
        help="Shape, batch first, of an input whose size is open; repeatable.",
    )  # fmt: skip
    parser.add_argument("--batch", type=Whole(1), metavar="N", help="Batch size of every input.")


def add_output(parser: Parser) -> None:
    """Add --to and -o for one result."""
    parser.add_argument(
        "--to",
        dest="target",
        type=Choice(TARGETS),
        help="What to write; default: what the suffix of -o says.",
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="Where to write; default: stdout.")


def add_repeatable(parser: Parser, name: str, **settings: Any) -> None:
    """Add an option whose values are gathered; settings as those of `add_argument`."""
    parser.add_argument(name, action="append", default=[], **settings)


def add_data_format(parser: Parser) -> None:
    """Add --data-format."""
    parser.add_argument(
        "--data-format", type=Choice(DATA_FORMATS), help="Dimension order of images in the result."
    )


def add_format(parser: Parser, *names: str) -> None:
    """Add --format; the first name is the default."""
    parser.add_argument(
        "--format", dest="form", type=Choice(names), default=names[0], help="How the result is shown."
    )


def add_switch(parser: Parser, name: str, help: str) -> None:
    """Add an option that is given or not."""
    parser.add_argument(name, action="store_true", help=help)


def add_quiet(parser: Parser, help: str = "Show errors only.") -> None:
    """Add --quiet."""
    add_switch(parser, "--quiet", help)
