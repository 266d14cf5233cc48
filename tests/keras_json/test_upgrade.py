"""Layer configs of every generation in Keras 3 spelling."""

from __future__ import annotations

from typing import Any

import pytest

from tests.keras_json.support import complaints, keras1_layer, read, read_layer
from transpiler.dialects.keras.upgrade_objects import (
    hard_sigmoid_02_object,
    upgrade_activation,
    upgrade_constraint,
    upgrade_dtype,
    upgrade_initializer,
    upgrade_regularizer,
)

GLOROT = {
    "module": "keras.initializers",
    "class_name": "GlorotUniform",
    "config": {"seed": None},
    "registered_name": None,
}

KERAS1: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("Dense", {"output_dim": 3, "init": "glorot_uniform", "bias": True, "activation": "relu", "input_dim": 7},
     "Dense", {"units": 3, "kernel_initializer": GLOROT, "use_bias": True, "activation": "relu"}),
    ("TimeDistributedDense", {"output_dim": 3, "input_length": None}, "Dense", {"units": 3}),
    ("Convolution1D", {"nb_filter": 4, "filter_length": 3, "subsample_length": 2, "border_mode": "same"},
     "Conv1D", {"filters": 4, "kernel_size": [3], "strides": [2], "padding": "same", "data_format": "channels_last"}),
    ("Convolution2D", {"nb_filter": 4, "nb_row": 3, "nb_col": 5, "subsample": [2, 1], "dim_ordering": "th"},
     "Conv2D", {"filters": 4, "kernel_size": [3, 5], "strides": [2, 1], "data_format": "channels_first"}),
    ("Convolution3D", {"nb_filter": 4, "kernel_dim1": 1, "kernel_dim2": 2, "kernel_dim3": 3, "dim_ordering": "tf"},
     "Conv3D", {"filters": 4, "kernel_size": [1, 2, 3], "data_format": "channels_last"}),
    ("AtrousConvolution1D", {"nb_filter": 4, "filter_length": 3, "atrous_rate": 2},
     "Conv1D", {"filters": 4, "kernel_size": [3], "dilation_rate": [2], "data_format": "channels_last"}),
    ("AtrousConvolution2D", {"nb_filter": 4, "nb_row": 3, "nb_col": 3, "atrous_rate": [2, 2], "dim_ordering": "tf"},
     "Conv2D", {"filters": 4, "kernel_size": [3, 3], "dilation_rate": [2, 2], "data_format": "channels_last"}),
    ("Deconvolution2D",
     {"nb_filter": 4, "nb_row": 3, "nb_col": 3, "output_shape": [None, 4, 9, 9], "dim_ordering": "th"},
     "Conv2DTranspose",
     {"filters": 4, "kernel_size": [3, 3], "keras1_output_shape": [None, 4, 9, 9], "data_format": "channels_first"}),
    ("SeparableConvolution2D",
     {"nb_filter": 4, "nb_row": 3, "nb_col": 3, "init": "glorot_uniform", "dim_ordering": "tf"},
     "SeparableConv2D", {"filters": 4, "kernel_size": [3, 3], "depthwise_initializer": GLOROT,
                         "pointwise_initializer": GLOROT, "data_format": "channels_last"}),
    ("MaxPooling1D", {"pool_length": 3, "stride": 2, "border_mode": "valid"},
     "MaxPooling1D", {"pool_size": [3], "strides": [2], "padding": "valid", "data_format": "channels_last"}),
    ("AveragePooling2D", {"pool_size": [2, 2], "strides": [2, 2], "border_mode": "same", "dim_ordering": "th"},
     "AveragePooling2D", {"pool_size": [2, 2], "strides": [2, 2], "padding": "same", "data_format": "channels_first"}),
    ("ZeroPadding1D", {"padding": {"left_pad": 1, "right_pad": 2}},
     "ZeroPadding1D", {"padding": [1, 2], "data_format": "channels_last"}),
    ("ZeroPadding2D", {"padding": [1, 2, 3, 4], "dim_ordering": "tf"},
     "ZeroPadding2D", {"padding": [[1, 2], [3, 4]], "data_format": "channels_last"}),
    ("ZeroPadding2D", {"padding": {"top_pad": 1, "right_pad": 2}, "dim_ordering": "tf"},
     "ZeroPadding2D", {"padding": [[1, 0], [0, 2]], "data_format": "channels_last"}),
    ("UpSampling1D", {"length": 2}, "UpSampling1D", {"size": 2}),
    ("Dropout", {"p": 0.5}, "Dropout", {"rate": 0.5}),
    ("SpatialDropout2D", {"p": 0.5, "dim_ordering": "th"}, "SpatialDropout2D",
     {"rate": 0.5, "data_format": "channels_first"}),
    ("GaussianNoise", {"sigma": 0.1}, "GaussianNoise", {"stddev": 0.1}),
    ("GaussianDropout", {"p": 0.1}, "GaussianDropout", {"rate": 0.1}),
    ("LeakyReLU", {"alpha": 0.1}, "LeakyReLU", {"negative_slope": 0.1}),
    ("LeakyReLU", {}, "LeakyReLU", {"negative_slope": 0.3}),
    ("ThresholdedReLU", {"theta": 0.5}, "ReLU", {"threshold": 0.5}),
    ("BatchNormalization", {"mode": 0, "axis": 1, "epsilon": 1e-5, "momentum": 0.9, "gamma_init": "one"},
     "BatchNormalization",
     {"axis": 1, "epsilon": 1e-5, "momentum": 0.9, "gamma_initializer": upgrade_initializer("ones")}),
    ("BatchNormalization", {"mode": 1, "axis": -1}, "BatchNormalization",
     {"mode": 1, "axis": -1, "epsilon": 1e-3, "momentum": 0.99}),
    ("LSTM", {"output_dim": 3, "inner_activation": "hard_sigmoid", "forget_bias_init": "one", "dropout_W": 0.1,
              "dropout_U": 0.2, "consume_less": "cpu",
              "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.1}},
     "LSTM", {"units": 3, "recurrent_activation": "hard_sigmoid_02", "unit_forget_bias": True, "dropout": 0.1,
              "recurrent_dropout": 0.2, "kernel_regularizer": upgrade_regularizer(
                  {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.1}})}),
    ("GRU", {"output_dim": 3}, "GRU", {"units": 3, "recurrent_activation": "hard_sigmoid_02", "reset_after": False}),
    ("SimpleRNN", {"output_dim": 3, "activation": "tanh"}, "SimpleRNN", {"units": 3, "activation": "tanh"}),
    ("Activation", {"activation": "hard_sigmoid"}, "Activation", {"activation": "hard_sigmoid_02"}),
    ("MaxoutDense", {"output_dim": 3, "nb_feature": 2, "b_constraint": {"name": "MaxNorm", "m": 2, "axis": 0}},
     "MaxoutDense", {"units": 3, "nb_feature": 2, "bias_constraint": upgrade_constraint("maxnorm")}),
    ("Highway", {"transform_bias": -2, "init": "glorot_uniform"}, "Highway",
     {"transform_bias": -2, "kernel_initializer": GLOROT}),
    ("Merge", {"mode": "concat", "concat_axis": 1, "dot_axes": -1, "mode_type": "raw", "output_shape": None},
     "Concatenate", {"axis": 1}),
    ("Merge", {"mode": "sum"}, "Add", {}),
    ("Merge", {"mode": "mul"}, "Multiply", {}),
    ("Merge", {"mode": "ave"}, "Average", {}),
    ("Merge", {"mode": "max"}, "Maximum", {}),
    ("Merge", {"mode": "dot", "dot_axes": [[1], [2]]}, "Dot", {"axes": [1, 2], "normalize": False}),
    ("Merge", {"mode": "4wAAAA==", "mode_type": "lambda"}, "Merge", {"mode": "4wAAAA==", "mode_type": "lambda"}),
    ("Flatten", {}, "Flatten", {"data_format": "channels_last"}),
    ("Embedding", {"input_dim": 9, "output_dim": 2, "init": "uniform", "input_length": 4, "dropout": 0.0},
     "Embedding", {"input_dim": 9, "output_dim": 2, "embeddings_initializer": upgrade_initializer("uniform")}),
    ("LRN2D", {"alpha": 1e-4, "init": "one"}, "LRN2D", {"alpha": 1e-4, "init": "one"}),
]  # fmt: skip


@pytest.mark.parametrize(("class_name", "config", "expected_class", "expected"), KERAS1)
def test_keras1(
    class_name: str, config: dict[str, Any], expected_class: str, expected: dict[str, Any]
) -> None:
    assert read_layer(class_name, version="1.2.2", **config) == (expected_class, expected)


KERAS2: list[tuple[str, str, dict[str, Any], str, dict[str, Any]]] = [
    ("2.1.0", "GRU", {"units": 3, "recurrent_activation": "hard_sigmoid", "implementation": 1},
     "GRU", {"units": 3, "recurrent_activation": "hard_sigmoid_02", "reset_after": False}),
    ("2.2.4-tf", "GRU", {"units": 3}, "GRU", {"units": 3, "recurrent_activation": "sigmoid", "reset_after": True}),
    ("2.2.4", "LSTM", {"units": 3}, "LSTM", {"units": 3, "recurrent_activation": "hard_sigmoid_02"}),
    ("2.15.0", "LSTM", {"units": 3, "time_major": False, "implementation": 2},
     "LSTM", {"units": 3, "recurrent_activation": "sigmoid"}),
    ("2.15.0", "LSTM", {"units": 3, "time_major": True},
     "LSTM", {"units": 3, "recurrent_activation": "sigmoid", "time_major": True}),
    ("2.15.0", "ConvLSTM2D", {"filters": 3, "kernel_size": [3, 3]},
     "ConvLSTM2D", {"filters": 3, "kernel_size": [3, 3], "recurrent_activation": "hard_sigmoid_02",
                    "data_format": "channels_last"}),
    ("2.2.4", "CuDNNLSTM", {"units": 3, "unit_forget_bias": True}, "LSTM",
     {"units": 3, "unit_forget_bias": True, "activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": True}),
    ("2.2.4", "CuDNNGRU", {"units": 3}, "GRU",
     {"units": 3, "activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": True, "reset_after": True}),
    ("2.15.0", "BatchNormalization", {"axis": [3], "epsilon": 0.001, "fused": None},
     "BatchNormalization", {"axis": 3, "epsilon": 0.001}),
    ("2.11.0", "SyncBatchNormalization", {"axis": [3]}, "BatchNormalization", {"axis": 3, "synchronized": True}),
    ("2.2.4", "MaxPooling2D", {}, "MaxPooling2D", {"pool_size": 2, "data_format": "channels_last"}),
    ("2.15.0", "SeparableConv2D", {"filters": 2, "kernel_size": 3, "groups": 1, "kernel_initializer": "zeros"},
     "SeparableConv2D", {"filters": 2, "kernel_size": 3, "data_format": "channels_last"}),
    ("2.15.0", "Dense", {"units": 2, "dtype": {"class_name": "Policy", "config": {"name": "mixed_float16"}}},
     "Dense", {"units": 2, "dtype": "mixed_float16"}),
    ("2.15.0", "Dense", {"units": 2, "activation": {"class_name": "LeakyReLU", "config": {"alpha": 0.1}}},
     "Dense", {"units": 2, "activation": {"module": "keras.layers", "class_name": "LeakyReLU",
                                          "config": {"negative_slope": 0.1}, "registered_name": None}}),
    ("2.15.0", "Activation", {"activation": {"class_name": "function", "config": "relu6", "module": "builtins"}},
     "Activation", {"activation": "relu6"}),
    ("2.3.0-tf", "Activation", {"activation": "softmax_v2"}, "Activation", {"activation": "softmax"}),
    ("2.15.0", "MyLayer", {"alpha": 1, "init": "zero"}, "MyLayer", {"alpha": 1, "init": "zero"}),
    ("2.2.4", "Lambda", {"function": ["4wAA", None, None], "function_type": "lambda", "output_shape": None,
                         "output_shape_type": "raw", "arguments": {}},
     "Lambda", {"function": {"class_name": "__lambda__",
                             "config": {"code": "4wAA", "defaults": None, "closure": None}},
                "output_shape": None, "arguments": {}}),
]  # fmt: skip


@pytest.mark.parametrize(("version", "class_name", "config", "expected_class", "expected"), KERAS2)
def test_keras2(
    version: str, class_name: str, config: dict[str, Any], expected_class: str, expected: dict[str, Any]
) -> None:
    assert read_layer(class_name, version=version, **config) == (expected_class, expected)


@pytest.mark.parametrize(
    ("value", "class_name", "config"),
    [
        ("he_normal", "HeNormal", {"seed": None}),
        ("lecun_uniform", "LecunUniform", {"seed": None}),
        ("zero", "Zeros", {}),
        ("normal", "RandomNormal", {"mean": 0.0, "stddev": 0.05, "seed": None}),
        ({"class_name": "VarianceScaling",
          "config": {"scale": 2.0, "mode": "fan_in", "distribution": "normal", "seed": 3}}, "HeNormal", {"seed": 3}),
        ({"class_name": "VarianceScaling", "config": {"scale": 3.0, "mode": "fan_in", "distribution": "normal"}},
         "VarianceScaling", {"scale": 3.0, "mode": "fan_in", "distribution": "truncated_normal"}),
        ({"class_name": "Constant", "config": {"value": 0, "dtype": "float32"}}, "Constant", {"value": 0}),
    ],
)  # fmt: skip
def test_initializers(value: Any, class_name: str, config: dict[str, Any]) -> None:
    upgraded = upgrade_initializer(value)
    assert (upgraded["module"], upgraded["class_name"], upgraded["config"]) == (
        "keras.initializers",
        class_name,
        config,
    )
    assert upgrade_initializer(upgraded) == upgraded


def test_orthogonal_had_another_gain_in_keras_1() -> None:
    assert upgrade_initializer("orthogonal", keras1=True)["config"]["gain"] == 1.1
    assert upgrade_initializer("orthogonal")["config"]["gain"] == 1.0


@pytest.mark.parametrize(
    "upgrade", [upgrade_initializer, upgrade_regularizer, upgrade_constraint, upgrade_dtype]
)
@pytest.mark.parametrize("value", [None, "my_own", {"class_name": "Mine", "config": {}}, [1], 3, {}])
def test_what_is_not_known_stays(upgrade: Any, value: Any) -> None:
    assert upgrade(value) == value


def test_the_hard_sigmoid_of_keras_3_is_another() -> None:
    assert upgrade_activation("hard_sigmoid") == "hard_sigmoid_02"
    assert upgrade_activation("hard_sigmoid", keras3=True) == "hard_sigmoid"
    assert upgrade_activation(hard_sigmoid_02_object(), keras3=True) == "hard_sigmoid_02"


def test_cosine_merge_gets_its_axis() -> None:
    sides = [{"class_name": "InputLayer", "name": n, "config": {"name": n, "batch_input_shape": [None, 4]},
              "inbound_nodes": []} for n in "ab"]  # fmt: skip
    merge = {"class_name": "Merge", "name": "cos", "config": {"name": "cos", "mode": "cos", "dot_axes": 1},
             "inbound_nodes": [[["a", 0, 0], ["b", 0, 0]]]}  # fmt: skip
    model = read({
        "class_name": "Model", "keras_version": "1.2.2",
        "config": {"name": "m", "layers": [*sides, merge], "input_layers": [["a", 0, 0], ["b", 0, 0]],
                   "output_layers": [["cos", 0, 0]]},
    })  # fmt: skip
    product, axis = model.layers[2:]
    assert (product.name, product.class_name, product.config) == (
        "cos/product",
        "Dot",
        {"axes": 1, "normalize": True},
    )
    assert (axis.name, axis.class_name, axis.config, axis.is_operation) == (
        "cos",
        "ExpandDims",
        {"axis": 1},
        True,
    )
    assert [tensor.layer for tensor in axis.calls[0].tensors] == ["cos/product"]


def test_embedding_dropout_is_reported() -> None:
    document = {"class_name": "Sequential", "keras_version": "1.2.2", "config": [
        keras1_layer("Embedding", input_dim=9, output_dim=2, input_length=4, dropout=0.2)]}  # fmt: skip
    assert [code for code, _ in complaints(document)] == ["T2013"]


def test_missing_dim_ordering_is_taken_from_the_other_layers() -> None:
    convolution = keras1_layer("Convolution2D", nb_filter=1, nb_row=1, nb_col=1, dim_ordering="th",
                               batch_input_shape=[None, 3, 8, 8])  # fmt: skip
    padding = {"class_name": "ZeroPadding2D", "config": {"name": "padding", "padding": [1, 1]}}
    document = {"class_name": "Sequential", "keras_version": "1.0.5", "config": [convolution, padding]}
    assert read(document).layer("padding").config["data_format"] == "channels_first"
    assert [code for code, _ in complaints(document)] == ["T2012"]


def test_a_causal_attention_is_told_so_at_its_calls() -> None:
    inputs = {
        "class_name": "InputLayer",
        "name": "x",
        "config": {"batch_input_shape": [None, 4, 4]},
        "inbound_nodes": [],
    }
    attention = {"class_name": "Attention", "name": "a", "config": {"name": "a", "causal": True, "use_scale": False},
                 "inbound_nodes": [[["x", 0, 0, {}], ["x", 0, 0, {}]]]}  # fmt: skip
    model = read({"class_name": "Functional", "keras_version": "2.4.0", "config": {
        "name": "m", "layers": [inputs, attention], "input_layers": [["x", 0, 0]],
        "output_layers": [["a", 0, 0]]}})  # fmt: skip
    assert model.layer("a").calls[0].kwargs == {"use_causal_mask": True}
    assert "causal" not in model.layer("a").config
