"""The Python interface: `transpiler.read`, `inspect`, `convert` and `check` mirror the commands.

Each raises one CompileError, with every diagnostic in it, when the model has errors; warnings are returned. Wrong
requests (an unknown target, say) raise ValueError.

What a text says is remembered, so that asking again about it, or for another target, does not read it again; `forget`
gives the memory back.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from transpiler.diagnostics import CompileError, Diagnostic, Severity, Sink
from transpiler.driver.caching import LOWERED
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


class Reading(TypedDict, total=False):
    """How a source is read; what is absent is decided by the source."""

    from_: str | None
    """The format: caffe, keras, tensorflow or ir."""
    phase: str | None
    """TRAIN or TEST."""
    input_shapes: InputShapes | None
    batch: int | None
    level: int | None
    stages: Sequence[str]
    inputs: Sequence[str]
    """The tensors at which the network begins in a TensorFlow graph."""
    outputs: Sequence[str]
    """Those at which it ends."""


def read(src: Input, *, sink: Sink | None = None, **reading: Unpack[Reading]) -> Module:
    """The graph, or one graph a phase, that a source describes, with every shape inferred.

    Warnings go to `sink` if one is given.
    """
    collected = sink or Sink()
    with contained(collected):
        module = shaped_module(src, options_of(reading), collected, phase=reading.get("phase"))
        collected.raise_if_errors()
    return module


def inspect(src: Input, **reading: Unpack[Reading]) -> Description:
    """A model's inputs, layers, shapes and parameters in its own framework's words; warnings are in it."""
    description = inspect_source(src, options_of(reading))
    if has_errors(description.diagnostics):
        raise CompileError(description.diagnostics)
    return description


def convert(
    src: Input,
    to: str,
    *,
    weights: str | os.PathLike[str] | None = None,
    data_format: str | None = None,
    stop_after: str | None = None,
    **reading: Unpack[Reading],
) -> Conversion:
    """A model for the target `to`: caffe, keras, keras2, tensorflow or ir; warnings are in the result.

    The result has the text, and `save(path)` writes any form of it. `weights` is a file with the source's weights.
    """
    path = None if weights is None else os.fspath(weights)
    options = options_of(reading, weights=path, data_format=data_format, stop_after=stop_after)
    return convert_source(src, to, options)


def check(src: Input, targets: Sequence[str] = (), **reading: Unpack[Reading]) -> tuple[Diagnostic, ...]:
    """What there is to say about a model and about writing it for each target, when none of it is an error."""
    diagnostics = check_source(src, targets, options_of(reading))
    if has_errors(diagnostics):
        raise CompileError(diagnostics)
    return diagnostics


def forget() -> None:
    """Forget the texts that were read before."""
    LOWERED.clear()


def has_errors(diagnostics: Sequence[Diagnostic]) -> bool:
    return any(one.severity is Severity.ERROR for one in diagnostics)


def options_of(reading: Reading, **more: Any) -> Options:
    shapes = {name: tuple(shape) for name, shape in (reading.get("input_shapes") or {}).items()}
    return Options(
        source_format=reading.get("from_"),
        phase=reading.get("phase"),
        input_shapes=shapes,
        batch=reading.get("batch"),
        level=reading.get("level"),
        stages=tuple(reading.get("stages", ())),
        inputs=tuple(reading.get("inputs", ())),
        outputs=tuple(reading.get("outputs", ())),
        remember=True,
        **more,
    )
