"""TensorFlow's variables beside a graph: SavedModels of real Keras, checkpoints of real sessions."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.weights.arrays import read
from transpiler import CompileError, convert
from transpiler.verify.api import verify

tf = pytest.importorskip("tensorflow")
pytest.importorskip("keras")
GRAPH: dict[str, Any] = {"inputs": ["x"], "outputs": ["y"]}


def saved_by_keras(package: str, folder: Path) -> dict[str, list[Any]]:
    """A SavedModel as Keras writes it for serving; the answer is its arrays by layer."""
    keras = pytest.importorskip(package)
    keras.backend.clear_session()
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            layers.Conv2D(3, 3, name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.Flatten(name="flat"),
            layers.Dense(3, name="first"),
            layers.Dense(3, name="second"),
        ]
    )
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.5, 1, array.shape) for array in model.get_weights()])
    if package == "keras":
        model.export(folder, verbose=False)
    else:
        model.save(folder)
    return {one.name: one.get_weights() for one in model.layers if one.get_weights()}


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_a_saved_model_is_read_with_its_variables(package: str, tmp_path: Path) -> None:
    given = saved_by_keras(package, tmp_path / "saved")
    convert(tmp_path / "saved", "keras").save(tmp_path / "net.keras")
    found = list(read(tmp_path / "net.keras").values())
    assert [[array.tobytes() for array in arrays] for arrays in found] == [
        [array.tobytes() for array in arrays] for arrays in given.values()
    ]


def test_a_saved_model_without_all_of_them_is_a_graph_without_numbers(tmp_path: Path) -> None:
    saved_by_keras("tf_keras", tmp_path / "saved")
    assert convert(tmp_path / "saved", "keras").has_weights
    shutil.rmtree(tmp_path / "saved" / "variables")
    assert not convert(tmp_path / "saved", "keras").has_weights


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graph as TensorFlow 1 has it, `net.pb`, and its checkpoint, `net.ckpt`."""
    folder = tmp_path_factory.mktemp("trained")
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder("float32", (None, 4), name="x")
        kernel = v1.get_variable("layer/kernel", (4, 3), use_resource=False)
        bias = v1.get_variable("layer/bias", (3,), use_resource=True)
        tf.identity(tf.matmul(x, kernel) + bias, name="y")
        session.run(kernel.assign(np.arange(12).reshape(4, 3)))
        session.run(bias.assign([0.5, -0.0, 1e-40]))
        v1.train.Saver().save(session, str(folder / "net.ckpt"), write_meta_graph=False)
        (folder / "net.pb").write_bytes(session.graph.as_graph_def().SerializeToString())
    return folder


@pytest.mark.parametrize("name", ["net.ckpt", "net.ckpt.index", "net.ckpt.data-00000-of-00001"])
def test_a_checkpoint_beside_a_graph(name: str, trained: Path, tmp_path: Path) -> None:
    convert(trained / "net.pb", "keras", weights=trained / name, **GRAPH).save(tmp_path / "net.keras")
    ((kernel, bias),) = read(tmp_path / "net.keras").values()
    assert (kernel == np.arange(12).reshape(4, 3)).all()
    assert bias.tobytes() == np.array([0.5, -0.0, 1e-40], "f4").tobytes()


def test_it_runs_with_them(trained: Path) -> None:
    report = verify(trained / "net.pb", "keras", weights=trained / "net.ckpt", **GRAPH)
    assert report.agrees
    assert report.weights == "net.ckpt"
    assert not report.notes


def test_arrays_that_the_graph_keeps_in_parts(tmp_path: Path) -> None:
    """A cell of TensorFlow 1 has one kernel, and adds 1 to what its forget gate learns; a layer of Keras has two."""
    given, expected = saved_by_a_cell(tmp_path)
    made = convert(tmp_path / "net.pb", "keras", weights=tmp_path / "net.ckpt", **GRAPH)
    made.save(tmp_path / "net.keras")
    import keras

    model = keras.models.load_model(tmp_path / "net.keras")
    assert "LSTM" in {type(one).__name__ for one in model.layers}
    np.testing.assert_allclose(np.asarray(model(given)), expected, rtol=1e-5, atol=1e-6)


def saved_by_a_cell(folder: Path) -> tuple[Any, Any]:
    """Three steps of an LSTM, written out; an input, and what TensorFlow makes of it."""
    v1 = tf.compat.v1
    given = np.random.default_rng(0).standard_normal((2, 3, 4)).astype("float32")
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder("float32", (2, 3, 4), name="x")
        kernel, bias = v1.get_variable("kernel", (9, 20)), v1.get_variable("bias", (20,))
        h = c = tf.zeros((2, 5))
        for t in range(3):
            gates = tf.matmul(tf.concat([x[:, t], h], 1), kernel) + bias
            i, j, f, o = tf.split(gates, 4, axis=1)
            c = c * tf.sigmoid(f + 1.0) + tf.sigmoid(i) * tf.tanh(j)
            h = tf.tanh(c) * tf.sigmoid(o)
        y = tf.identity(h, name="y")
        session.run(v1.global_variables_initializer())
        v1.train.Saver().save(session, str(folder / "net.ckpt"), write_meta_graph=False)
        (folder / "net.pb").write_bytes(session.graph.as_graph_def().SerializeToString())
        return given, session.run(y, {x: given})


class TestFaults:
    def test_a_variable_that_it_does_not_have(self, trained: Path, tmp_path: Path) -> None:
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            tf.compat.v1.get_variable("layer/kernel", initializer=np.ones((4, 3), "f4"))
            session.run(tf.compat.v1.global_variables_initializer())
            tf.compat.v1.train.Saver().save(session, str(tmp_path / "part.ckpt"))
        assert codes(trained / "net.pb", tmp_path / "part.ckpt") == ["T7101"]

    def test_a_file_of_elements_that_is_gone(self, trained: Path, tmp_path: Path) -> None:
        shutil.copy(trained / "net.ckpt.index", tmp_path)
        assert codes(trained / "net.pb", tmp_path / "net.ckpt") == ["T0001"]

    def test_an_index_that_is_none(self, trained: Path, tmp_path: Path) -> None:
        (tmp_path / "net.ckpt.index").write_bytes(b"nothing of the kind" * 9)
        assert codes(trained / "net.pb", tmp_path / "net.ckpt") == ["T7001"]

    def test_a_network_of_another_framework(self, trained: Path, tmp_path: Path) -> None:
        net = tmp_path / "net.json"
        net.write_text(convert(trained / "net.pb", "keras", **GRAPH).text)
        with pytest.raises(CompileError) as error:
            convert(net, "tensorflow", weights=trained / "net.ckpt")
        assert [one.code for one in error.value.diagnostics] == ["T7006"]


def codes(net: Path, weights: Path) -> list[str]:
    with pytest.raises(CompileError) as error:
        convert(net, "keras", weights=weights, **GRAPH)
    return [one.code for one in error.value.diagnostics if one.code.startswith(("T7", "T0"))]
