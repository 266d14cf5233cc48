"""A model that is to be verified: as it was read, with numbers for its weights and its inputs."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any, Final

import msgspec

from transpiler.diagnostics import Sink, Source, Span
from transpiler.driver.legal import Legal, legal_model, numbers_of
from transpiler.driver.options import Options
from transpiler.driver.reading import Input, Model, read_model
from transpiler.driver.running import one_phase, run_passes
from transpiler.driver.targets import Target
from transpiler.driver.trace import Trace
from transpiler.ir import Graph, Module
from transpiler.ir.inference import infer_params, types_of
from transpiler.ops.core import Opaque
from transpiler.passes.trail import Trail
from transpiler.verify.inputs import feeds, inputs_of
from transpiler.verify.seeds import seeded
from transpiler.verify.sizes import OPEN_BATCH, sized

if TYPE_CHECKING:
    from transpiler.ir.arrays import Array as Numbers
    from transpiler.weights.store import Store


MOST_NUMBERS: Final = 1 << 31
"""Weights and tensors of a network that is run, in elements: 8 GB of float32 on each side."""


class Subject(msgspec.Struct, frozen=True, eq=False):
    """A network, all of whose sizes are known, with its numbers."""

    source: Input
    """What it was read from: a path, a text, or nothing but the module itself."""
    fresh: Module
    """The network as it was lowered, of one phase."""
    module: Module
    """The same with every shape."""
    options: Options
    store: Store
    inputs: dict[str, Numbers]
    """By the name of the input's value, in the source's order of axes."""
    weights: str
    """Where the numbers come from, for people."""
    has_phases: bool = False
    """Whether the file has layers of several phases, of which this is one."""

    @property
    def graph(self) -> Graph:
        return self.module.graph("")

    @property
    def framework(self) -> str:
        return self.module.framework

    def with_numbers(self, store: Store, inputs: dict[str, Numbers]) -> Subject:
        """The same with other weights and inputs."""
        return msgspec.structs.replace(self, store=store, inputs=inputs)


class Converted(msgspec.Struct, frozen=True):
    """A subject as it is legal for a target, and where its tensors went."""

    target: Target
    legal: Legal
    trail: Trail

    @property
    def graph(self) -> Graph:
        return next(iter(self.legal.module.graphs.values()))


def read_subject(source: Input, options: Options, seed: int, sink: Sink) -> Subject:
    """Read a model and settle its numbers. Raises CompileError."""
    opened = _opened(source, sink)
    model = read_model(opened, options, sink, Trace())
    sink.raise_if_errors()
    return subject_of(model, opened, options, seed, sink)


def _opened(source: Input, sink: Sink) -> Input:
    """Text instead of its path: it goes to two readers, and standard input can be read but once."""
    if isinstance(source, (Module, Source)):
        return source
    from transpiler.parsers.load import read_input

    found = read_input(source, sink)
    if isinstance(found, Source):
        return found
    if found.path is None:
        start = Span(Source(found.name, ""), 0, 0)
        sink.error("T0008", f"{found.kind.name} cannot come from standard input here", start)
        sink.raise_if_errors()
    return source


def subject_of(model: Model, source: Input, options: Options, seed: int, sink: Sink) -> Subject:
    """The same for a model that is read already."""
    from transpiler.passes.pipelines import READ

    fresh = one_phase(model.module, options.phase)
    module = run_passes(fresh, READ, options, sink, Trace())
    sink.raise_if_errors()
    module = msgspec.structs.replace(module, graphs={"": next(iter(module.graphs.values()))})
    _check_known(module.graph(""), sink)
    closed = sized(module, options, sink)
    sink.raise_if_errors()
    _check_size(closed.graph(""), sink)
    sink.raise_if_errors()
    store = numbers_of(msgspec.structs.replace(model, module=closed), options, sink, Trace())
    sink.raise_if_errors()
    words = f"seed {seed}" if store is None else os.path.basename(options.weights or "its own")  # noqa: PTH119
    given = feeds(closed.graph(""), seed)
    phases = len(model.module.graphs) > 1
    return Subject(source, fresh, closed, options, store or seeded(closed, seed), given, words, phases)


def _check_known(graph: Graph, sink: Sink) -> None:
    for node in graph.nodes:
        if isinstance(node.op, Opaque):
            why = (
                "runs code, which this program never does"
                if node.origin.type == "Lambda"
                else "is not known here"
            )
            sink.error(
                "T8104",
                f"{node.origin.type} `{node.origin.layer}` {why}, so nothing can be said of its numbers",
                node.span,
            )


def _check_size(graph: Graph, sink: Sink) -> None:
    """Refuse what would not fit in memory, before anything is allocated."""
    shapes = [value.type.shape or () for value in graph.values()]
    learned = {
        node.param(role).symbol: spec.shape
        for node in graph.nodes
        if node.op.roles
        for role, spec in infer_params(node.op, types_of(node.operands)).items()
    }
    count = sum(math.prod(size or 1 for size in shape) for shape in (*shapes, *learned.values()))
    if count > MOST_NUMBERS:
        sink.error(
            "T8106",
            f"running the network takes {count:,} numbers at once, which is more than {MOST_NUMBERS:,}",
            help="give a smaller --batch or --input-shape",
        )


def converted(subject: Subject, target: Target, sink: Sink) -> Converted:
    """The subject as it is legal for a target. Raises CompileError where it has no exact form."""
    trace, options = Trace(), msgspec.structs.replace(subject.options, weights=None)
    if target.name == "caffe" and options.batch is None and _has_open_batch(subject.fresh):
        options = msgspec.structs.replace(options, batch=OPEN_BATCH)
    made = legal_model(Model(subject.fresh), target, options, sink, trace)
    sink.raise_if_errors()
    trail = next(iter(trace.trails.values()))
    return Converted(target, Legal(made.module, subject.store), trail)


def _has_open_batch(module: Module) -> bool:
    """Whether the file leaves a batch size open, which Caffe's text cannot: it gets that of the run."""
    (graph,) = module.graphs.values()
    shapes: list[Any] = [getattr(node.op, "shape", None) for node in graph.nodes if not node.operands]
    return any(shape and shape[0] is None for shape in shapes) and any(inputs_of(graph))


def file_of(subject: Subject, sink: Sink) -> Source | bytes | None:
    """The very file that a subject was read from: its text, or its bytes; None for a module made in Python.

    Of a whole Keras model it is the JSON inside.
    """
    source = subject.source
    if isinstance(source, Module):
        return None
    if isinstance(source, Source):
        return source
    from transpiler.parsers.load import read_input

    found = read_input(source, sink)
    if isinstance(found, Source):
        return found
    if found.kind.holds == "keras" and found.path is not None:
        from transpiler.weights.reading import whole_model

        whole = whole_model(found.path)
        return None if whole is None else Source(found.name, whole[0])
    return found.data
