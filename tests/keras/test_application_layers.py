"""The layers that `keras.applications` brings along are known by their module, and by nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.keras.reading import read, warnings
from transpiler import convert
from transpiler.diagnostics import Source
from transpiler.ops.elementwise import Add
from transpiler.ops.normalization import Scale

keras = pytest.importorskip("keras")


def model() -> Any:
    from keras.src.applications.convnext import LayerScale
    from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

    x = keras.Input((4, 4, 3))
    scaled = LayerScale(0.5, 3, name="scale")(x)
    return keras.Model(x, CustomScaleLayer(0.25, name="weighted")([x, scaled]))


def test_they_are_a_scale_and_a_weighted_sum() -> None:
    module, sink = read(model().to_json())
    ops = [node.op for node in module.graphs[""].nodes]
    assert ops[1:] == [Scale(axis=-1), Add(coefficients=(1.0, 0.25))]
    assert not warnings(sink)


def test_keras_3_gets_them_back() -> None:
    text = convert(Source("model.json", model().to_json()), "keras").text
    loaded = keras.models.model_from_json(text)
    assert [type(layer).__name__ for layer in loaded.layers] == [
        "InputLayer",
        "LayerScale",
        "CustomScaleLayer",
    ]


def test_keras_2_gets_layers_that_it_has() -> None:
    tf_keras = pytest.importorskip("tf_keras")
    text = convert(Source("model.json", model().to_json()), "keras2").text
    assert tf_keras.models.model_from_json(text).count_params() == 3


def test_a_users_class_of_the_same_name_stays_unknown() -> None:
    document = json.loads(model().to_json())
    for layer in document["config"]["layers"]:
        if layer["class_name"] == "LayerScale":
            layer["module"] = "my.layers"
    module, sink = read(json.dumps(document))
    assert module.graphs[""].nodes[1].op.name == "opaque"
    assert warnings(sink)
