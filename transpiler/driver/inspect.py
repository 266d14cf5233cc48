"""Inspection: a model described in the words and the dimension order of its own framework."""

from __future__ import annotations

import msgspec

from transpiler.diagnostics import Sink
from transpiler.driver.describe import describe
from transpiler.driver.description import Description
from transpiler.driver.faults import contained
from transpiler.driver.options import DEFAULT_PHASE, Options
from transpiler.driver.reading import Input
from transpiler.driver.shaped import shaped_module
from transpiler.parsers.collector import collector_paused


def inspect_source(source: Input, options: Options | None = None) -> Description:
    """Describe a model. Raises CompileError when it cannot be read.

    A model whose sizes do not fit is described as far as they do; the errors are among the diagnostics.
    """
    options, sink = options or Options(), Sink()
    phase = options.phase or DEFAULT_PHASE
    with contained(sink), collector_paused():
        module = shaped_module(source, options, sink, phase=phase)
        found = describe(module, phase)
    return msgspec.structs.replace(found, diagnostics=tuple(sink.diagnostics))
