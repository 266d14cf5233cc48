"""Files with weights, as the real TensorFlow loads and runs them: frozen graphs as bytes and as text, SavedModels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.tensorflow_write.keras_models import canonical, drawn_weights, read_model
from tests.tensorflow_write.running import Converted, Numbers, convert, session, tensor, tf
from transpiler.diagnostics import CompileError
from transpiler.emitters.tensorflow import Stored, emit
from transpiler.emitters.tensorflow_binary import encode
from transpiler.emitters.tensorflow_files import write_graph, write_saved_model
from transpiler.ir import DType, LazyArray, Module
from transpiler.syntax.textproto import print_textproto
from transpiler.weights.store import Store

keras = pytest.importorskip("keras")
k = keras.layers


def _pictures() -> Any:
    x = keras.Input((8, 8, 3), name="x")
    y = k.Conv2D(4, 3, padding="same", activation="relu")(x)
    y = k.BatchNormalization()(k.DepthwiseConv2D(3, strides=2)(y))
    return keras.Model(x, [k.Dense(5, activation="softmax")(k.Flatten()(y)), k.GlobalMaxPooling2D()(y)])


def _sequences() -> Any:
    x = keras.Input((None, 3), name="x")
    return keras.Model(x, k.GRU(4)(k.LSTM(3, return_sequences=True)(x)))


def _shared() -> Any:
    x = keras.Input((4,), name="x")
    dense = k.Dense(4, name="save")
    return keras.Model(x, dense(dense(x)))


def _nothing_learned() -> Any:
    x = keras.Input((4,), name="x")
    return keras.Model(x, k.Softmax()(x))


MODELS: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "pictures": (_pictures, (2, 8, 8, 3)),
    "sequences": (_sequences, (2, 5, 3)),
    "shared": (_shared, (2, 4)),
    "nothing learned": (_nothing_learned, (2, 4)),
}


class Case(msgspec.Struct, frozen=True):
    """A converted model with its numbers, an input, and what the model makes of it."""

    made: Converted
    module: Module
    store: Store
    given: Numbers
    expected: list[Numbers]

    def check(self, found: list[Numbers]) -> None:
        assert len(found) == len(self.expected)
        for mine, theirs in zip(found, self.expected, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)

    def run(self, running: Any) -> list[Numbers]:
        (place,) = self.made.written.inputs.values()
        tensors = [tensor(running, name) for name in self.made.written.outputs]
        found: list[Numbers] = running.run(tensors, {tensor(running, place): self.given})
        return found


def stored(arrays: Mapping[str, Numbers]) -> Store:
    """A store of arrays in memory."""
    return Store(
        {name: LazyArray(a.shape, DType.FLOAT32, partial(np.asarray, a)) for name, a in arrays.items()}
    )


@pytest.fixture(params=MODELS)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    keras.backend.clear_session()
    make, shape = MODELS[request.param]
    model = make()
    weights = drawn_weights(model)
    made = read_model(model, tmp_path)
    store = stored(canonical(made.read, model, weights))
    model.set_weights(weights)
    given = np.random.default_rng(0).standard_normal(shape).astype("float32")
    expected = [np.asarray(y) for y in keras.tree.flatten(model(given, training=False))]
    return Case(made, Module("net", "keras", {"": made.legal}), store, given, expected)


def test_frozen_graph_runs_without_initialization(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "net.pb"
    write_graph(case.module, path, case.store.native)
    graph_def = tf.compat.v1.GraphDef()
    graph_def.ParseFromString(path.read_bytes())
    assert not {node.op for node in graph_def.node} & {
        "VarHandleOp",
        "ReadVariableOp",
        "AssignVariableOp",
        "NoOp",
    } or (not case.store.arrays)
    with tf.Graph().as_default() as graph:
        tf.compat.v1.import_graph_def(graph_def, name="")
        with tf.compat.v1.Session(graph=graph) as running:
            case.check(case.run(running))


def test_frozen_text_and_frozen_bytes_are_one_graph(case: Case, tmp_path: Path) -> None:
    from google.protobuf import text_format

    message = emit(case.module, native=case.store.native)
    write_graph(case.module, tmp_path / "net.pb", case.store.native)
    text, binary, streamed = (tf.compat.v1.GraphDef() for _ in range(3))
    text_format.Parse(print_textproto(message), text)
    binary.ParseFromString(encode(message))
    streamed.ParseFromString((tmp_path / "net.pb").read_bytes())
    assert text == binary == streamed
    with session(print_textproto(message)) as running:
        case.check(case.run(running))


def test_graph_without_numbers_keeps_its_variables(case: Case, tmp_path: Path) -> None:
    write_graph(case.module, tmp_path / "net.pb", None)
    assert (tmp_path / "net.pb").read_bytes() == encode(case.made.written.message)


@pytest.fixture
def saved(case: Case, tmp_path: Path) -> Path:
    path = tmp_path / "saved"
    write_saved_model(case.module, path, case.store.native)
    return path


def test_tensorflow_1_loads_a_saved_model(case: Case, saved: Path) -> None:
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as running:
        meta = tf.compat.v1.saved_model.load(running, ["serve"], str(saved))
        signature = meta.signature_def["serving_default"]
        assert list(signature.inputs) == ["x"]
        case.check(case.run(running))


def test_tensorflow_2_loads_a_saved_model(case: Case, saved: Path) -> None:
    loaded = tf.saved_model.load(str(saved))
    call = loaded.signatures["serving_default"]
    found = call(x=tf.constant(case.given))
    names = [value.native or value.name for value in case.made.legal.outputs]
    case.check([found[name].numpy() for name in names])


def test_its_variables_are_found_and_can_be_saved_again(case: Case, saved: Path, tmp_path: Path) -> None:
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as running:
        meta = tf.compat.v1.saved_model.load(running, ["serve"], str(saved))
        if not case.made.written.variables:
            return
        trainable = {variable.op.name for variable in tf.compat.v1.trainable_variables()}
        assert trainable == {one.name for one in case.made.written.variables if one.trainable}
        assert len(tf.compat.v1.global_variables()) == len(case.made.written.variables)
        path = str(tmp_path / "again")
        running.run(meta.saver_def.save_tensor_name, {meta.saver_def.filename_tensor_name: path})
    again = tf.train.load_checkpoint(path)
    for one in case.made.written.variables:
        np.testing.assert_array_equal(again.get_tensor(one.name), one.numbers(case.store.native))


def test_moving_averages_are_not_trained(tmp_path: Path) -> None:
    made = read_model(_pictures(), tmp_path)
    kinds = {one.use.role: one.trainable for one in made.written.variables}
    assert kinds == {
        "kernel": True,
        "bias": True,
        "gamma": True,
        "beta": True,
        "mean": False,
        "variance": False,
    }


def test_a_saved_model_replaces_an_older_one(tmp_path: Path) -> None:
    made = read_model(_shared(), tmp_path)
    module, path = Module("net", "keras", {"": made.legal}), tmp_path / "saved"
    for value in (1.0, 2.0):
        arrays = {one.use.symbol: np.full(one.canonical, value, "float32") for one in made.written.variables}
        write_saved_model(module, path, stored(arrays).native)
    assert sorted(str(found.relative_to(path)) for found in path.rglob("*") if found.is_file()) == [
        "saved_model.pb",
        "variables/variables.data-00000-of-00001",
        "variables/variables.index",
    ]
    reader = tf.train.load_checkpoint(str(path / "variables" / "variables"))
    assert float(reader.get_tensor(made.written.variables[0].name).max()) == 2.0
    assert [found.name for found in tmp_path.iterdir() if found.name.startswith(".")] == []


def test_a_frozen_graph_larger_than_protobuf_reads_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "net.ir"
    source.write_text("%x = input() {shape = [1, 30000]}\n%y = dense(%x) {units = 20000}\nreturn %y\n")
    made = convert(source)
    with pytest.raises(CompileError, match="more than protobuf can read"):
        write_graph(Module("net", "keras", {"": made.legal}), tmp_path / "net.pb", stored({}).native)
    assert not (tmp_path / "net.pb").exists()


def test_numbers_of_another_shape_are_noticed() -> None:
    from transpiler.dialects.rows import Array
    from transpiler.ir import ParamUse

    one = Stored("w", ParamUse("kernel", "w"), Array("kernel"), (2, 3))
    with pytest.raises(ValueError, match=r"w has shape \[2, 3\], not \[3, 2\]"):
        one.numbers(lambda use, array, shape: np.zeros((3, 2), "float32"))
