"""Layers that TensorFlow has no op for, written as several: the numbers of Keras, of tf-keras, or of the definition."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tensorflow_write.keras_models import agrees
from tests.tensorflow_write.running import Converted, Numbers, assign_all, convert, session, tensor

keras = pytest.importorskip("keras")


def pictures(*shape: int) -> Numbers:
    return np.random.default_rng(0).standard_normal(shape).astype("float32")


def run(
    made: Converted, inputs: dict[str, Numbers], weights: dict[str, Numbers] | None = None
) -> list[Numbers]:
    with session(made.text) as running:
        assign_all(running, made.written, weights or {})
        feed = {tensor(running, made.written.inputs[name]): array for name, array in inputs.items()}
        found: list[Numbers] = running.run([tensor(running, name) for name in made.written.outputs], feed)
    return found


def written(folder: Path, lines: str, framework: str = "keras") -> Converted:
    """The TensorFlow graph of a graph in IR text."""
    path = folder / "net.ir"
    path.write_text(f'module "net" from {framework} {{\ngraph "net" {{\n{lines}\n}}\n}}\n')
    return convert(path)


RESIZED: dict[str, dict[str, Any]] = {
    "nearest": {"interpolation": "nearest"},
    "bicubic": {"interpolation": "bicubic"},
    "smooth": {"antialias": True},
    "smooth bicubic": {"interpolation": "bicubic", "antialias": True},
    "lanczos": {"interpolation": "lanczos3"},
    "smooth lanczos": {"interpolation": "lanczos5", "antialias": True},
    "area": {"interpolation": "area"},
    "cropped": {"crop_to_aspect_ratio": True},
    "filled": {"pad_to_aspect_ratio": True, "fill_value": 0.5},
    "channels first": {"data_format": "channels_first"},
}


@pytest.mark.parametrize("size", [(3, 7), (11, 4)], ids=["wide", "tall"])
@pytest.mark.parametrize("how", RESIZED)
def test_resizing(how: str, size: tuple[int, int], tmp_path: Path) -> None:
    keras.backend.clear_session()
    inputs = keras.Input((6, 8, 3))
    model = keras.Model(inputs, keras.layers.Resizing(*size, **RESIZED[how])(inputs))
    agrees(model, [pictures(2, 6, 8, 3)], tmp_path)


def test_resizing_keeps_whole_numbers(tmp_path: Path) -> None:
    keras.backend.clear_session()
    inputs = keras.Input((6, 8, 3), dtype="uint8")
    model = keras.Model(inputs, keras.layers.Resizing(5, 5, interpolation="bicubic", dtype="uint8")(inputs))
    agrees(model, [np.random.default_rng(0).integers(0, 256, (2, 6, 8, 3)).astype("uint8")], tmp_path)


def test_center_crop_enlarges_what_is_too_small(tmp_path: Path) -> None:
    keras.backend.clear_session()
    inputs = keras.Input((4, 9, 2))
    model = keras.Model(inputs, keras.layers.CenterCrop(6, 5)(inputs))
    agrees(model, [pictures(2, 4, 9, 2)], tmp_path)


@pytest.mark.parametrize("name", ["LocallyConnected1D", "LocallyConnected2D"])
@pytest.mark.parametrize("more", [{}, {"strides": 2, "use_bias": False}], ids=["plain", "strided"])
def test_kernels_that_differ_at_every_place(name: str, more: dict[str, Any], tmp_path: Path) -> None:
    tf_keras = pytest.importorskip("tf_keras")
    tf_keras.backend.clear_session()
    shape = (7, 3) if name.endswith("1D") else (6, 7, 3)
    inputs = tf_keras.Input(shape)
    model = tf_keras.Model(inputs, getattr(tf_keras.layers, name)(4, 3, **more)(inputs))
    agrees(model, [pictures(2, *shape)], tmp_path)


def test_stochastic_pooling_weighs_each_element_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(
        'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 dim: 5 dim: 5 } } }\n'
        'layer { name: "pool" type: "Pooling" bottom: "data" top: "pool"\n'
        "        pooling_param { pool: STOCHASTIC kernel_size: 3 stride: 2 } }\n"
    )
    x = np.maximum(pictures(1, 5, 5, 2), 0.0)
    x[0, :3, :3, 0] = 0.0  # nothing positive in the first window
    (found,) = run(convert(path), {"data": x})
    windows = np.array([[x[0, i : i + 3, j : j + 3] for j in (0, 2)] for i in (0, 2)])
    sums = windows.sum(axis=(2, 3))
    expected = np.where(sums > 0, (windows**2).sum(axis=(2, 3)) / np.where(sums > 0, sums, 1.0), 0.0)
    np.testing.assert_allclose(found[0], expected, rtol=1e-5)
    assert found[0, 0, 0, 0] == 0.0


def test_interpolation_between_aligned_corners(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(
        'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 dim: 4 dim: 5 } } }\n'
        'layer { name: "interp" type: "Interp" bottom: "data" top: "interp" interp_param { height: 7 width: 3 } }\n'
    )
    x = pictures(1, 2, 4, 5)
    (found,) = run(convert(path), {"data": x})
    rows, columns = np.linspace(0, 3, 7), np.linspace(0, 4, 3)
    expected = [[np.interp(rows, range(4), line) for line in channel.T] for channel in x[0]]
    expected = [
        [np.interp(columns, range(5), line) for line in np.transpose(channel)] for channel in expected
    ]
    np.testing.assert_allclose(found[0], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("height", "width"), [(4, 6), (5, 7)], ids=["even", "overhanging"])
def test_pooling_with_places_and_its_reverse(height: int, width: int, tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(
        f'layer {{ name: "data" type: "Input" top: "data" '
        f"input_param {{ shape {{ dim: 1 dim: 2 dim: {height} dim: {width} }} }} }}\n"
        'layer { name: "pool" type: "Pooling" bottom: "data" top: "pool" top: "mask"\n'
        "        pooling_param { pool: MAX kernel_size: 2 stride: 2 } }\n"
        'layer { name: "up" type: "Upsample" bottom: "pool" bottom: "mask" top: "up"\n'
        f"        upsample_param {{ scale: 2 upsample_h: {height} upsample_w: {width} }} }}\n"
        'layer { name: "out" type: "Power" bottom: "mask" top: "out" }\n'
    )
    x = np.round(2 * pictures(1, height, width, 2)) / 2  # with equal elements in some windows
    made = convert(path)
    found = {
        value.native: array for value, array in zip(made.legal.outputs, run(made, {"data": x}), strict=True)
    }
    up = np.zeros_like(x)
    mask = np.zeros((1, -(-height // 2), -(-width // 2), 2))
    for c in range(2):
        for i in range(0, height, 2):
            for j in range(0, width, 2):
                window = x[0, i : i + 2, j : j + 2, c]
                y, z = np.unravel_index(window.argmax(), window.shape)
                up[0, i + y, j + z, c] = window.max()
                mask[0, i // 2, j // 2, c] = (i + y) * width + j + z
    np.testing.assert_array_equal(last(found["up"], 2), up)
    np.testing.assert_array_equal(last(found["out"], 2), mask)


def last(array: Numbers, channels: int) -> Numbers:
    """Pictures with their channels last."""
    return array if array.shape[-1] == channels else np.moveaxis(array, 1, -1)


def test_one_step_of_caffes_lstm(tmp_path: Path) -> None:
    made = written(
        tmp_path,
        """%c = input() {shape = [1, 2, 3]} : f32[1, 2, 3]
        %x = input() {shape = [1, 2, 12]} : f32[1, 2, 12]
        %cont = input() {shape = [1, 2]} : f32[1, 2]
        %y.0, %y.1 = lstm_unit(%c, %x, %cont) : f32[1, 2, 3], f32[1, 2, 3]
        return %y.0, %y.1""",
        "caffe",
    )
    c, x, cont = pictures(1, 2, 3), pictures(1, 2, 12), np.array([[1.0, 0.0]], "float32")
    cell, hidden = run(made, {"c": c, "x": x, "cont": cont})
    i, f, o, g = np.split(x, 4, axis=2)
    expected = cont[:, :, None] * sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    np.testing.assert_allclose(cell, expected, rtol=1e-5)
    np.testing.assert_allclose(hidden, sigmoid(o) * np.tanh(expected), rtol=1e-5)


def sigmoid(x: Numbers) -> Numbers:
    return 1.0 / (1.0 + np.exp(-x))


def test_rows_are_filtered(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(
        'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 4 dim: 3 } } }\n'
        'layer { name: "pick" type: "Input" top: "pick" input_param { shape { dim: 4 } } }\n'
        'layer { name: "filter" type: "Filter" bottom: "data" bottom: "pick" top: "filter" }\n'
    )
    x = pictures(4, 3)
    (found,) = run(convert(path), {"data": x, "pick": np.array([0, 1, 0, 2], "float32")})
    np.testing.assert_array_equal(found, x[[1, 3]])


def retired(op: str, result: str) -> str:
    return f"%x = input() {{shape = [?, 4]}} : f32[?, 4]\n%y = {op} : {result}\nreturn %y"


def test_highway(tmp_path: Path) -> None:
    made = written(tmp_path, retired("highway(%x) {activation = tanh}", "f32[?, 4]"))
    rng = np.random.default_rng(1)
    w, v = rng.standard_normal((2, 4, 4)).astype("float32")
    b, c = rng.standard_normal((2, 4)).astype("float32")
    x = pictures(3, 4)
    (found,) = run(made, {"x": x}, {"y/kernel": w, "y/bias": b, "y/carry_kernel": v, "y/carry_bias": c})
    t = sigmoid(x @ v.T + c)
    np.testing.assert_allclose(found, t * np.tanh(x @ w.T + b) + (1 - t) * x, rtol=1e-4, atol=1e-6)


def test_the_largest_of_several_dense_layers(tmp_path: Path) -> None:
    made = written(tmp_path, retired("maxout_dense(%x) {units = 2, pieces = 3}", "f32[?, 2]"))
    rng = np.random.default_rng(1)
    w, b = rng.standard_normal((3, 4, 2)).astype("float32"), rng.standard_normal((3, 2)).astype("float32")
    x = pictures(3, 4)
    (found,) = run(made, {"x": x}, {"y/kernel": w, "y/bias": b})
    np.testing.assert_allclose(found, (np.einsum("ni,piu->npu", x, w) + b).max(axis=1), rtol=1e-4, atol=1e-6)


def test_learned_curves(tmp_path: Path) -> None:
    x = 2 * pictures(5, 4)
    rng = np.random.default_rng(1)
    a, b, c, d = rng.uniform(0.1, 0.9, (4, 4)).astype("float32")
    made = written(tmp_path, retired("parametric_softplus(%x)", "f32[?, 4]"))
    (found,) = run(made, {"x": x}, {"y/alpha": a, "y/beta": b})
    np.testing.assert_allclose(found, a * np.log1p(np.exp(b * x)), rtol=1e-4)
    made = written(tmp_path, retired("srelu(%x)", "f32[?, 4]"))
    names = ("left_threshold", "left_slope", "right_threshold", "right_slope")
    (found,) = run(
        made, {"x": x}, {f"y/{name}": array for name, array in zip(names, (a, b, c, d), strict=True)}
    )
    right = a + c
    expected = np.where(x < a, a + b * (x - a), np.where(x > right, right + d * (x - right), x))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
