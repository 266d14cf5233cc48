"""Running a pipeline over every graph of a module, with the trace watching."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from transpiler.diagnostics import Sink
from transpiler.driver.options import DEFAULT_PHASE, Options
from transpiler.driver.trace import Snapshot, Stage, Trace
from transpiler.ir import Graph, Module
from transpiler.ir.attributes import NO_EXTRAS
from transpiler.passes.bind_inputs import check_names
from transpiler.passes.manager import Context, Observer, Pass, run
from transpiler.passes.trail import Trail


def run_passes(
    module: Module,
    pipeline: Sequence[Pass],
    options: Options,
    sink: Sink,
    trace: Trace,
    *,
    given: frozenset[str] = frozenset(),
) -> Module:
    """The module after the pipeline. What phases have in common to complain about is said once.

    The invariants `given` hold before it. `options.stop_after` ends the pipeline early if it has that pass. Errors are
    in the sink.
    """
    check_names(module.graphs.values(), Context(sink, input_shapes=options.input_shapes))
    graphs: dict[str, Graph] = {}
    for phase, graph in module.graphs.items():
        own = Sink()
        trail = trace.trails.setdefault(phase, Trail())
        context = Context(own, input_shapes=options.input_shapes, batch=options.batch, trail=trail)
        observer = _observer(module, phase, trace)
        graphs[phase] = run(
            graph, pipeline, context, given=given, observers=(observer,), stop_after=options.stop_after
        )
        said = set(sink.diagnostics)
        sink.extend(one for one in own.diagnostics if one not in said)
    return module.map(graphs)


def _observer(module: Module, phase: str, trace: Trace) -> Observer:
    def observe(step: Pass, graph: Graph, seconds: float) -> None:
        trace.stages.append(Stage(step.name, phase, seconds))
        if step.name in trace.print_after:
            alone = Module(module.name, module.framework, {phase: graph}, NO_EXTRAS)
            trace.snapshots.append(Snapshot(step.name, phase, printed(alone)))

    return observe


def printed(module: Module) -> str:
    """A module as IR text."""
    from transpiler.ir.text.printer import print_module

    return print_module(module)


def one_phase(module: Module, phase: str | None) -> Module:
    """The module with the graph of one phase, the given one or TEST, as its only one; the same if it has but one."""
    if len(module.graphs) == 1:
        return module
    return msgspec.structs.replace(module, graphs={"": module.graph(phase or DEFAULT_PHASE)})
