"""Reading graphs in tests: files of the corpus, and graphs that the real TensorFlow makes on the spot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transpiler.diagnostics import Sink
from transpiler.ir import Graph, Module, Op
from transpiler.ir.verifier import verify
from transpiler.ops.core import Opaque
from transpiler.parsers import textproto
from transpiler.passes.lower.tensorflow import lower

SHARED = Path(__file__).parents[3] / "shared"
CORPUS = SHARED / "corpus" / "tensorflow"


def read_file(path: Path, sink: Sink, **options: Any) -> Module:
    """A file of the corpus as a module."""
    return lower(textproto.parse(path.read_text("utf-8"), path.name), path.stem, sink, **options)


def read_bytes(data: bytes, **options: Any) -> Graph:
    """A binary graph, verified; errors are raised."""
    sink = Sink()
    graph = lower(data, "model", sink, **options).graph("")
    sink.raise_if_errors()
    verify(graph, shaped=True)
    return graph


def built(build: Callable[[Any], Any], **options: Any) -> Graph:
    """The raised graph of what `build` adds to an empty TF 1 graph; it gets `tensorflow.compat.v1`."""
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default():
        build(tf.compat.v1)
    return read_bytes(graph.as_graph_def().SerializeToString(), **options)


def traced(function: Any, *specs: Any) -> Graph:
    """The raised graph of a concrete function."""
    import tensorflow as tf

    made = tf.function(function).get_concrete_function(*specs)
    return read_bytes(made.graph.as_graph_def(add_shapes=True).SerializeToString())


def x_of(tf: Any, *shape: int | None) -> Any:
    """An input of a graph that is being built."""
    return tf.placeholder("float32", shape, name="x")


def last(graph: Graph) -> Op:
    """The op that gives the only output."""
    (value,) = graph.outputs
    return graph.producers[value].op


def ops(graph: Graph) -> list[str]:
    """The names of a graph's ops in order, single ops by their TensorFlow type."""
    return [node.op.type if isinstance(node.op, Opaque) else node.op.name for node in graph.nodes]


def counts(graph: Graph) -> dict[str, int]:
    return dict(Counter(ops(graph)))
