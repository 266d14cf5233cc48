"""The pass manager: runs a pipeline whose order it checks first, verifies after every pass, serves observers.

A pass is a function graph -> graph with a name, the invariants it requires and those it provides. Invariants are
plain names with a checker each (`INVARIANTS`). A pass that changes nothing returns the same object.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from transpiler.diagnostics import Sink
from transpiler.ir import Graph, Node
from transpiler.ir.types import Shape
from transpiler.ir.verifier import InvalidGraph, Verifier
from transpiler.ops.convolution import Windowed
from transpiler.ops.pooling import Pool
from transpiler.ops.recurrent_stack import ConvLSTM
from transpiler.ops.spatial import DataFormat
from transpiler.ops.windows import Same
from transpiler.passes.trail import Trail

SHAPED = "shaped"
EXPLICIT_PADDING = "explicit-padding"
CHANNELS_FIRST = "channels-first"
CHANNELS_LAST = "channels-last"


class Context(msgspec.Struct, frozen=True):
    """What passes share in one run: where diagnostics go, and what the user asked for."""

    sink: Sink
    input_shapes: Mapping[str, Shape] = msgspec.field(default_factory=dict)
    batch: int | None = None
    trail: Trail = msgspec.field(default_factory=Trail)


class Pass(msgspec.Struct, frozen=True):
    """One step. `requires` must hold before, `provides` holds after, `keeps` of what held before still holds."""

    name: str
    run: Callable[[Graph, Context], Graph]
    requires: frozenset[str] = frozenset()
    provides: frozenset[str] = frozenset()
    breaks: frozenset[str] = frozenset()
    stops: bool = True
    """Whether the run ends here when this pass reports an error."""


Observer = Callable[[Pass, Graph, float], None]
"""Called after each pass with the graph it gave and the seconds it took."""


class BadPipeline(ValueError):
    """A pipeline runs a pass before what it requires holds."""


def check_order(pipeline: Sequence[Pass], given: frozenset[str] = frozenset()) -> frozenset[str]:
    """The invariants that hold at the end. Raises BadPipeline when a requirement is not met on the way."""
    holding = given
    for step in pipeline:
        missing = step.requires - holding
        if missing:
            raise BadPipeline(
                f"{step.name} requires {', '.join(sorted(missing))}, which nothing before it provides"
            )
        holding = (holding - step.breaks) | step.provides
    return holding


def run(
    graph: Graph,
    pipeline: Sequence[Pass],
    context: Context,
    *,
    given: frozenset[str] = frozenset(),
    observers: Sequence[Observer] = (),
    stop_after: str | None = None,
) -> Graph:
    """Run the passes in order. Errors in the user's model go to the sink and end the run early."""
    check_order(pipeline, given)
    holding = given
    verifier = Verifier()
    for step in pipeline:
        before = context.sink.error_count
        start = time.perf_counter()
        graph = step.run(graph, context)
        seconds = time.perf_counter() - start
        holding = (holding - step.breaks) | step.provides
        if not context.sink.has_errors:
            _verify(verifier, step, graph, holding)
        for observer in observers:
            observer(step, graph, seconds)
        if (step.stops and context.sink.error_count > before) or step.name == stop_after:
            break
    return graph


def _verify(verifier: Verifier, step: Pass, graph: Graph, holding: frozenset[str]) -> None:
    invariants = {name: check for name, check in _CHECKS.items() if name in holding}
    try:
        verifier.verify(graph, shaped=SHAPED in holding, invariants=invariants)
    except InvalidGraph as error:
        raise InvalidGraph(f"after {step.name}: {error}") from error


def _has_format(node: Node, wanted: DataFormat) -> bool:
    """A spatial op on an input of unknown rank keeps its format, as does one with a time axis between."""
    if getattr(node.op, "data_format", wanted) is wanted:
        return True
    return isinstance(node.op, ConvLSTM) or any(value.type.shape is None for value in node.operands)


def _is_explicit(node: Node) -> bool:
    if not isinstance(node.op, (Windowed, Pool)) or not isinstance(node.op.padding, Same):
        return True
    unknown = any(value.type.shape is None or None in value.type.shape[1:] for value in node.operands)
    return unknown or isinstance(node.op, ConvLSTM)


INVARIANTS: dict[str, Callable[[Node], bool]] = {
    EXPLICIT_PADDING: _is_explicit,
    CHANNELS_FIRST: lambda node: _has_format(node, DataFormat.CHANNELS_FIRST),
    CHANNELS_LAST: lambda node: _has_format(node, DataFormat.CHANNELS_LAST),
}
"""Invariant -> whether a node keeps it. `shaped` is checked by the verifier."""


def _check(name: str, keeps: Callable[[Node], bool]) -> Callable[[Node], None]:
    def check(node: Node) -> None:
        if not keeps(node):
            raise InvalidGraph(f"{node.name} breaks {name}")

    return check


_CHECKS = {name: _check(name, keeps) for name, keeps in INVARIANTS.items()}
