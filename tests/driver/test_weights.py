"""Weights on their way: from a file into the graph's arrays, and into the files of every target."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.oracle.kit import KIT, case, difference
from transpiler import CompileError, convert
from transpiler.cli import main

TOLERANCE = 1e-4
NETS = (
    "batchnorm_scale",
    "concat_then_fc",
    "convolution_basic",
    "deconvolution_basic",
    "inner_product_axis2",
)
NET = """
name: "net"
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 3 } } }
layer { name: "fc" type: "InnerProduct" bottom: "x" top: "fc" inner_product_param { num_output: 2 } }
"""


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "net.prototxt"
    path.write_text(NET)
    return path


def stored(folder: Path, arrays: Mapping[str, Any]) -> str:
    path = folder / "weights.npz"
    np.savez(path, **arrays)
    return str(path)


def problems(net: Path, weights: str) -> list[tuple[str, str]]:
    with pytest.raises(CompileError) as caught:
        convert(net, "keras", weights=weights)
    return [(one.code, one.message) for one in caught.value.diagnostics]


FROZEN = (*NETS, "pooling_ave_k5s3p2", "rnn", "scale_axis")
"""With divisors of a pooling, slices of time and a factor of rows, which a graph has no ops for."""
KERNEL, BIAS = np.arange(6, dtype="f4").reshape(2, 3), np.ones(2, "f4")


def test_an_array_that_is_absent_is_an_error(net: Path, tmp_path: Path) -> None:
    ((code, message),) = problems(net, stored(tmp_path, {"fc/0": KERNEL}))
    assert (code, "its bias" in message) == ("T7101", True)


def test_a_layer_that_is_absent_is_an_error(net: Path, tmp_path: Path) -> None:
    codes = [code for code, _ in problems(net, stored(tmp_path, {"other/0": KERNEL}))]
    assert "T7101" in codes


def test_an_array_of_another_shape_is_an_error(net: Path, tmp_path: Path) -> None:
    ((code, message),) = problems(net, stored(tmp_path, {"fc/0": KERNEL.T, "fc/1": BIAS}))
    assert code == "T7103"
    assert "[3, 2]" in message
    assert "[2, 3]" in message


def test_arrays_that_nobody_wants_are_a_warning(net: Path, tmp_path: Path) -> None:
    weights = stored(tmp_path, {"fc/0": KERNEL, "fc/1": BIAS, "gone/0": BIAS})
    assert [one.code for one in convert(net, "keras", weights=weights).diagnostics] == ["T7102"]


def test_the_four_sizes_that_old_caffe_writes_fit(net: Path, tmp_path: Path) -> None:
    weights = stored(tmp_path, {"fc/0": KERNEL.reshape(1, 1, 2, 3), "fc/1": BIAS.reshape(1, 1, 1, 2)})
    assert convert(net, "keras", weights=weights).diagnostics == ()


def test_roles_may_name_arrays(net: Path, tmp_path: Path) -> None:
    weights = stored(tmp_path, {"fc/bias": BIAS, "fc/kernel": KERNEL})
    assert convert(net, "keras", weights=weights).has_weights


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("net.json", "text holds no weights"),
        ("net.caffemodel", "no form of keras"),
        ("net.weights.h5", "--weights-to"),
    ],
)
def test_a_file_that_cannot_hold_what_it_should_is_refused(
    net: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], output: str, said: str
) -> None:
    weights = stored(tmp_path, {"fc/0": KERNEL, "fc/1": BIAS})
    path = tmp_path / output
    assert main(["convert", str(net), "--to", "keras", "--weights", weights, "-o", str(path)]) == 2
    assert said in capsys.readouterr().err
    assert not path.exists()


def test_a_whole_model_without_weights_is_refused(net: Path, tmp_path: Path) -> None:
    assert main(["convert", str(net), "-o", str(tmp_path / "net.keras")]) == 2


def fitting(shape: Any, array: Any) -> Any:
    """An input as the model wants it, channels last if it does."""
    for order in (range(array.ndim), (0, *range(2, array.ndim), 1)):
        moved = array.transpose(tuple(order))
        if all(want in (None, have) for want, have in zip(shape, moved.shape, strict=True)):
            return moved
    raise AssertionError(f"{array.shape} fits {shape} in no order")


def last_output(name: str) -> Any:
    *_, recorded = case(name).part("out/").values()
    return recorded


def through_keras(path: Path, inputs: list[Any], package: str) -> Any:
    model = pytest.importorskip(package).models.load_model(path, compile=False)
    feeds = [fitting(place.shape, array) for place, array in zip(model.inputs, inputs, strict=True)]
    return np.asarray(model(feeds if len(feeds) > 1 else feeds[0], training=False))


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize(("suffix", "package"), [(".keras", "keras"), (".h5", "tf_keras")])
def test_caffes_numbers_in_a_keras_file(tmp_path: Path, name: str, suffix: str, package: str) -> None:
    path = tmp_path / f"net{suffix}"
    weights = str(KIT / f"{name}.npz")
    assert main(["convert", str(KIT / f"{name}.prototxt"), "--weights", weights, "-o", str(path)]) == 0
    found = through_keras(path, list(case(name).part("in/").values()), package)
    assert difference(found, last_output(name)) <= TOLERANCE


@pytest.mark.parametrize("name", FROZEN)
def test_caffes_numbers_in_a_frozen_graph_read_again_as_keras(tmp_path: Path, name: str) -> None:
    frozen, path = tmp_path / "net.pb", tmp_path / "net.keras"
    weights = str(KIT / f"{name}.npz")
    assert main(["convert", str(KIT / f"{name}.prototxt"), "--weights", weights, "-o", str(frozen)]) == 0
    assert main(["convert", str(frozen), "-o", str(path)]) == 0
    found = through_keras(path, list(case(name).part("in/").values()), "keras")
    assert difference(found, last_output(name)) <= TOLERANCE


@pytest.mark.parametrize("name", NETS)
def test_a_caffemodel_carries_what_the_arrays_did(tmp_path: Path, name: str) -> None:
    weights, made, path = KIT / f"{name}.npz", tmp_path / "net.caffemodel", tmp_path / "net.keras"
    net = str(KIT / f"{name}.prototxt")
    text = tmp_path / "net.prototxt"
    assert main(["convert", net, "--weights", str(weights), "-o", str(text), "--weights-to", str(made)]) == 0
    assert main(["convert", str(text), "--weights", str(made), "-o", str(path)]) == 0
    found = through_keras(path, list(case(name).part("in/").values()), "keras")
    assert difference(found, last_output(name)) <= TOLERANCE


def mixed(folder: Path) -> Path:
    """A graph whose kernel is a variable and whose bias is an array in the file."""
    tf = pytest.importorskip("tensorflow").compat.v1
    graph = tf.Graph()
    with graph.as_default():
        x = tf.placeholder("float32", (None, 3), name="x")
        tf.nn.bias_add(tf.matmul(x, tf.get_variable("k", (3, 2))), tf.constant([1.0, 2.0], name="b"))
    path = folder / "mixed.pb"
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return path


def test_numbers_of_some_arrays_alone_are_left_out_with_a_warning(tmp_path: Path) -> None:
    said = convert(mixed(tmp_path), "keras").diagnostics
    (warning,) = [one for one in said if one.code == "T6104"]
    assert warning.message.endswith("they are left out: b")


def test_text_from_a_source_with_weights_says_that_it_holds_none(
    tmp_path: Path, net: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    weights = stored(tmp_path, {"fc/0": rng.normal(size=(2, 3)), "fc/1": rng.normal(size=2)})
    frozen, text, kept = (str(tmp_path / name) for name in ("net.pb", "net.json", "net.npz"))
    assert main(["convert", str(net), "--weights", weights, "-o", frozen]) == 0
    assert main(["convert", frozen, "--to", "keras", "-o", text]) == 0
    assert "T6105" in capsys.readouterr().err
    assert main(["convert", frozen, "--to", "keras", "-o", text, "--weights-to", kept]) == 0
    assert "T6105" not in capsys.readouterr().err
