"""Reading a model with every shape inferred: what describing and checking start from."""

from __future__ import annotations

from transpiler.diagnostics import Sink
from transpiler.driver.options import Options
from transpiler.driver.reading import Input, read_module
from transpiler.driver.running import one_phase, run_passes
from transpiler.driver.trace import Trace
from transpiler.ir import Module


def shaped_module(source: Input, options: Options, sink: Sink, *, phase: str | None = None) -> Module:
    """The module of a source, lowered and shaped, in the source's own layout; only the graph of `phase` if given.

    Raises CompileError when the source cannot be read. Sizes that do not fit are errors in the sink, and whatever
    depends on them is of unknown shape.
    """
    from transpiler.passes.pipelines import READ

    trace = Trace()
    module = read_module(source, options, sink, trace)
    sink.raise_if_errors()
    if phase is not None:
        module = one_phase(module, phase)
    return run_passes(module, READ, options, sink, trace)
