"""`transpiler convert`: a model's text in another framework's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transpiler.cli.arguments import (
    TARGETS,
    add_data_format,
    add_output,
    add_quiet,
    add_repeatable,
    add_source,
    add_switch,
)
from transpiler.cli.output import CannotWrite, check_output, print_err, write_output
from transpiler.cli.parser import Parser
from transpiler.cli.reporting import report, report_trace
from transpiler.diagnostics import CompileError, Diagnostic, Severity, Sink
from transpiler.driver.options import Options, UsageError

if TYPE_CHECKING:
    from transpiler.driver.convert import Conversion


def declare(parser: Parser) -> None:
    parser.details = (
        "Whatever has no exact form in the target is an error that names the layer; nothing is written then."
    )
    add = parser.add_argument
    add_source(parser)
    add_output(parser)
    add(
        "--weights",
        metavar="FILE",
        help="The source's weights: .caffemodel, .h5, .keras, .npz, a checkpoint …",
    )
    add(
        "--weights-to",
        metavar="FILE",
        help="Where to write the weights alone: .caffemodel, .weights.h5, .npz.",
    )
    add_data_format(parser)
    add_repeatable(parser, "--print-after", metavar="PASS", help="Show the graph after a pass; repeatable.")
    add("--stop-after", metavar="PASS", help="Stop after a pass and write the graph as IR text.")
    add_switch(parser, "--timing", "Show how long each step took.")
    add_quiet(parser)
    add_switch(parser, "--strict", "Treat warnings as errors.")
    parser.set_defaults(run=convert)


def convert(
    src: str,
    target: str | None,
    output: str | None,
    weights: str | None,
    weights_to: str | None,
    data_format: str | None,
    print_after: tuple[str, ...],
    stop_after: str | None,
    timing: bool,
    quiet: bool,
    strict: bool,
    **reading: Any,
) -> int:
    from transpiler.driver.convert import convert_source
    from transpiler.driver.trace import Trace

    check_output(output, src)
    check_output(weights_to, src)
    options = Options(data_format=data_format, stop_after=stop_after, weights=weights, **reading)
    trace = Trace(frozenset(print_after))
    try:
        result = convert_source(src, target or written_target(output), options, trace)
        _check_forms(result, output, weights, weights_to)
    except CompileError as error:
        report(error.diagnostics, quiet=quiet)
        return 1
    finally:
        report_trace(trace, timing=timing)
    report(result.diagnostics, quiet=quiet)
    if strict and any(one.severity is Severity.WARNING for one in result.diagnostics):
        print_err("nothing was written: --strict treats warnings as errors\n")
        return 1
    return _written(result, output, weights_to, quiet=quiet)


def _written(result: Conversion, output: str | None, weights_to: str | None, *, quiet: bool) -> int:
    """Write all files, weights first: a network whose weights could not be written does not appear."""
    try:
        for path in (weights_to, output):
            if path is not None and path != "-":
                report(result.save(path), quiet=quiet)
    except CompileError as error:
        report(error.diagnostics, quiet=quiet)
        return 1
    except OSError as error:
        raise CannotWrite(f"cannot write {path}: {error.strerror or error}") from error
    if output is None or output == "-":
        write_output(None, result.text)
    if weights_to is None and result.has_weights and _is_text(result, output):
        report(_left_out(result), quiet=quiet)
    return 0


def _is_text(result: Conversion, output: str | None) -> bool:
    return output is None or output == "-" or result.form(output).is_text


def _left_out(result: Conversion) -> tuple[Diagnostic, ...]:
    """What is said of a source with weights that is written as text."""
    sink = Sink()
    help = f"write another form ({_weighty(result)}), or name a file with --weights-to"
    sink.note("T6105", "text holds no numbers: the weights of the source are left out", help=help)
    return tuple(sink.diagnostics)


def _check_forms(result: Conversion, output: str | None, weights: str | None, weights_to: str | None) -> None:
    """Refuse files that cannot hold what they are to hold. Raises UsageError."""
    form = None if output is None or output == "-" else result.form(output)
    if form is not None and not form.holds_model:
        raise UsageError(f"{output} would hold the weights alone; name it with --weights-to")
    if weights_to is not None and result.form(weights_to).holds_model:
        raise UsageError(f"{weights_to} is {result.form(weights_to).words}; weights alone have another form")
    if weights is not None and weights_to is None and (form is None or form.is_text):
        raise UsageError(
            f"text holds no weights: write another form ({_weighty(result)}), or name a file with --weights-to"
        )


def _weighty(result: Conversion) -> str:
    from transpiler.driver.forms import FORMS

    own = [form for form in FORMS if result.target.name in form.targets and form.needs_weights]
    return ", ".join(form.suffix for form in own if form.holds_model) or "none"


def written_target(output: str | None) -> str:
    """The target that an output file's suffix stands for. Raises UsageError."""
    from transpiler.driver.forms import target_of

    if output is None or output == "-":
        raise UsageError(f"say what to write with --to: {', '.join(TARGETS)}")
    found = target_of(output)
    if found is None:
        raise UsageError(f"{output} does not tell what to write; add --to: {', '.join(TARGETS)}")
    return found
