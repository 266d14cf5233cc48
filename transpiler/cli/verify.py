"""`transpiler verify`: runs the model and its conversion in their real frameworks and compares every tensor."""

from __future__ import annotations

from typing import Any

from transpiler.cli.arguments import add_data_format, add_format, add_quiet, add_source
from transpiler.cli.output import write_output
from transpiler.cli.parser import Choice, Parser, Real, Whole
from transpiler.cli.reporting import report
from transpiler.diagnostics import CompileError
from transpiler.driver.options import Options

_TARGETS = ("caffe", "keras", "keras2", "tensorflow")
_TOLERANCE = 1e-3


def declare(parser: Parser) -> None:
    parser.details = (
        "Exit code 1 if a tensor differs by more than the tolerance, or an output cannot be compared."
    )
    add_source(parser)
    parser.add_argument(
        "--to", dest="target", required=True, type=Choice(_TARGETS), help="What to convert to."
    )
    parser.add_argument(
        "--weights",
        metavar="FILE",
        help="The source's weights; default: its own, else numbers drawn from --seed.",
    )
    parser.add_argument("--seed", type=Whole(0), default=0, metavar="N", help="Of weights and inputs.")
    parser.add_argument(
        "--tolerance", type=Real(0), default=_TOLERANCE, metavar="NUMBER",
        help="The largest relative difference of a tensor that counts as the same.",
    )  # fmt: skip
    add_data_format(parser)
    add_format(parser, "table", "json")
    add_quiet(parser)
    parser.set_defaults(run=verify)


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
    from transpiler.verify.api import verify_source

    options = Options(weights=weights, data_format=data_format, **reading)
    try:
        result = verify_source(src, target, options, seed=seed, tolerance=tolerance)
    except CompileError as error:
        report(error.diagnostics, quiet=quiet)
        return 1
    report(result.diagnostics, quiet=quiet)
    write_output(None, result.to_json() if form == "json" else result.to_text())
    return 0 if result.agrees else 1
