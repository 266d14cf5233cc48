"""Model JSON of every generation into one structure."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.keras_json.support import complaints, read
from transpiler.dialects.keras.model import ArrayConstant, Call, Generation, KerasLayer, ModelKind, TensorRef

DENSE = {"class_name": "Dense", "config": {"name": "fc", "units": 3, "batch_input_shape": [None, 4]}}


def layer(class_name: str, name: str, inbound: list[Any], **config: Any) -> dict[str, Any]:
    """Return a layer of a functional model."""
    return {
        "class_name": class_name,
        "name": name,
        "config": {"name": name, **config},
        "inbound_nodes": inbound,
    }


def source(name: str, shape: list[int | None] | None = None) -> dict[str, Any]:
    """Return an InputLayer of a Keras 2 model."""
    return layer("InputLayer", name, [], batch_input_shape=shape or [None, 4], dtype="float32", sparse=False)


def functional(
    layers: list[dict[str, Any]], outputs: Any, version: str = "2.2.4", inputs: Any = None
) -> dict[str, Any]:
    """Return a functional model of Keras 1, Keras 2 or tf.keras."""
    sources = [[item["name"], 0, 0] for item in layers if item["class_name"] == "InputLayer"]
    config = {"name": "m", "layers": layers, "input_layers": inputs or sources, "output_layers": outputs}
    return {"class_name": "Model", "keras_version": version, "config": config}


def nested(name: str, inbound: list[Any], inner_outputs: Any = None) -> dict[str, Any]:
    """Return a nested functional model with one Dense in it."""
    inner = functional([source("inner_x"), layer("Dense", "inner_fc", [[["inner_x", 0, 0, {}]]], units=2)],
                       inner_outputs or [["inner_fc", 0, 0]])  # fmt: skip
    return {"class_name": "Model", "name": name, "config": inner["config"], "inbound_nodes": inbound}


@pytest.mark.parametrize(
    "document",
    [
        {"class_name": "Sequential", "config": [DENSE]},
        {"class_name": "Sequential", "config": {"name": "s", "layers": [DENSE]}, "keras_version": "2.2.4"},
        {"model_config": {"class_name": "Sequential", "config": {"name": "s", "layers": [DENSE]}}},
        {"model_config": json.dumps({"class_name": "Sequential", "config": [DENSE]})},
        {"modelTopology": {"keras_version": "2.2.4", "model_config": {"class_name": "Sequential", "config": [DENSE]}}},
        {"name": "s", "layers": [DENSE]},
        [DENSE],
        {"class_name": "Sequential", "layers": [
            {"name": "Dense", "custom_name": "fc", "output_dim": 3, "input_dim": 4}]},
        {"class_name": "Sequential", "config": [
            {"class_name": "Dense", "config": {"name": "fc", "output_dim": 3, "input_dim": 4}}],
         "keras_version": "1.0"},
        {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [
            {"module": "keras.layers", "class_name": "InputLayer", "registered_name": None,
             "config": {"name": "fc_input", "batch_shape": [None, 4], "dtype": "float32", "sparse": False}},
            {"module": "keras.layers", "class_name": "Dense", "registered_name": None,
             "config": {"name": "fc", "units": 3}}]}},
        {"class_name": "Sequential ", "config": [{"class_name": "Dense ", "config": {
            "name": "fc ", "units": 3, "batch_input_shape": [None, 4]}}]},
    ],
)  # fmt: skip
def test_one_dense_layer_however_it_is_written(document: Any) -> None:
    model = read(document)
    assert model.kind is ModelKind.SEQUENTIAL
    source_layer, dense = model.layers
    assert (source_layer.class_name, source_layer.name) == ("InputLayer", "fc_input")
    assert source_layer.config["batch_shape"] == [None, 4]
    assert (dense.class_name, dense.name, dense.config["units"]) == ("Dense", "fc", 3)
    assert dense.calls == (Call((TensorRef("fc_input"),)),)
    assert model.inputs == (TensorRef("fc_input"),)
    assert model.outputs == (TensorRef("fc"),)


@pytest.mark.parametrize(
    ("version", "generation"),
    [("0.3.1", "keras1"), ("1.2.2", "keras1"), ("2.0.8", "keras2"), ("2.3.1", "keras2"), ("2.2.4-tf", "tf_keras"),
     ("2.4.3", "tf_keras"), ("2.15.0", "tf_keras"), ("3.0.5", "keras3")],
)  # fmt: skip
def test_the_version_tells_the_generation(version: str, generation: str) -> None:
    model = read(
        {"class_name": "Sequential", "config": [DENSE], "keras_version": version, "backend": "tensorflow"}
    )
    assert (model.generation, model.version, model.backend) == (Generation(generation), version, "tensorflow")


def test_a_sequential_model_of_unknown_input_has_no_inputs() -> None:
    model = read({"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [
        {"module": "keras.layers", "class_name": "Dense", "config": {"name": "fc", "units": 3}}]}})  # fmt: skip
    assert model.inputs == ()
    assert model.layers[0].calls == (Call(),)


def test_a_sequential_model_takes_the_input_of_the_model_it_begins_with() -> None:
    inner = {"class_name": "Sequential", "config": [DENSE]}
    model = read({"class_name": "Sequential", "config": [inner], "keras_version": "2.2.2"})
    assert [(each.class_name, each.name) for each in model.layers] == [
        ("InputLayer", "sequential_1_input"), ("Sequential", "sequential_1")]  # fmt: skip
    assert model.layers[0].config["batch_shape"] == [None, 4]


def test_a_keras_1_sequential_model_may_begin_with_a_merge() -> None:
    branches = [{"class_name": "Sequential", "config": [
        {"class_name": "Dense", "config": {"name": name, "output_dim": 2, "batch_input_shape": [None, 4]}}]}
        for name in ("left", "right")]  # fmt: skip
    merge = {
        "class_name": "Merge",
        "config": {"name": "merge", "mode": "concat", "concat_axis": -1, "layers": branches},
    }
    last = {"class_name": "Dense", "config": {"name": "last", "output_dim": 1}}
    model = read({"class_name": "Sequential", "config": [merge, last], "keras_version": "1.1.0"})
    assert model.kind is ModelKind.FUNCTIONAL
    assert len(model.inputs) == 2
    merged = model.layer("merge")
    assert (merged.class_name, [t.layer for t in merged.calls[0].tensors]) == (
        "Concatenate", ["sequential_1", "sequential_2"])  # fmt: skip
    assert model.outputs == (TensorRef("last"),)


def test_a_keras_0_graph() -> None:
    dense = {"name": "Dense", "output_dim": 3, "input_dim": 4}
    graph = {
        "name": "Graph",
        "input_config": [{"name": "a", "input_shape": [4], "dtype": "float"},
                         {"name": "b", "input_shape": [4], "dtype": "int"}],
        "node_config": [{"name": "one", "input": "a", "inputs": [], "merge_mode": "concat"},
                        {"name": "two", "input": None, "inputs": ["one", "b"], "merge_mode": "sum"},
                        {"name": "both", "inputs": ["a", "b"], "merge_mode": None, "layer": dense,
                         "outputs": ["p", "q"]}],
        "output_config": [{"name": "out", "input": "two"}, {"name": "end", "inputs": ["p", "q"], "merge_mode": "mul"}],
        "nodes": {"one": dense, "two": dense, "both": dense},
    }  # fmt: skip
    for document in (graph, {"class_name": "Graph", "config": graph}):
        model = read(document)
        assert [(each.name, each.class_name) for each in model.layers] == [
            ("a", "InputLayer"), ("b", "InputLayer"), ("one", "Dense"), ("merge_inputs_for_two", "Add"),
            ("two", "Dense"), ("both", "Dense"), ("end", "Multiply")]  # fmt: skip
        assert [call.tensors[0].layer for call in model.layer("both").calls] == ["a", "b"]
        assert model.layer("end").calls[0].tensors == (TensorRef("both", 0), TensorRef("both", 1))
        assert model.outputs == (TensorRef("two"), TensorRef("end"))
        assert model.layer("b").config["dtype"] == "int32"


def test_calls_of_nested_models_are_counted_from_0() -> None:
    two_calls = [[["a", 0, 0, {}]], [["b", 0, 0, {}]]]
    add = layer("Add", "sum", [[["f", 1, 0, {}], ["f", 2, 0, {}]]])
    model = read(
        functional([source("a"), source("b"), nested("f", two_calls), add], [["sum", 0, 0], ["f", 2, 0]])
    )
    assert model.layer("sum").calls[0].tensors == (TensorRef("f", 0), TensorRef("f", 1))
    assert model.outputs == (TensorRef("sum"), TensorRef("f", 1))
    from_0 = layer("Add", "sum", [[["f", 0, 0, {}], ["f", 1, 0, {}]]])
    model = read(functional([source("a"), source("b"), nested("f", two_calls), from_0], [["sum", 0, 0]]))
    assert model.layer("sum").calls[0].tensors == (TensorRef("f", 0), TensorRef("f", 1))


def test_calls_of_shared_layers_are_counted_as_written() -> None:
    dense = layer("Dense", "fc", [[["a", 0, 0, {}]], [["b", 0, 0, {}]]], units=2)
    model = read(functional([source("a"), source("b"), dense], [["fc", 1, 0], ["fc", 0, 0]]))
    assert [call.tensors[0].layer for call in model.layer("fc").calls] == ["a", "b"]
    assert model.outputs == (TensorRef("fc", 1), TensorRef("fc", 0))


def test_structures_of_inputs_and_outputs_are_kept() -> None:
    dense = layer("Dense", "fc", [[["a", 0, 0, {}]]], units=2)
    outputs = {"z": ["fc", 0, 0], "b": [["a", 0, 0]]}
    model = read(functional([source("a"), dense], outputs, version="2.15.0", inputs={"x": ["a", 0, 0]}))
    assert model.output_structure == {"z": TensorRef("fc"), "b": [TensorRef("a")]}
    assert model.outputs == (TensorRef("a"), TensorRef("fc"))  # in the order of the sorted keys
    assert model.input_structure == {"x": TensorRef("a")}


@pytest.mark.parametrize(
    "inbound",
    [
        [[["a", 0, 0, {}], ["h", 0, 0, {}], ["c", 0, 0, {}]]],
        [[["a", 0, 0, {"initial_state": [["h", 0, 0], ["c", 0, 0]], "mask": None, "training": None}]]],
    ],
)
def test_initial_states_have_their_name(inbound: list[Any]) -> None:
    sources = [source("a", [None, 5, 4]), source("h"), source("c")]
    model = read(
        functional([*sources, layer("LSTM", "lstm", inbound, units=4)], [["lstm", 0, 0]], version="2.3.0-tf")
    )
    states = [TensorRef("h"), TensorRef("c")]
    assert model.layer("lstm").calls == (Call((TensorRef("a"),), {"initial_state": states}),)


def test_tensors_and_constants_in_other_arguments() -> None:
    op = layer(
        "TFOpLambda", "tf.where", [["a", 0, 0, {"x": ["b", 0, 0], "y": 1.5, "name": None}]], function="where"
    )
    key = [{"start": None, "stop": None, "step": 2}, {"class_name": "__ellipsis__"}, None, 0]
    cut = layer(
        "SlicingOpLambda", "cut", [["tf.where", 0, 0, {"slice_spec": key}]], function="__operators__.getitem"
    )
    model = read(functional([source("a"), source("b"), op, cut], [["cut", 0, 0]], version="2.15.0"))
    where = model.layer("tf.where")
    assert (where.class_name, where.module) == ("Where", "keras.src.ops.numpy")
    assert where.calls == (Call((TensorRef("a"), TensorRef("b"), 1.5)),)
    assert model.layer("cut").calls == (Call((TensorRef("tf.where"), [slice(None, None, 2), ..., None, 0])),)


def test_keras_3_calls() -> None:
    def tensor(name: str) -> dict[str, Any]:
        config = {"shape": [None, 4], "dtype": "float32", "keras_history": [name, 0, 0]}
        return {"class_name": "__keras_tensor__", "config": config}

    array = {"class_name": "__numpy__", "config": {"value": [1, 2], "dtype": "int32"}}
    a = {"module": "keras.layers", **layer("InputLayer", "a", [], batch_shape=[None, 4])}
    node = {
        "args": [tensor("a"), array],
        "kwargs": {"key": [{"class_name": "__ellipsis__", "config": {}}, 2]},
    }
    op = {"module": "keras.src.ops.numpy", "registered_name": "Take", **layer("Take", "take", [node], axis=1)}
    model = read({"module": "keras.src.models.functional", "class_name": "Functional", "config": {
        "name": "m", "layers": [a, op], "input_layers": ["a", 0, 0], "output_layers": ["take", 0, 0]}})  # fmt: skip
    assert model.generation is Generation.KERAS3
    take = model.layer("take")
    assert take.is_operation
    assert take.calls == (Call((TensorRef("a"), ArrayConstant([1, 2], "int32")), {"key": [..., 2]}),)
    assert take.calls[0].tensors[0].shape == (None, 4)
    assert model.input_structure == TensorRef("a")


def test_a_raw_tensorflow_op() -> None:
    node_def = {"name": "Mean", "op": "Mean", "input": ["a", "axis"], "attr": {"keep_dims": {"b": True}}}
    op = layer(
        "TensorFlowOpLayer", "tf_op_layer_Mean", [[["a", 0, 0, {}]]], node_def=node_def, constants={"1": [1]}
    )
    mean = read(functional([source("a"), op], [["tf_op_layer_Mean", 0, 0]], version="2.3.0-tf")).layers[1]
    assert (mean.class_name, mean.config) == ("Mean", {"axis": [1], "keepdims": True})
    attributes = {
        name: {"i": str(bits)}
        for name, bits in {
            "begin_mask": 1,
            "end_mask": 1,
            "ellipsis_mask": 0,
            "new_axis_mask": 0,
            "shrink_axis_mask": 2,
        }.items()
    }
    node_def = {"op": "StridedSlice", "input": ["a", "b", "e", "s"], "attr": attributes}
    op = layer("TensorFlowOpLayer", "cut", [[["a", 0, 0, {}]]], node_def=node_def,
               constants={"1": [0, 3], "2": [0, 4], "3": [1, 1]})  # fmt: skip
    cut = read(functional([source("a"), op], [["cut", 0, 0]], version="2.3.0-tf")).layers[1]
    assert cut.calls == (Call((TensorRef("a"), [slice(None, None, None), 3])),)


def test_a_function_without_counterpart_stays_and_is_reported() -> None:
    op = layer("TFOpLambda", "odd", [["a", 0, 0, {"name": None}]], function="math.bessel_i0")
    document = functional([source("a"), op], [["odd", 0, 0]], version="2.15.0")
    assert read(document).layer("odd").class_name == "TFOpLambda"
    assert [code for code, _ in complaints(document)] == ["T2016"]


def test_a_shape_computed_in_the_graph_is_no_layer_any_more() -> None:
    shape = layer("TFOpLambda", "shape", [["a", 0, 0, {"out_type": "int32"}]], function="compat.v1.shape")
    batch = layer(
        "SlicingOpLambda", "batch", [["shape", 0, 0, {"slice_spec": 0}]], function="__operators__.getitem"
    )
    flat = layer("TFOpLambda", "flat", [["a", 0, 0, {"shape": [["batch", 0, 0], 2, 2]}]], function="reshape")
    model = read(functional([source("a"), shape, batch, flat], [["flat", 0, 0]], version="2.15.0"))
    assert [each.name for each in model.layers] == ["a", "flat"]
    assert model.layer("flat").config == {"newshape": [-1, 2, 2]}


def test_wrappers_hold_their_layers() -> None:
    cell = {"class_name": "LSTMCell", "config": {"name": "cell", "units": 2}}
    inner = {"class_name": "LSTM", "config": {"name": "lstm", "output_dim": 2}}
    model = read({"class_name": "Sequential", "keras_version": "1.2.2", "config": [
        {"class_name": "Bidirectional", "config": {
            "name": "both", "merge_mode": "sum", "layer": inner, "batch_input_shape": [None, 3, 4]}}]})  # fmt: skip
    both = model.layer("both")
    assert both.config == {"merge_mode": "sum"}
    assert both.inner["layer"].config["units"] == 2
    stacked = {"class_name": "StackedRNNCells", "config": {"name": "stack", "cells": [cell, cell]}}
    model = read(functional([source("a", [None, 3, 4]), layer("RNN", "rnn", [[["a", 0, 0, {}]]], cell=stacked)],
                            [["rnn", 0, 0]], version="2.15.0"))  # fmt: skip
    assert list(model.layer("rnn").inner["cell"].inner) == ["cells.0", "cells.1"]


def test_places() -> None:
    text = """[
  {"class_name": "Convolution2D",
   "config": {"name": "c", "nb_filter": 8, "nb_row": 3, "nb_col": 3, "batch_input_shape": [null, 1, 9, 9],
              "dim_ordering": "th",
              "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.5}}}
]"""

    def written(found: KerasLayer, *path: str | int) -> str:
        span = found.span_of(*path)
        assert span is not None
        return span.source.text[span.start : span.end]

    source_layer, convolution = read(text).layers
    assert written(convolution, "filters") == "8"
    assert written(convolution, "data_format") == '"th"'
    assert written(convolution, "kernel_regularizer").startswith('{"name": "WeightRegularizer"')
    assert written(convolution, "use_bias").startswith('{"class_name": "Convolution2D"')
    assert written(source_layer, "batch_shape") == "[null, 1, 9, 9]"
    assert convolution.original_class_name == "Convolution2D"


ERRORS: list[tuple[str, Any, str]] = [
    ("T2001", {"floatx": "float32", "image_data_format": "channels_last", "backend": "tensorflow"}, "settings file"),
    ("T2001", {"class_name": "Adam", "config": {"learning_rate": 0.1}}, "optimizer Adam"),
    ("T2001", {"optimizer_config": {}, "loss": "mse"}, "training configuration"),
    ("T2001", {"class_name": "Dense", "config": {"units": 3}}, "single object of class Dense"),
    ("T2001", {"class_name": "Functional", "config": {"name": "m"}}, "does not list its layers"),
    ("T2001", {"a": 1}, "neither"),
    ("T2001", [1, 2], "not a list of Keras layers"),
    ("T2001", 3, "but this is a number"),
    ("T2002", {"class_name": "Sequential"}, "no config"),
    ("T2002", {"class_name": "Sequential", "config": [{"class_name": "Dense"}]}, "'Dense' has no config"),
    ("T2002", {"class_name": "Sequential", "config": {"layers": [{"config": {}}]}}, "no class_name"),
    ("T2003", {"class_name": "Sequential", "config": {"layers": {"a": 1}}}, "layers must be an array"),
    ("T2003", {"class_name": "Sequential", "config": {"layers": [3]}}, "this is a number"),
    ("T2003", {"class_name": "Sequential", "config": {"layers": [{"class_name": 3, "config": {}}]}},
     "must be a string"),
    ("T2003", {"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense", "config": 3}]}}, "an object"),
    ("T2003", {"class_name": "Sequential", "config": [{"class_name": "Dense", "config": {"name": []}}]},
     "name must be"),
    ("T2004", {"class_name": "Sequential", "config": [DENSE, DENSE]}, "two layers are named 'fc'"),
    ("T2004", functional([source("a"), source("a")], [["a", 0, 0]]), "two layers are named 'a'"),
    ("T2005", functional([source("a")], [["b", 0, 0]]), "no such layer"),
    ("T2005", functional([source("a"), layer("Dense", "d", [[["b", 0, 0, {}]]], units=1)], [["d", 0, 0]]), "'b'"),
    ("T2006", functional([source("a")], [["a", 1, 0]]), "is called 1 time"),
    ("T2006", functional([source("a"), nested("f", [[["a", 0, 0, {}]]])], [["f", 3, 0]]), "call 2 of layer 'f'"),
    ("T2007", functional([source("a"), layer("Add", "p", [[["a", 0, 0], ["q", 0, 0]]]),
                          layer("Dense", "q", [[["p", 0, 0]]], units=1)], [["q", 0, 0]]), "q -> p"),
    ("T2010", functional([source("a"), layer("Dense", "d", [[["a", "x", 0]]], units=1)], [["d", 0, 0]]),
     "whole numbers"),
    ("T2010", functional([source("a"), layer("Dense", "d", [[["a"]]], units=1)], [["d", 0, 0]]), "not a tensor"),
    ("T2010", functional([source("a"), layer("Dense", "d", [7], units=1)], [["d", 0, 0]]), "array of tensors"),
    ("T2010", functional([source("a")], [3]), "does not name a tensor"),
    ("T2014", {"class_name": "Sequential", "keras_version": "1.2.2", "config": [
        {"class_name": "Convolution2D", "config": {"nb_filter": 1, "dim_ordering": "xy"}}]}, "'th' or 'tf'"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "document", "words"), ERRORS)
def test_errors(code: str, document: Any, words: str) -> None:
    found = complaints(document)
    assert any(code == found_code and words in message for found_code, message in found), found


def test_all_errors_are_reported_at_once() -> None:
    dense = layer("Dense", "d", [[["b", 0, 0, {}]]], units=1)
    document = functional([source("a")], [["zz", 0, 0]])
    document["config"]["layers"] = [source("a"), dense, 3, {"class_name": "Dense"}]
    assert [code for code, _ in complaints(document)] == ["T2003", "T2002", "T2005", "T2005"]


def test_models_nested_too_deeply_are_refused() -> None:
    document: dict[str, Any] = {"class_name": "Sequential", "config": {"name": "s", "layers": [DENSE]}}
    for _ in range(45):
        document = {"class_name": "Sequential", "config": {"name": "s", "layers": [document]}}
    assert [code for code, _ in complaints(document)] == ["T2009"]
