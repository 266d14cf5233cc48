"""Converting for TensorFlow, and running the graph in the real one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from transpiler.diagnostics import Sink
from transpiler.driver.convert import target_named
from transpiler.driver.legal import legal_module
from transpiler.driver.options import Options
from transpiler.driver.reading import read_module
from transpiler.driver.running import one_phase, run_passes
from transpiler.driver.trace import Trace
from transpiler.emitters.tensorflow import ELEMENTS, Stored, Written, layout_steps, write
from transpiler.ir import Graph, Module
from transpiler.passes.pipelines import READ
from transpiler.syntax.textproto import print_textproto
from transpiler.weights.relayout import applied

tf = pytest.importorskip("tensorflow")
Numbers = np.ndarray[Any, np.dtype[Any]]
BIG = 60_000_000
"""Networks with more weights than this are imported, but not run."""


class Converted(msgspec.Struct, frozen=True):
    """A network as it was read, as it is legal for TensorFlow, and as it is written."""

    read: Graph
    legal: Graph
    written: Written
    sink: Sink

    @property
    def text(self) -> str:
        return print_textproto(self.written.message)

    @property
    def weights(self) -> int:
        return sum(int(np.prod(stored.shape)) for stored in self.written.variables)


def convert(source: Path | str, options: Options | None = None) -> Converted:
    """The TensorFlow graph of a file's TEST phase. Raises CompileError."""
    options, sink = options or Options(), Sink()
    module = one_phase(read_module(source, options, sink, Trace()), None)
    sink.raise_if_errors()
    read = run_passes(module, READ, options, sink, Trace())
    legal = legal_module(module, target_named("tensorflow"), options, sink, Trace())
    sink.raise_if_errors()
    return Converted(_only(read), _only(legal), write(legal), sink)


def _only(module: Module) -> Graph:
    (graph,) = module.graphs.values()
    return graph


@contextmanager
def session(text: str) -> Iterator[Any]:
    """A session of TensorFlow over the imported graph."""
    from google.protobuf import text_format

    graph_def = tf.compat.v1.GraphDef()
    text_format.Parse(text, graph_def)
    with tf.Graph().as_default() as graph:
        tf.compat.v1.import_graph_def(graph_def, name="")
        with tf.compat.v1.Session(graph=graph) as running:
            yield running


def tensor(running: Any, name: str) -> Any:
    return running.graph.get_tensor_by_name(name if ":" in name else f"{name}:0")


def assign(running: Any, stored: Stored, array: Numbers) -> None:
    """Give a variable its numbers."""
    node = running.graph.get_operation_by_name(f"{stored.name}/Assign")
    value = node.inputs[1]
    running.run(node, {value: np.asarray(array, ELEMENTS[stored.dtype]).reshape(stored.shape)})


def assign_all(running: Any, written: Written, canonical: Mapping[str, Numbers]) -> None:
    """Initialize, then give every variable the array of its symbol in the order it is stored."""
    running.run("init")
    for stored in written.variables:
        assign(running, stored, applied(canonical[stored.use.symbol], layout_steps(stored)))


def fed(running: Any, written: Written, inputs: Mapping[str, Numbers]) -> dict[Any, Numbers]:
    """Inputs by name, channels last where the graph wants them so."""
    found = {}
    for name, source in written.inputs.items():
        place = tensor(running, source)
        found[place] = fitting(place, inputs[name])
    return found


def fitting(place: Any, array: Numbers) -> Numbers:
    """An array as a placeholder wants it, channels last if it does."""
    orders = [tuple(range(array.ndim)), (0, *range(2, array.ndim), 1)][: 2 if array.ndim > 2 else 1]
    fits = (array.transpose(order) for order in orders)
    sizes = place.shape.as_list()
    return next(x for x in fits if all(w in (None, n) for w, n in zip(sizes, x.shape, strict=True)))


def drawn(running: Any, written: Written, seed: int = 0, open_size: int = 2) -> dict[Any, Numbers]:
    """Numbers for every input; small whole ones for indices."""
    generator = np.random.default_rng(seed)
    found = {}
    for source in written.inputs.values():
        place = tensor(running, source)
        shape = [open_size if size is None else size for size in place.shape.as_list()]
        kind = place.dtype.as_numpy_dtype
        found[place] = (
            generator.random(shape) if np.issubdtype(kind, np.floating) else np.zeros(shape)
        ).astype(kind)
    return found


def shapes(running: Any, names: Sequence[str]) -> list[list[int | None] | None]:
    """What TensorFlow infers of tensors."""
    found = [tensor(running, name).shape for name in names]
    return [None if shape.rank is None else list(shape.as_list()) for shape in found]
