"""Files of old Keras versions: arrays as tf-keras has them when it loads the same file, or as its rules say."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.weights.arrays import assert_same, lazy
from transpiler.diagnostics import CompileError, Sink
from transpiler.weights.keras_old import Era, as_keras2
from transpiler.weights.reading import read_weights, whole_model

h5py = pytest.importorskip("h5py")
RNG = np.random.default_rng(0)


def numbers(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype("float32")


def gates(inputs: int, units: int, count: int) -> list[Any]:
    """One kernel, recurrent kernel and bias a gate."""
    return [a for _ in range(count) for a in (numbers(inputs, units), numbers(units, units), numbers(units))]


def saved(path: Path, layers: dict[str, dict[str, Any]], **attributes: str) -> Path:
    """A file as Keras 1.2.2 writes it with `save_weights`."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in layers]
        for key, value in attributes.items():
            file.attrs[key] = value.encode()
        for name, weights in layers.items():
            group = file.create_group(name)
            group.attrs["weight_names"] = [key.encode() for key in weights]
            for key, array in weights.items():
                group.create_dataset(key, data=array)
    return path


def sequential(*layers: dict[str, Any]) -> dict[str, Any]:
    """The JSON of a Keras 1 model."""
    return {"class_name": "Sequential", "keras_version": "1.2.2", "config": list(layers)}


def one(class_name: str, name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": class_name, "config": {"name": name, **config}}


CONVOLUTION = {"nb_filter": 5, "nb_row": 3, "nb_col": 2}
CASES: dict[str, tuple[str, dict[str, Any], Callable[[Any], Any], tuple[int, ...], Sequence[Any]]] = {
    "Convolution1D": (
        "Convolution1D", {"nb_filter": 5, "filter_length": 3},
        lambda k: k.Conv1D(5, 3), (9, 4), [numbers(3, 1, 4, 5), numbers(5)],
    ),
    "Convolution1D before 1.1": (
        "Convolution1D", {"nb_filter": 5, "filter_length": 3},
        lambda k: k.Conv1D(5, 3), (9, 4), [numbers(5, 4, 3, 1), numbers(5)],
    ),
    "Convolution2D tf": (
        "Convolution2D", {**CONVOLUTION, "dim_ordering": "tf"},
        lambda k: k.Conv2D(5, (3, 2)), (9, 8, 4), [numbers(3, 2, 4, 5), numbers(5)],
    ),
    "Convolution2D th": (
        "Convolution2D", {**CONVOLUTION, "dim_ordering": "th"},
        lambda k: k.Conv2D(5, (3, 2), data_format="channels_first"), (4, 9, 8), [numbers(5, 4, 3, 2), numbers(5)],
    ),
    "Convolution3D th": (
        "Convolution3D",
        {"nb_filter": 5, "kernel_dim1": 3, "kernel_dim2": 2, "kernel_dim3": 1, "dim_ordering": "th"},
        lambda k: k.Conv3D(5, (3, 2, 1), data_format="channels_first"), (4, 6, 5, 4),
        [numbers(5, 4, 3, 2, 1), numbers(5)],
    ),
    "Deconvolution2D tf": (
        "Deconvolution2D", {**CONVOLUTION, "dim_ordering": "tf", "output_shape": [None, 11, 9, 5]},
        lambda k: k.Conv2DTranspose(5, (3, 2)), (9, 8, 4), [numbers(3, 2, 4, 5), numbers(5)],
    ),
    "Deconvolution2D th": (
        "Deconvolution2D", {**CONVOLUTION, "dim_ordering": "th", "output_shape": [None, 5, 11, 9]},
        lambda k: k.Conv2DTranspose(5, (3, 2), data_format="channels_first"), (4, 9, 8),
        [numbers(5, 4, 3, 2), numbers(5)],
    ),
    "LSTM": ("LSTM", {"output_dim": 3}, lambda k: k.LSTM(3), (4, 2), gates(2, 3, 4)),
    "LSTM gpu": (
        "LSTM", {"output_dim": 3, "consume_less": "gpu"},
        lambda k: k.LSTM(3), (4, 2), [numbers(2, 12), numbers(3, 12), numbers(12)],
    ),
    "GRU": (
        "GRU", {"output_dim": 3}, lambda k: k.GRU(3, reset_after=False), (4, 2), gates(2, 3, 3),
    ),
    "BatchNormalization": (
        "BatchNormalization", {}, lambda k: k.BatchNormalization(), (4,), [numbers(4) for _ in range(4)],
    ),
    "Dense": ("Dense", {"output_dim": 3}, lambda k: k.Dense(3), (4,), [numbers(4, 3), numbers(3)]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_keras_1_as_tf_keras_loads_it(case: str, tmp_path: Path) -> None:
    tf_keras = pytest.importorskip("tf_keras")
    class_name, config, make, shape, arrays = CASES[case]
    weights = {f"layer_1_{i}:0": array for i, array in enumerate(arrays)}
    path = saved(tmp_path / "weights.h5", {"layer_1": weights, "activation_1": {}})
    model = tf_keras.Sequential([tf_keras.Input(shape), make(tf_keras.layers)])
    model.load_weights(path)
    document = sequential(
        one(class_name, "layer_1", batch_input_shape=[None, *shape], **config),
        one("Activation", "activation_1", activation="relu"),
    )
    file = read_weights(str(path), Sink(), document)
    assert_same(
        {key: [s.array.load() for s in stored] for key, stored in file.layers.items()},
        {"layer_1": model.get_weights()},
    )


def test_a_bidirectional_of_keras_1_is_converted_inside(tmp_path: Path) -> None:
    tf_keras = pytest.importorskip("tf_keras")
    names = [f"lstm_1_{gate}" for gate in range(24)]
    weights = dict(zip(names, [*gates(2, 3, 4), *gates(2, 3, 4)], strict=True))
    path = saved(tmp_path / "weights.h5", {"bidirectional_1": weights})
    layers = tf_keras.layers
    model = tf_keras.Sequential([tf_keras.Input((4, 2)), layers.Bidirectional(layers.LSTM(3))])
    model.load_weights(path)
    inner = one("LSTM", "lstm_1", output_dim=3)
    document = sequential(
        one("Bidirectional", "bidirectional_1", layer=inner, batch_input_shape=[None, 4, 2])
    )
    stored = read_weights(str(path), Sink(), document).layers["bidirectional_1"]
    assert_same({"": [s.array.load() for s in stored]}, {"": model.get_weights()})


@pytest.mark.parametrize(("suffix", "turned"), [("", True), (":0", False)])
def test_names_without_a_number_are_theanos_and_its_kernels_are_turned(
    tmp_path: Path, suffix: str, turned: bool
) -> None:
    kernel, bias = numbers(5, 4, 3, 2), numbers(5)
    path = saved(tmp_path / "w.h5", {"conv": {f"conv_W{suffix}": kernel, f"conv_b{suffix}": bias}})
    layer = one("Convolution2D", "conv", dim_ordering="th", batch_input_shape=[None, 4, 9, 8], **CONVOLUTION)
    sink = Sink()
    stored = read_weights(str(path), sink, sequential(layer)).layers["conv"]
    expected = kernel.transpose(2, 3, 1, 0)
    assert np.array_equal(stored[0].array.load(), expected[::-1, ::-1] if turned else expected)
    assert [item.code for item in sink.diagnostics] == (["T7009"] if turned else [])


def test_kernels_of_keras_2_on_theano_are_turned(tmp_path: Path) -> None:
    kernel = numbers(3, 2, 4, 5)
    path = saved(
        tmp_path / "w.h5", {"conv": {"conv/kernel": kernel}}, keras_version="2.1.0", backend="theano"
    )
    config = {"name": "conv", "filters": 5, "kernel_size": [3, 2], "use_bias": False}
    document = {"class_name": "Sequential", "config": [{"class_name": "Conv2D", "config": config}]}
    stored = read_weights(str(path), Sink(), document).layers["conv"]
    assert np.array_equal(stored[0].array.load(), kernel[::-1, ::-1])


@pytest.mark.parametrize("class_name", ["LSTM", "GRU"])
def test_cudnn_layers_as_tf_keras_converts_them(class_name: str) -> None:
    tf_keras = pytest.importorskip("tf_keras")
    from tf_keras.src.saving.legacy.hdf5_format import preprocess_weights_for_loading

    count = {"LSTM": 4, "GRU": 3}[class_name]
    arrays = [numbers(2, 3 * count), numbers(3, 3 * count), numbers(2 * 3 * count)]
    layer = getattr(tf_keras.layers, class_name)(3)
    layer.build((None, 4, 2))
    expected = preprocess_weights_for_loading(layer, arrays, "2")
    found = as_keras2(class_name, {}, [lazy(array) for array in arrays], Era())
    assert [array.shape for array in found] == [array.shape for array in expected]
    assert_same({"": [array.load() for array in found]}, {"": expected})


def test_models_that_keras_1_merges_have_their_layers_listed_flat(tmp_path: Path) -> None:
    left, right, top = numbers(4, 3), numbers(4, 3), numbers(3, 2)
    path = saved(
        tmp_path / "w.h5",
        {
            "dense_1": {"dense_1_W:0": left},
            "dense_2": {"dense_2_W:0": right},
            "dense_3": {"dense_3_W:0": top},
        },
    )
    branches = [
        {
            "class_name": "Sequential",
            "config": [one("Dense", name, output_dim=3, bias=False, batch_input_shape=[None, 4])],
        }
        for name in ("dense_1", "dense_2")
    ]
    document = sequential(
        one("Merge", "merge_1", mode="sum", layers=branches),
        one("Dense", "dense_3", output_dim=2, bias=False),
    )
    file = read_weights(str(path), Sink(), document)
    found = {path.rpartition("/")[2]: stored[0].array.load() for path, stored in file.layers.items()}
    assert_same({k: [v] for k, v in found.items()}, {"dense_1": [left], "dense_2": [right], "dense_3": [top]})
    assert all(len(path.split("/")) == 2 for path in file.layers if "dense_3" not in path)


def test_keras_0_numbers_its_layers(tmp_path: Path) -> None:
    kernel, bias = numbers(4, 3), numbers(3)
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        file.attrs["nb_layers"] = 2
        group = file.create_group("layer_0")
        group.attrs["nb_params"] = 2
        group["param_0"], group["param_1"] = kernel, bias
        file.create_group("layer_1").attrs["nb_params"] = 0
    document = sequential(
        one("Dense", "dense_1", output_dim=3, batch_input_shape=[None, 4]),
        one("Activation", "activation_1", activation="relu"),
    )
    file = read_weights(str(path), Sink(), document)
    assert_same({k: [s.array.load() for s in v] for k, v in file.layers.items()}, {"dense_1": [kernel, bias]})


def test_other_names_are_matched_by_order_with_a_warning(tmp_path: Path) -> None:
    first, second = numbers(4, 3), numbers(3, 2)
    path = saved(
        tmp_path / "w.h5",
        {"dense_7": {"dense_7/kernel:0": first}, "dense_8": {"dense_8/kernel:0": second}},
        keras_version="2.2.4",
        backend="tensorflow",
    )
    layers = [one("Dense", name, units=units, use_bias=False) for name, units in (("a", 3), ("b", 2))]
    document = {"class_name": "Sequential", "config": layers}
    sink = Sink()
    file = read_weights(str(path), sink, document)
    assert_same(
        {k: [s.array.load() for s in v] for k, v in file.layers.items()}, {"a": [first], "b": [second]}
    )
    assert [item.code for item in sink.diagnostics] == ["T7009"]
    with pytest.raises(CompileError, match="arrays for 2 layers, the model 1 layers"):
        read_weights(str(path), Sink(), {"class_name": "Sequential", "config": layers[:1]})


def test_names_that_are_too_many_for_one_attribute(tmp_path: Path) -> None:
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"], file.attrs["backend"] = "2.2.4", "tensorflow"
        for part in range(3):
            file.attrs[f"layer_names{part}"] = [f"dense_{2 * part + i}".encode() for i in range(2)]
        for i in range(6):
            group = file.create_group(f"dense_{i}")
            group.attrs["weight_names0"] = [f"dense_{i}/kernel:0".encode()]
            group.attrs["weight_names1"] = [f"dense_{i}/bias:0".encode()]
            group[f"dense_{i}/kernel:0"], group[f"dense_{i}/bias:0"] = np.full((1, 1), i), np.full(1, -i)
    file = read_weights(str(path), Sink())
    assert list(file.layers) == [f"dense_{i}" for i in range(6)]
    assert [stored[0].array.load().item() for stored in file.layers.values()] == list(range(6))


def test_without_a_model_keras_1_is_not_understood(tmp_path: Path) -> None:
    path = saved(tmp_path / "w.h5", {"dense_1": {"dense_1_W:0": numbers(4, 3)}})
    with pytest.raises(CompileError) as error:
        read_weights(str(path), Sink())
    (found,) = error.value.diagnostics
    assert found.code == "T7006"
    assert found.help == "give the model's description (model.json) with it"


def test_a_whole_model_says_which_keras_wrote_it(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    layer = one("Dense", "dense_1", output_dim=3, batch_input_shape=[None, 4])
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = b"1.2.2"
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": [layer]}).encode()
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [b"dense_1"]
        inner = group.create_group("dense_1")
        inner.attrs["weight_names"] = [b"dense_1_W:0", b"dense_1_b:0"]
        inner["dense_1_W:0"], inner["dense_1_b:0"] = numbers(4, 3), numbers(3)
    found = whole_model(str(path))
    assert found is not None
    assert json.loads(found[0])["keras_version"] == "1.2.2"
    assert [one.array.shape for one in found[1].layers["dense_1"]] == [(4, 3), (3,)]
