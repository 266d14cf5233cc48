"""The Python interface: `transpiler.read`, `inspect`, `convert` and `check` mirror the commands.

Each raises one CompileError, with every diagnostic in it, when the model has errors; warnings are returned. Wrong
requests (an unknown target, say) raise ValueError.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from transpiler.diagnostics import CompileError, Diagnostic, Severity, Sink
from transpiler.driver.check import check_source
from transpiler.driver.convert import Conversion, convert_source
from transpiler.driver.description import Description
from transpiler.driver.faults import contained
from transpiler.driver.inspect import inspect_source
from transpiler.driver.options import Options
from transpiler.driver.reading import Input
from transpiler.driver.shaped import shaped_module
from transpiler.ir import Dim, Module

InputShapes = Mapping[str, Sequence[Dim]]
"""Shapes, batch first, by the name of an input; None is an unknown size."""


def read(
    src: Input,
    *,
    from_: str | None = None,
    phase: str | None = None,
    input_shapes: InputShapes | None = None,
    batch: int | None = None,
    sink: Sink | None = None,
) -> Module:
    """The graph, or one graph a phase, that a source describes, with every shape inferred.

    Warnings go to `sink` if one is given.
    """
    collected = sink or Sink()
    with contained(collected):
        module = shaped_module(src, _options(from_, phase, input_shapes, batch), collected, phase=phase)
        collected.raise_if_errors()
    return module


def inspect(
    src: Input,
    *,
    from_: str | None = None,
    phase: str | None = None,
    input_shapes: InputShapes | None = None,
    batch: int | None = None,
) -> Description:
    """A model's inputs, layers, shapes and parameters in its own framework's words; warnings are in it."""
    description = inspect_source(src, _options(from_, phase, input_shapes, batch))
    if has_errors(description.diagnostics):
        raise CompileError(description.diagnostics)
    return description


def convert(
    src: Input,
    to: str,
    *,
    from_: str | None = None,
    phase: str | None = None,
    input_shapes: InputShapes | None = None,
    batch: int | None = None,
    data_format: str | None = None,
    stop_after: str | None = None,
) -> Conversion:
    """A model's text for the target `to`: caffe, keras, keras2 or ir; warnings are in the result."""
    return convert_source(src, to, _options(from_, phase, input_shapes, batch, data_format, stop_after))


def check(
    src: Input,
    targets: Sequence[str] = (),
    *,
    from_: str | None = None,
    phase: str | None = None,
    input_shapes: InputShapes | None = None,
    batch: int | None = None,
) -> tuple[Diagnostic, ...]:
    """What there is to say about a model and about writing it for each target, when none of it is an error."""
    diagnostics = check_source(src, targets, _options(from_, phase, input_shapes, batch))
    if has_errors(diagnostics):
        raise CompileError(diagnostics)
    return diagnostics


def has_errors(diagnostics: Sequence[Diagnostic]) -> bool:
    return any(one.severity is Severity.ERROR for one in diagnostics)


def _options(
    from_: str | None,
    phase: str | None,
    input_shapes: InputShapes | None,
    batch: int | None,
    data_format: str | None = None,
    stop_after: str | None = None,
) -> Options:
    shapes = {name: tuple(shape) for name, shape in (input_shapes or {}).items()}
    return Options(
        source_format=from_,
        phase=phase,
        input_shapes=shapes,
        batch=batch,
        data_format=data_format,
        stop_after=stop_after,
    )
