"""Variables start as the source says: the distributions of Caffe's fillers and of Keras' initializers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tensorflow_write.running import Numbers, convert, session
from transpiler.passes.legalize.tensorflow_initial_keras import fans, scaled

TOP = (
    'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 8 dim: 9 dim: 9 } } }\n'
)
KINDS = {
    "constant value: 0.3": (0.3, 0.0),
    "uniform min: -1 max: 3": (1.0, 4 / math.sqrt(12)),
    "gaussian mean: 1 std: 0.5": (1.0, 0.5),
    "xavier": (0.0, math.sqrt(1 / 72)),
    "xavier variance_norm: FAN_OUT": (0.0, math.sqrt(1 / 1440)),
    "xavier variance_norm: AVERAGE": (0.0, math.sqrt(2 / (72 + 1440))),
    "msra": (0.0, math.sqrt(2 / 72)),
}
"""Filler -> mean and deviation of a kernel of 160 filters, 8 channels, 3 x 3."""


def started(path: Path) -> dict[str, Numbers]:
    """Every variable's value after `init`."""
    made = convert(path)
    with session(made.text) as running:
        running.run("init")
        return {stored.name: running.run(_reader(running, stored.name)) for stored in made.written.variables}


def _reader(running: Any, name: str) -> Any:
    handle = running.graph.get_tensor_by_name(f"{name}:0")
    return next(op for op in handle.consumers() if op.type == "ReadVariableOp").outputs[0]


def net(filler: str, more: str = "", layer: str = "Convolution") -> str:
    kind, _, rest = filler.partition(" ")
    return (
        TOP + f'layer {{ name: "c" type: "{layer}" bottom: "data" top: "c" convolution_param {{ {more} '
        f'weight_filler {{ type: "{kind}" {rest} }} bias_filler {{ type: "constant" value: 0.25 }} }} }}'
    )


@pytest.mark.parametrize("filler", KINDS)
def test_caffe_fillers(filler: str, tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(net(filler, "num_output: 160 kernel_size: 3"))
    values = started(path)
    mean, deviation = KINDS[filler]
    kernel = values["c/kernel"]
    assert kernel.shape == (3, 3, 8, 160)
    assert abs(kernel.mean() - mean) < 0.05 * max(deviation, 0.01)
    assert abs(kernel.std() - deviation) < 0.03 * max(deviation, 0.01)
    assert (values["c/bias"] == 0.25).all()


def test_caffe_bilinear(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(
        net("bilinear", "num_output: 8 group: 8 kernel_size: 4 stride: 2 pad: 1", "Deconvolution")
    )
    kernel = started(path)["c/kernel"]
    line = np.array([0.25, 0.75, 0.75, 0.25])
    np.testing.assert_allclose(kernel, np.broadcast_to(np.outer(line, line)[:, :, None, None], kernel.shape))


def test_caffe_positive_unitball(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(net("positive_unitball", "num_output: 6 kernel_size: 3"))
    kernel = started(path)["c/kernel"]
    np.testing.assert_allclose(kernel.sum(axis=(0, 1, 2)), np.ones(6), rtol=1e-5)
    assert (kernel >= 0).all()


def test_keras_initializers_draw_from_the_same_distribution(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    names = [f"{who}_{kind}" for who in ("glorot", "he", "lecun") for kind in ("uniform", "normal")]
    names += ["random_normal", "random_uniform", "truncated_normal", "orthogonal", "ones"]
    inputs = keras.Input((6, 6, 20))
    outputs = [keras.layers.Conv2D(200, 3, kernel_initializer=n, name=n)(inputs) for n in names]
    model = keras.Model(inputs, outputs)
    path = tmp_path / "model.json"
    path.write_text(model.to_json())
    values = started(path)
    for name in names:
        mine, theirs = values[f"{name}/kernel"], np.asarray(model.get_layer(name).kernel)
        assert mine.shape == theirs.shape
        scale = max(float(theirs.std()), 1e-3)
        assert abs(mine.mean() - theirs.mean()) < 0.05 * scale
        assert abs(mine.std() - theirs.std()) < 0.03 * scale
        tail, real = np.quantile(np.abs(mine), 0.99), np.quantile(np.abs(theirs), 0.99)
        assert abs(tail - real) < 0.05 * real
        assert not values[f"{name}/bias"].any()
    flat = values["orthogonal/kernel"].reshape(-1, 200)
    wide = flat.T @ flat if flat.shape[0] >= 200 else flat @ flat.T
    np.testing.assert_allclose(wide, np.eye(len(wide)), atol=1e-4)


def test_a_forget_gate_starts_open(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    model = keras.Sequential([keras.Input((3, 4)), keras.layers.LSTM(5, name="lstm")])
    path = tmp_path / "model.json"
    path.write_text(model.to_json())
    values = started(path)
    np.testing.assert_array_equal(values["lstm/bias"], np.asarray(model.get_layer("lstm").weights[2]))
    recurrent = values["lstm/recurrent_kernel"]
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(5), atol=1e-5)


def test_variance_scaling_reads_fans_as_keras_does() -> None:
    assert fans((3, 3, 8, 16)) == (72.0, 144.0)
    assert fans((7,)) == (7.0, 7.0)
    assert scaled(1.0, "fan_avg", "uniform", (4, 2)) == {"kind": "uniform", "low": -1.0, "high": 1.0}
