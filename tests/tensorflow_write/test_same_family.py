"""TensorFlow's own graphs written again: raised to layers, said in today's ops, and the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tensorflow_write.running import Numbers, tf
from transpiler.diagnostics import Sink
from transpiler.driver.convert import target_named
from transpiler.driver.legal import Legal, legal_model
from transpiler.driver.options import Options
from transpiler.driver.reading import read_model
from transpiler.driver.running import run_passes
from transpiler.driver.trace import Trace
from transpiler.emitters.tensorflow import everything, write
from transpiler.emitters.tensorflow_files import write_graph
from transpiler.ir import Graph
from transpiler.ops.core import Input
from transpiler.passes.pipelines import READ

v1 = tf.compat.v1
CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "tensorflow"


def legal(path: Path) -> Legal:
    sink = Sink()
    made = legal_model(
        read_model(path, Options(), sink, Trace()), target_named("tensorflow"), Options(), sink, Trace()
    )
    sink.raise_if_errors()
    return made


def inputs_of(graph: Graph) -> dict[str, Numbers]:
    """Numbers for the placeholders of a graph read from TensorFlow, by tensor."""
    rng = np.random.default_rng(0)
    found = {}
    for value in [node.result for node in graph.nodes if isinstance(node.op, Input)]:
        shape = [2 if size is None else size for size in value.type.shape or ()]
        kind = {"f32": "float32", "f64": "float64"}[value.type.dtype.value]
        found[value.native or value.name] = rng.standard_normal(shape).astype(kind)
    return found


def run(path: Path, outputs: list[str], feed: dict[str, Numbers]) -> list[Numbers]:
    """What a frozen graph in a file computes."""
    from google.protobuf import text_format

    graph_def = v1.GraphDef()
    if path.suffix == ".pb":
        graph_def.ParseFromString(path.read_bytes())
    else:
        text_format.Parse(path.read_text(), graph_def)
    with tf.Graph().as_default() as graph:
        v1.import_graph_def(graph_def, name="")
        with v1.Session(graph=graph) as running:
            found: list[Numbers] = running.run(outputs, feed)
    return found


def check(source: Path, folder: Path) -> Legal:
    """Assert that the graph written for a frozen one computes the same."""
    made = legal(source)
    (graph,) = made.module.graphs.values()
    feed = inputs_of(graph)
    expected = run(source, [value.native or value.name for value in graph.outputs], feed)
    assert made.store is not None
    write_graph(made.module, folder / "again.pb", made.store.native)
    written = write(made.module, held=everything)
    places = {f"{written.inputs[name]}:0": array for name, array in feed.items()}
    names = [name if ":" in name else f"{name}:0" for name in written.outputs]
    for mine, theirs in zip(run(folder / "again.pb", names, places), expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)
    return made


def weight(rng: Any, *shape: int, dtype: str = "float32") -> Any:
    return tf.constant(rng.standard_normal(shape).astype(dtype))


def _pictures(rng: Any) -> Any:
    x = v1.placeholder(tf.float32, (None, 8, 8, 3), name="x")
    y = tf.nn.relu(tf.nn.conv2d(x, weight(rng, 3, 3, 3, 4), 2, "SAME") + weight(rng, 4))
    y = tf.nn.max_pool2d(y, 2, 2, "VALID")
    return tf.nn.softmax(tf.matmul(tf.reshape(y, (-1, 16)), weight(rng, 16, 5)) + weight(rng, 5))


def _doubles(rng: Any) -> Any:
    x = v1.placeholder(tf.float64, (None, 6), name="x")
    y = tf.tanh(tf.matmul(x, weight(rng, 6, 4, dtype="float64")) + weight(rng, 4, dtype="float64"))
    return tf.reduce_sum(y * weight(rng, 4, dtype="float64"), axis=1)


def _computed_kernels(rng: Any) -> Any:
    """Kernels and shapes that are no constants stay operands."""
    x = v1.placeholder(tf.float32, (2, 8, 8, 3), name="x")
    kernel = v1.placeholder(tf.float32, (3, 3, 3, 4), name="kernel")
    y = tf.nn.conv2d(x, kernel, 1, [[0, 0], [1, 0], [0, 1], [0, 0]])
    y = tf.nn.depthwise_conv2d(
        y, v1.placeholder(tf.float32, (2, 2, 4, 2), name="depth"), (1, 1, 1, 1), "SAME"
    )
    y = tf.space_to_batch(y, (2, 2), ((0, 1), (1, 0)))
    return tf.batch_to_space(y, (2, 2), ((0, 1), (1, 0))) * weight(rng, 8)


GRAPHS: dict[str, Callable[[Any], Any]] = {
    "pictures": _pictures,
    "doubles": _doubles,
    "computed kernels": _computed_kernels,
}


@pytest.mark.parametrize("name", GRAPHS)
def test_frozen_graph_written_again_computes_the_same(name: str, tmp_path: Path) -> None:
    with tf.Graph().as_default() as graph:
        tf.identity(GRAPHS[name](np.random.default_rng(1)), name="output")
    (tmp_path / "net.pb").write_bytes(graph.as_graph_def().SerializeToString())
    check(tmp_path / "net.pb", tmp_path)


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not here")
@pytest.mark.parametrize(
    "name",
    ["dl4j_ae", "dl4j_mnist_00", "dl4j_primitive_gru_dynamic", "dl4j_primitive_lstm", "dl4j_rnn_bstack_d_n2"],
)
def test_file_with_numbers_of_its_own(name: str, tmp_path: Path) -> None:
    check(CORPUS / f"{name}.pbtxt", tmp_path)


def test_what_is_written_reads_back_as_the_same_layers(tmp_path: Path) -> None:
    with tf.Graph().as_default() as graph:
        tf.identity(_pictures(np.random.default_rng(1)), name="output")
    (tmp_path / "net.pb").write_bytes(graph.as_graph_def().SerializeToString())
    check(tmp_path / "net.pb", tmp_path)
    sink = Sink()
    first, again = (
        run_passes(
            read_model(tmp_path / name, Options(), sink, Trace()).module, READ, Options(), sink, Trace()
        )
        for name in ("net.pb", "again.pb")
    )
    sink.raise_if_errors()
    kinds = [[node.op for node in module.graph("").nodes] for module in (first, again)]
    assert kinds[0] == kinds[1]


def test_variables_without_numbers_get_initial_values(tmp_path: Path) -> None:
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, (None, 6), name="x")
        kernel = v1.get_variable("kernel", (6, 4), use_resource=True)
        tf.nn.relu(tf.matmul(x, kernel), name="output")
    (tmp_path / "net.pb").write_bytes(graph.as_graph_def().SerializeToString())
    made = legal(tmp_path / "net.pb")
    assert made.store is None
    write_graph(made.module, tmp_path / "again.pb", None)
    graph_def = v1.GraphDef()
    graph_def.ParseFromString((tmp_path / "again.pb").read_bytes())
    with tf.Graph().as_default() as graph:
        v1.import_graph_def(graph_def, name="")
        with v1.Session(graph=graph) as running:
            running.run("init")
            (found,) = running.run(
                [write(made.module).outputs[0] + ":0"], {"x:0": np.eye(6, dtype="float32")}
            )
    assert found.any()
