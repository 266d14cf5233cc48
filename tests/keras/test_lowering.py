"""Lowering of Keras where no real Keras can be asked: old markers, unknown layers, broken files."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.keras.reading import read, typed, typed_module, warnings, written
from transpiler.diagnostics import Sink
from transpiler.ir.verifier import verify
from transpiler.ops.activation import HardSigmoid, Relu
from transpiler.ops.convolution import ConvTranspose
from transpiler.ops.core import Opaque
from transpiler.ops.normalization import LRN
from transpiler.ops.recurrent import LSTM
from transpiler.ops.retired import Highway, MaxoutDense
from transpiler.ops.windows import Explicit, Same
from transpiler.parsers.json import parse
from transpiler.passes.lower.keras import lower


def sequential(*layers: tuple[str, dict[str, Any]], version: str | None = None) -> str:
    """A Sequential model's JSON, in Keras 1's or Keras 3's form."""
    items = [
        {"class_name": name, "config": {"name": f"l{i}", **config}} for i, (name, config) in enumerate(layers)
    ]
    config: Any = items if version else {"name": "m", "layers": items}
    document = {"class_name": "Sequential", "config": config}
    return json.dumps({**document, "keras_version": version} if version else document)


def ops(text: str) -> list[Any]:
    return [node.op for node in read(text)[0].graphs[""].nodes]


def test_old_and_new_hard_sigmoid_are_told_apart() -> None:
    dense = {"output_dim": 3, "input_dim": 4, "activation": "hard_sigmoid"}
    assert ops(sequential(("Dense", dense), version="1.2.2"))[-1] == HardSigmoid(slope=0.2, offset=0.5)
    shape = ("InputLayer", {"batch_shape": [None, 4]})
    new = sequential(shape, ("Dense", {"units": 3, "activation": "hard_sigmoid"}))
    assert ops(new)[-1] == HardSigmoid(slope=1 / 6, offset=0.5)


def test_gates_of_old_files_are_the_old_hard_sigmoid() -> None:
    lstm = {"output_dim": 3, "input_dim": 4, "inner_activation": "hard_sigmoid"}
    (op,) = [op for op in ops(sequential(("LSTM", lstm), version="1.2.2")) if isinstance(op, LSTM)]
    assert op.recurrent_activation == HardSigmoid(slope=0.2, offset=0.5)


def deconvolution(size: int) -> ConvTranspose:
    config = {
        "nb_filter": 2, "nb_row": 3, "nb_col": 3, "subsample": [2, 2], "border_mode": "same", "dim_ordering": "tf",
        "batch_input_shape": [None, 5, 5, 3], "output_shape": [None, size, size, 2],
    }  # fmt: skip
    (op,) = [
        op
        for op in ops(sequential(("Deconvolution2D", config), version="1.2.2"))
        if isinstance(op, ConvTranspose)
    ]
    return op


def test_output_shape_of_keras_1_decides_what_is_cropped() -> None:
    assert deconvolution(10).padding == Same()
    assert deconvolution(9).padding == Explicit(((1, 1), (1, 1)))


def test_retired_layers_are_typed() -> None:
    text = sequential(
        ("Highway", {"input_dim": 4, "activation": "relu"}), ("MaxoutDense", {"output_dim": 3, "nb_feature": 2}),
        version="1.2.2",
    )  # fmt: skip
    graph = typed_module(read(text)[0]).graphs[""]
    assert [type(node.op) for node in graph.nodes[1:]] == [Highway, MaxoutDense]
    assert graph.outputs[0].type.shape == (None, 3)


def test_lrn_of_keras_0_does_not_divide_alpha() -> None:
    config = {"alpha": 1e-4, "k": 1, "beta": 0.75, "n": 5, "batch_input_shape": [None, 8, 4, 4]}
    (op,) = [op for op in ops(sequential(("LRN2D", config), version="1.0.0")) if isinstance(op, LRN)]
    assert op == LRN(size=5, alpha=1e-4 * 5, beta=0.75, k=1.0, axis=1)


def test_unknown_layer_is_kept_with_a_warning_at_its_place() -> None:
    text = sequential(
        ("InputLayer", {"batch_shape": [None, 4]}), ("Sparkle", {"glitter": [1, 2]}), ("ReLU", {})
    )
    module, sink = read(text)
    (message,) = warnings(sink)
    assert "Sparkle" in message
    place = sink.diagnostics[0].span
    assert place is not None
    assert "Sparkle" in text[place.start : place.end]
    (op,) = [node.op for node in module.graphs[""].nodes if isinstance(node.op, Opaque)]
    assert op.attributes["config"] == {"glitter": [1, 2]}
    layers = written(module)["config"]["layers"]
    assert layers[1]["class_name"] == "Sparkle"
    assert layers[1]["config"] == {"name": "l1", "glitter": [1, 2]}


def test_unknown_activation_is_kept_in_its_layer() -> None:
    mine = {"module": None, "class_name": "function", "config": "mine", "registered_name": "mine"}
    text = sequential(("InputLayer", {"batch_shape": [None, 4]}), ("Dense", {"units": 3, "activation": mine}))
    module, sink = read(text)
    assert warnings(sink)
    assert written(module)["config"]["layers"][1]["config"]["activation"] == mine


@pytest.mark.parametrize(
    ("layer", "config", "word"),
    [
        ("Conv2D", {"filters": 3, "kernel_size": [3, 3, 3]}, "[3, 3, 3]"),
        ("Conv2D", {"filters": 3}, "kernel_size"),
        ("Conv2D", {"filters": 0, "kernel_size": 3}, "less than 1"),
        ("Conv2D", {"filters": 3, "kernel_size": 3, "padding": "sam"}, "'sam'"),
        ("Dense", {"units": "many"}, "'many'"),
        ("Dropout", {"rate": 2}, "between 0 and 1"),
        ("LSTM", {"units": 3, "recurrent_activation": "sigmoyd"}, "sigmoyd"),
        ("Permute", {"dims": [1, 1]}, "each axis once"),
        (
            "Bidirectional",
            {"merge_mode": "mix", "layer": {"class_name": "LSTM", "config": {"units": 2}}},
            "'mix'",
        ),
    ],
)
def test_arguments_without_sense_are_errors_at_their_place(
    layer: str, config: dict[str, Any], word: str
) -> None:
    text = sequential(("InputLayer", {"batch_shape": [None, 8, 8, 3]}), (layer, config))
    sink = Sink()
    module = lower(parse(text, "m.json"), "m.json", sink)
    (error,) = [item for item in sink.diagnostics if item.code == "T2031"]
    assert word in error.message
    assert error.span is not None
    verify(module.graphs[""])


def test_several_faults_are_reported_at_once() -> None:
    text = sequential(("InputLayer", {"batch_shape": [None, 4]}), ("Dense", {"units": -1}), ("Dense", {}))
    sink = Sink()
    lower(parse(text, "m.json"), "m.json", sink)
    assert [item.code for item in sink.diagnostics] == ["T2031", "T2031"]


def test_file_that_is_no_model_gives_an_empty_module() -> None:
    sink = Sink()
    module = lower(parse('{"epochs": 3}', "m.json"), "m.json", sink)
    assert sink.has_errors
    assert module.graphs[""].nodes == ()


def test_names_that_keras_does_not_take_are_replaced() -> None:
    text = sequential(
        ("InputLayer", {"batch_shape": [None, 4]}), ("ReLU", {"name": "a/b c"}), ("ReLU", {"name": "a_b_c"})
    )
    module, _ = read(text)
    assert [layer["config"]["name"] for layer in written(module)["config"]["layers"][1:]] == [
        "a_b_c",
        "a_b_c_1",
    ]


def test_graph_is_typed_without_errors() -> None:
    text = sequential(
        ("InputLayer", {"batch_shape": [None, 8, 8, 3]}), ("Conv2D", {"filters": 2, "kernel_size": 3})
    )
    graph = typed(read(text)[0].graphs[""])
    verify(graph, shaped=True)
    assert graph.outputs[0].type.shape == (None, 6, 6, 2)


def test_the_activation_inside_a_time_distributed_is_part_of_the_graph() -> None:
    inner = {"class_name": "Dense", "config": {"name": "d", "units": 5, "activation": "relu"}}
    shape = {"batch_shape": [None, 4, 3]}
    found = ops(sequential(("InputLayer", shape), ("TimeDistributed", {"layer": inner})))
    assert found[-1] == Relu()
