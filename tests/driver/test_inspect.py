"""What `inspect` says of small models: names, order, shapes and counts as the source's own framework has them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from transpiler import Source, inspect

CAFFE = """
name: "net"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 8 dim: 8 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" param { name: "w" } convolution_param {
  num_output: 3 kernel_size: 3 pad: 1 } }
layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "conv" }
layer { name: "scale" type: "Scale" bottom: "conv" top: "conv" scale_param { bias_term: true } }
layer { name: "twin" type: "Convolution" bottom: "conv" top: "twin" param { name: "w" lr_mult: 0 } param { lr_mult: 0 }
  convolution_param { num_output: 3 kernel_size: 3 pad: 1 } }
layer { name: "sum" type: "Eltwise" bottom: "conv" bottom: "twin" top: "sum" }
layer { name: "twice" type: "Eltwise" bottom: "sum" bottom: "sum" top: "twice" }
layer { name: "drop" type: "Dropout" bottom: "twice" top: "twice" include { phase: TRAIN } }
layer { name: "strange" type: "Unheard" bottom: "twice" top: "strange" }
"""


def described(text: str, **options: Any) -> dict[str, Any]:
    found = inspect(Source("model", text), **options)
    made: dict[str, Any] = json.loads(found.to_json())
    assert made == found.as_dict()
    return made


def rows(found: dict[str, Any]) -> list[tuple[str, str, list[str], list[str]]]:
    """Name, native type, inputs, and outputs that the source writes, of every layer."""
    return [
        (
            layer["name"],
            layer["native_type"],
            layer["inputs"],
            [v["name"] for v in layer["outputs"] if "copy" not in v],
        )
        for layer in found["layers"]
    ]


def test_caffe_layers_in_file_order_with_blob_names() -> None:
    assert rows(described(CAFFE)) == [
        ("data", "Input", [], ["data"]),
        ("conv", "Convolution", ["data"], ["conv"]),
        ("bn", "BatchNorm", ["conv"], ["conv"]),
        ("scale", "Scale", ["conv"], ["conv"]),
        ("twin", "Convolution", ["conv"], ["twin"]),
        ("sum", "Eltwise", ["conv", "twin"], ["sum"]),
        ("twice", "Eltwise", ["sum", "sum"], ["twice"]),
        ("strange", "Unheard", ["twice"], ["strange"]),
    ]


def test_the_phase_decides_which_layers_there_are() -> None:
    assert described(CAFFE)["phase"] == "TEST"
    trained = described(CAFFE, phase="TRAIN")
    assert trained["phase"] == "TRAIN"
    assert "drop" in [layer["name"] for layer in trained["layers"]]


def test_caffe_parameters_by_its_own_conventions() -> None:
    found = described(CAFFE)
    layers = {layer["name"]: layer for layer in found["layers"]}
    assert layers["conv"]["params"] == {"kernel": [3, 3, 3, 3], "bias": [3]}
    assert layers["bn"]["params"] == {"mean": [3], "variance": [3]}
    assert layers["twin"]["param_count"] == 84
    assert found["param_count"] == 84 + 6 + 6 + 3, "the shared kernel counts once"
    assert found["trainable_param_count"] == 84 + 6, "not the statistics, not what has a learning rate of 0"


def test_places_types_and_unknown_shapes() -> None:
    found = described(CAFFE)
    assert (found["layers"][1]["line"], found["layers"][1]["column"]) == (4, 7)
    assert found["inputs"] == [{"name": "data", "shape": [2, 3, 8, 8], "dtype": "float32"}]
    assert found["outputs"] == [{"name": "strange", "shape": None, "dtype": "float32"}]
    assert [one["code"] for one in found["diagnostics"]] == ["T1101"]


def test_copies_that_caffe_makes_are_named_and_marked() -> None:
    outputs = described(CAFFE)["layers"][3]["outputs"]
    assert [value["name"] for value in outputs] == ["conv", "conv_scale_0_split_0", "conv_scale_0_split_1"]
    assert [value.get("copy", False) for value in outputs] == [False, True, True]


def test_shapes_that_the_user_gives() -> None:
    assert described(CAFFE, input_shapes={"data": [5, 3, 4, 4]})["layers"][1]["outputs"][0]["shape"] == [
        5,
        3,
        4,
        4,
    ]
    assert described(CAFFE, batch=7)["inputs"][0]["shape"] == [7, 3, 8, 8]


SEQUENTIAL = """{"class_name": "Sequential", "config": [
 {"class_name": "Conv2D", "config": {"name": "conv", "batch_input_shape": [null, 8, 8, 3], "filters": 4,
   "kernel_size": [3, 2], "activation": "relu"}},
 {"class_name": "BatchNormalization", "config": {"name": "bn", "axis": -1}},
 {"class_name": "Flatten", "config": {"name": "flat"}},
 {"class_name": "Dense", "config": {"name": "dense", "units": 5, "activation": "softmax", "trainable": false}}]}"""


def test_keras_layers_are_one_entry_each_in_keras_order() -> None:
    found = described(SEQUENTIAL)
    assert found["framework"] == "keras"
    assert found["phase"] is None
    assert rows(found) == [
        ("conv", "Conv2D", ["conv_input"], ["conv"]),
        ("bn", "BatchNormalization", ["conv"], ["bn"]),
        ("flat", "Flatten", ["bn"], ["flat"]),
        ("dense", "Dense", ["flat"], ["dense"]),
    ]
    shapes = [layer["outputs"][0]["shape"] for layer in found["layers"]]
    assert shapes == [[None, 6, 7, 4], [None, 6, 7, 4], [None, 168], [None, 5]]
    assert found["layers"][0]["params"] == {"kernel": [3, 2, 3, 4], "bias": [4]}
    assert found["layers"][3]["params"] == {"kernel": [168, 5], "bias": [5]}
    assert found["inputs"] == [{"name": "conv_input", "shape": [None, 8, 8, 3], "dtype": "float32"}]


def test_keras_counts() -> None:
    found = described(SEQUENTIAL)
    assert [layer["param_count"] for layer in found["layers"]] == [76, 16, 0, 845]
    assert found["param_count"] == 937
    assert found["trainable_param_count"] == 76 + 8, "neither moving averages nor a frozen layer"


def layer_of(kind: str, name: str, config: dict[str, Any], *calls: list[list[Any]]) -> dict[str, Any]:
    inbound = [[[*tensor, 0, {}] for tensor in call] for call in calls]
    return {"class_name": kind, "name": name, "config": {"name": name, **config}, "inbound_nodes": inbound}


def model_of(layers: list[dict[str, Any]], inputs: list[str], output: str) -> dict[str, Any]:
    ends = [[name, 0, 0] for name in inputs]
    return {"layers": layers, "input_layers": ends, "output_layers": [[output, 0, 0]]}


SIX = {"batch_input_shape": [None, 6]}
INNER = model_of(
    [
        layer_of("InputLayer", "x", SIX),
        layer_of("Dense", "d", {"units": 4, "activation": "tanh"}, [["x", 0]]),
    ],
    ["x"],
    "d",
)
OUTER = model_of(
    [
        layer_of("InputLayer", "a", SIX),
        layer_of("InputLayer", "b", SIX),
        layer_of("Model", "inner", INNER, [["a", 0]], [["b", 0]]),
        layer_of("Dense", "s", {"units": 4}, [["inner", 1]], [["s", 0]]),
        layer_of("Add", "sum", {}, [["inner", 2], ["s", 1]]),
    ],
    ["a", "b"],
    "sum",
)
NESTED = json.dumps({"class_name": "Model", "config": {"name": "outer", **OUTER}})


def test_a_nested_model_is_one_entry_with_its_layers_inside() -> None:
    found = described(NESTED)
    assert rows(found) == [
        ("a", "InputLayer", [], ["a"]),
        ("b", "InputLayer", [], ["b"]),
        ("inner", "Functional", ["a", "b"], ["inner", "inner"]),
        ("s", "Dense", ["inner", "s"], ["s", "s"]),
        ("sum", "Add", ["inner", "s"], ["sum"]),
    ]
    inner = found["layers"][2]
    assert inner["param_count"] == 28
    assert rows(inner) == [("d", "Dense", ["x", "x"], ["d", "d"])]
    assert found["param_count"] == 28 + 20


def test_a_model_whose_sizes_do_not_fit_is_described_as_far_as_they_do() -> None:
    from transpiler.driver.inspect import inspect_source

    text = CAFFE.replace('pad: 1 } }\nlayer { name: "sum"', '} }\nlayer { name: "sum"')
    found = inspect_source(Source("model", text))
    assert [one.code for one in found.diagnostics if one.severity.value == "error"] == ["T4001"]
    assert [layer.name for layer in found.layers][-1] == "strange"


@pytest.mark.parametrize("options", [{"phase": "VALIDATE"}, {"from_": "torch"}, {"batch": 0}])
def test_wrong_requests_are_value_errors(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the class is the contract, the sentence is for people
        described(CAFFE, **options)
