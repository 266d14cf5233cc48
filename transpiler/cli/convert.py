"""`transpiler convert`: a model's text in another framework's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from transpiler.cli.arguments import TARGETS, source_options
from transpiler.cli.output import CannotWrite, check_output, write_output
from transpiler.cli.reporting import report, report_trace
from transpiler.diagnostics import CompileError, Diagnostic, Severity, Sink
from transpiler.driver.options import DATA_FORMATS, Options, UsageError

if TYPE_CHECKING:
    from transpiler.driver.convert import Conversion


@click.command()
@source_options
@click.option(
    "--to", "target", type=click.Choice(TARGETS), help="What to write; default: what the suffix of -o says."
)
@click.option("-o", "--output", metavar="FILE", help="Where to write; default: stdout.")
@click.option(
    "--weights", metavar="FILE", help="The source's weights: .caffemodel, .h5, .keras, .npz, a checkpoint …"
)
@click.option(
    "--weights-to",
    metavar="FILE",
    help="Where to write the weights alone: .caffemodel, .weights.h5, .npz.",
)
@click.option(
    "--data-format", type=click.Choice(DATA_FORMATS), help="Dimension order of images in the result."
)
@click.option("--print-after", multiple=True, metavar="PASS", help="Show the graph after a pass; repeatable.")
@click.option("--stop-after", metavar="PASS", help="Stop after a pass and write the graph as IR text.")
@click.option("--timing", is_flag=True, help="Show how long each step took.")
@click.option("--quiet", is_flag=True, help="Show errors only.")
@click.option("--strict", is_flag=True, help="Treat warnings as errors.")
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
    """Convert the model SRC (a file, or - for stdin) to another framework.

    Whatever has no exact form in the target is an error that names the layer; nothing is written then.
    """
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
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    finally:
        report_trace(trace, timing=timing)
    report(result.diagnostics, quiet=quiet)
    if strict and any(one.severity is Severity.WARNING for one in result.diagnostics):
        click.echo("nothing was written: --strict treats warnings as errors", err=True)
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
    """The target that an output file's suffix stands for. Raises click.UsageError."""
    from transpiler.driver.forms import target_of

    if output is None or output == "-":
        raise click.UsageError(f"say what to write with --to: {', '.join(TARGETS)}")
    found = target_of(output)
    if found is None:
        raise click.UsageError(f"{output} does not tell what to write; add --to: {', '.join(TARGETS)}")
    return found
