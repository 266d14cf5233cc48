"""Numbers for sizes that a file leaves open: running a network takes them."""

from __future__ import annotations

from typing import Final

import msgspec

from transpiler.diagnostics import Sink
from transpiler.driver.options import Options
from transpiler.driver.running import run_passes
from transpiler.driver.trace import Trace
from transpiler.ir import Graph, Module, Shape
from transpiler.verify.inputs import inputs_of

OPEN_BATCH: Final = 2
"""How many examples are run where the file leaves it open: two, so that mixing them up shows."""
_TRIED: Final = (8, 16, 32, 64, 128, 224, 256, 299, 331)
"""What is tried, in order, for every other open size, before sizes that other axes of inputs have; the first with which
the network fits together is taken."""


def sized(module: Module, options: Options, sink: Sink) -> Module:
    """A shaped module of one graph with a number for every size of its inputs; errors go to the sink."""
    (graph,) = module.graphs.values()
    open_inputs = [value for value in inputs_of(graph) if not value.type.is_static]
    if not open_inputs:
        return module
    unknown = [value for value in open_inputs if value.type.shape is None]
    if unknown:
        names = ", ".join(value.native or value.name for value in unknown)
        sink.error("T8103", f"the shape of input {names} is not known", help="give --input-shape")
        return module
    said = {size for value in inputs_of(graph) for size in (value.type.shape or ())[1:] if size}
    for size in (*_TRIED, *sorted(said)):
        made = _tried(module, graph, size, options)
        if made is not None:
            return made
    names = ", ".join(value.native or value.name for value in open_inputs)
    sink.error(
        "T8103",
        f"input {names} has open sizes, and none that was tried fits",
        help="give --input-shape, or --batch",
    )
    return module


def _tried(module: Module, graph: Graph, size: int, options: Options) -> Module | None:
    """The module with one number for all open sizes; None where that does not fit together."""
    from transpiler.passes.pipelines import READ

    shapes = {
        **options.input_shapes,
        **{v.native or v.name: _closed(v.type.shape, size) for v in inputs_of(graph)},
    }
    own = Sink()
    made = run_passes(
        module, READ, msgspec.structs.replace(options, input_shapes=shapes, batch=None), own, Trace()
    )
    (shaped,) = made.graphs.values()
    return None if own.has_errors or not all(v.type.is_static for v in shaped.values()) else made


def _closed(shape: Shape | None, size: int) -> Shape:
    sizes = shape or ()
    return tuple((OPEN_BATCH if axis == 0 else size) if n is None else n for axis, n in enumerate(sizes))
