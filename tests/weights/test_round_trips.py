"""Numbers through files and back: each bit of each number stays, in every format and across layouts of channels.

What is carried is drawn from all bits there are, so that NaNs with a payload, infinities, negative zeros and numbers
too small to be normal are among it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.weights.arrays import layer, read
from tests.weights.test_hostile import LAYERS
from tests.weights.test_keras_old import one, saved, sequential
from tests.weights.test_writing import CONFIGS, WRITERS
from transpiler import convert
from transpiler.weights.layer_arrays import LayerArrays

pytest.importorskip("h5py")
NET = """
name: "net"
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer { name: "conv" type: "Convolution" bottom: "x" top: "c" convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "norm" type: "BatchNorm" bottom: "c" top: "n" }
layer { name: "scale" type: "Scale" bottom: "n" top: "s" scale_param { bias_term: true } }
layer { name: "slopes" type: "PReLU" bottom: "s" top: "p" }
layer { name: "deep" type: "Convolution" bottom: "p" top: "d"
  convolution_param { num_output: 4 group: 4 kernel_size: 3 bias_term: false } }
layer { name: "up" type: "Deconvolution" bottom: "d" top: "u"
  convolution_param { num_output: 2 kernel_size: 2 stride: 2 } }
layer { name: "fc" type: "InnerProduct" bottom: "u" top: "f" inner_product_param { num_output: 5 } }
layer { name: "out" type: "InnerProduct" bottom: "f" top: "o" inner_product_param { num_output: 2 } }
"""
SHAPES: dict[str, list[tuple[int, ...]]] = {
    "conv": [(4, 3, 3, 3), (4,)],
    "norm": [(4,), (4,), (1,)],
    "scale": [(4,), (4,)],
    "slopes": [(4,)],
    "deep": [(4, 1, 3, 3)],
    "up": [(4, 2, 2, 2), (2,)],
    "fc": [(5, 128), (5,)],
    "out": [(2, 5), (2,)],
}
FORMS = {
    "net.caffemodel": "caffe",
    "caffe.npz": "caffe",
    "net.keras": "keras",
    "net.weights.h5": "keras",
    "keras.npz": "keras",
    "net.h5": "keras2",
    "keras2.npz": "keras2",
    "net.pb": "tensorflow",
    "saved/": "tensorflow",
}
"""Files with weights that can be written, and for which target."""
TEXTS = {"caffe": "net.prototxt", "keras": "net.json", "keras2": "net2.json"}


def any_bits(name: str, shape: tuple[int, ...], dtype: str = "float32") -> Any:
    """Numbers of any bits, the odd ones first. NaNs are quiet: arithmetic by which nothing changes may quiet them."""
    size = np.dtype(dtype).itemsize
    rng = np.random.default_rng(list(name.encode()))
    drawn = rng.integers(0, 256, (*shape, size), np.uint8).view(dtype)[..., 0]
    odd = np.array([np.nan, -0.0, np.inf, -np.inf, np.finfo(dtype).smallest_subnormal], dtype)
    flat = np.where(np.isnan(drawn), odd[0], drawn).reshape(-1)
    flat[: min(len(odd), len(flat))] = odd[: len(flat)]
    return flat.reshape(shape)


def exactly(array: Any) -> tuple[str, tuple[int, ...], bytes]:
    """All there is to say of an array, for comparing."""
    return str(array.dtype), array.shape, array.tobytes()


def assert_same_bits(found: Iterable[Any], given: Iterable[Any]) -> None:
    assert list(map(exactly, found)) == list(map(exactly, given))


def stored(path: Path) -> list[Any]:
    """The arrays of a file in its order; layers may be called otherwise than they were."""
    with np.load(path) as file:
        return [file[key] for key in file.files]


@pytest.fixture(scope="module")
def numbers() -> dict[str, Any]:
    """The arrays of the net as Caffe has them: `LAYER/INDEX`."""
    made = {
        f"{name}/{i}": any_bits(f"{name}/{i}", shape)
        for name, shapes in SHAPES.items()
        for i, shape in enumerate(shapes)
    }
    made["norm/2"] = np.ones(1, "float32")  # Caffe divides by it
    return made


@pytest.fixture(scope="module")
def net(numbers: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The net and its weights."""
    folder = tmp_path_factory.mktemp("net")
    text, weights = folder / "net.prototxt", folder / "weights.npz"
    text.write_text(NET)
    np.savez(weights, **numbers)
    return text, weights


@pytest.mark.parametrize("name", FORMS)
def test_from_caffe_through_a_file_and_back(
    name: str, net: tuple[Path, Path], numbers: dict[str, Any], tmp_path: Path
) -> None:
    source, weights = net
    target = FORMS[name]
    made = convert(source, target, weights=weights)
    made.save(str(tmp_path) + "/" + name)
    again = tmp_path / name
    if target in TEXTS and name not in ("net.keras", "net.h5"):
        made.save(tmp_path / TEXTS[target])
        back = convert(tmp_path / TEXTS[target], "caffe", weights=again)
    else:
        back = convert(again, "caffe")
    back.save(tmp_path / "back.npz")
    assert_same_bits(stored(tmp_path / "back.npz"), numbers.values())


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_each_format_alone(name: str, dtype: str, tmp_path: Path) -> None:
    given = {
        found.path: [any_bits(f"{found.path}/{i}", one.shape, dtype) for i, one in enumerate(found.arrays)]
        for found in LAYERS
    }
    layers: list[LayerArrays] = [layer(found.path, given[found.path], found.type) for found in LAYERS]
    path = tmp_path / name
    WRITERS[name](str(path), layers)
    found = read(path, CONFIGS.get(name))
    assert set(found) == set(given)
    for key, arrays in given.items():
        assert_same_bits(found[key], arrays)


def test_from_a_file_of_keras_1_into_a_file_of_keras_3(tmp_path: Path) -> None:
    """Its kernels lie as Theano has them, channels first; what Keras 3 reads back is moved and nothing else."""
    kernel, bias = any_bits("kernel", (5, 4, 3, 2)), any_bits("bias", (5,))
    dense, rest = any_bits("dense", (5 * 4 * 4, 3)), any_bits("rest", (3,))
    weights = saved(
        tmp_path / "weights.h5",
        {
            "convolution2d_1": {"convolution2d_1_W": kernel, "convolution2d_1_b": bias},
            "flatten_1": {},
            "dense_1": {"dense_1_W": dense, "dense_1_b": rest},
        },
    )
    text = tmp_path / "net.json"
    convolution = {"nb_filter": 5, "nb_row": 3, "nb_col": 2, "dim_ordering": "th"}
    document = sequential(
        one("Convolution2D", "convolution2d_1", batch_input_shape=[None, 4, 6, 5], **convolution),
        one("Flatten", "flatten_1"),
        one("Dense", "dense_1", output_dim=3),
    )
    text.write_text(json.dumps(document))
    convert(text, "keras", weights=weights, data_format="channels_last").save(tmp_path / "net.keras")
    found = [array for arrays in read(tmp_path / "net.keras").values() for array in arrays]
    turned = kernel[:, :, ::-1, ::-1].transpose(2, 3, 1, 0)
    moved = dense.reshape(5, 4, 4, 3).transpose(1, 2, 0, 3).reshape(80, 3)
    assert_same_bits(found, (turned, bias, moved, rest))
