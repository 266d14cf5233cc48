"""What the lowering makes of blobs, phases, names and shared parameters, and what it says of odd files."""

from __future__ import annotations

import pytest

from tests.caffe.nets import DATA, blobs, errors, module_of, parameters, read, shaped, text_of, written
from transpiler.ir import Graph, ParamUse
from transpiler.ir.equality import difference
from transpiler.ops.convolution import Conv
from transpiler.ops.core import Data, Input, Opaque
from transpiler.ops.windows import Explicit, Valid


def _input(*dims: int, name: str = "data") -> str:
    shape = " ".join(f"dim: {size}" for size in dims)
    return f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{ {shape} }} }} }}\n'


def _layer(name: str, kind: str, bottom: str = "data", top: str | None = None, more: str = "") -> str:
    return f'layer {{ name: "{name}" type: "{kind}" bottom: "{bottom}" top: "{top or name}" {more} }}\n'


def _conv(name: str, fields: str, bottom: str = "data") -> str:
    return _layer(name, "Convolution", bottom, more=f"convolution_param {{ {fields} }}")


def _only(graph: Graph, name: str) -> Conv:
    op = next(node.op for node in graph.nodes if node.name == name)
    assert isinstance(op, Conv)
    return op


def codes(text: str) -> list[str]:
    return [one.code for one in read(text)[1]]


def test_in_place_layers_make_new_values_in_file_order() -> None:
    text = (
        _input(1, 3, 8, 8)
        + _layer("before", "AbsVal")
        + _layer("relu", "ReLU", top="data")
        + _layer("after", "AbsVal")
    )
    nodes = {node.name: node for node in module_of(text).graph("").nodes}
    assert nodes["before"].operands == nodes["data"].results
    assert nodes["after"].operands == nodes["relu"].results
    assert nodes["relu"].result.native == nodes["data"].result.native == "data"


@pytest.mark.parametrize(
    "name", ["phases", "stages", "in_place", "shared", "several_inputs", "losses", "fork_layers"]
)
def test_text_comes_back_as_the_same_graph(name: str) -> None:
    module = module_of(text_of(DATA / f"{name}.prototxt"))
    again = written(module)
    assert difference(module, module_of(again)) is None


def test_phases_that_differ_give_a_graph_each() -> None:
    module = module_of(text_of(DATA / "phases.prototxt"))
    names = {phase: [node.name for node in graph.nodes] for phase, graph in module.graphs.items()}
    assert names == {
        "TRAIN": ["data", "ip", "loss"],
        "TEST": ["data", "ip", "accuracy", "loss"],
    }
    assert module.graph("TRAIN").nodes[0].op == Data(shapes=((64, None, 20, 20), (64,)))
    assert module.graph("TEST").nodes[0].op == Data(shapes=((100, None, None, None), (100,)))


def test_phases_are_written_in_file_order_with_their_rules() -> None:
    text = written(module_of(text_of(DATA / "phases.prototxt")))
    assert [line.strip() for line in text.splitlines() if "phase:" in line] == [
        "phase: TRAIN",
        "phase: TEST",
        "phase: TEST",
    ]
    assert text.count("layer {") == 5


def test_stages_choose_layers_and_those_of_none_are_kept() -> None:
    text = text_of(DATA / "stages.prototxt")
    module, said = read(text)
    assert [node.name for node in module.graph("").nodes] == ["data", "always"]
    assert [one.code for one in said] == ["T1036"]
    deployed, _ = read(text, stages=("deploy",))
    assert [node.name for node in deployed.graph("").nodes] == ["data", "always", "deployed"]


def test_an_unknown_blob_becomes_an_input_with_a_hint() -> None:
    module, said = read(_input(1, 3, 8, 8) + _layer("relu", "ReLU", "dta"))
    assert [node.op for node in module.graph("").nodes][1] == Input()
    (one,) = said
    assert (one.code, one.severity.value, one.help) == ("T1030", "warning", "did you mean `data`?")
    assert "`dta`" in one.message
    assert one.span is not None
    assert one.span.text == 'bottom: "dta"'
    assert one.fixes[0].replacement == '"data"' or one.fixes[0].replacement == 'bottom: "data"'


def test_a_blob_of_another_phase_is_shown() -> None:
    text = _input(1, 3, name="label").replace("input_param", "include { phase: TRAIN } input_param")
    _, said = read(text + _input(1, 3) + _layer("loss", "Silence", "label").replace('top: "loss"', ""))
    assert [one.code for one in said] == ["T1030"]
    assert said[0].related


def test_odd_names() -> None:
    text = (
        _input(1, 3, 8, 8)
        + _layer("a", "ReLU", top="x")
        + _layer("a", "AbsVal", top="y")
        + _layer("", "TanH", top="z")
    )
    module, said = read(text)
    assert [node.name for node in module.graph("").nodes] == ["data", "a", "a_1", "z"]
    assert [one.code for one in said] == ["T1034"]
    again = written(module)
    assert again.count('name: "a"') == 2
    assert 'name: "z"' not in again


def test_a_blob_that_is_produced_twice() -> None:
    text = (
        _input(1, 3, 8, 8)
        + _layer("a", "ReLU", top="x")
        + _layer("b", "AbsVal", top="x")
        + _layer("c", "TanH", "x")
    )
    module, said = read(text)
    assert [one.code for one in said] == ["T1031"]
    assert module.graph("").nodes[-1].operands == module.graph("").nodes[2].results


def test_shared_parameters_have_one_symbol() -> None:
    graph = module_of(text_of(DATA / "shared.prototxt")).graph("")
    first, second = (node for node in graph.nodes if node.op.roles)
    assert first.param("kernel") == second.param("kernel") == ParamUse("kernel", "w")
    assert first.param("bias").symbol == "ip_a/bias"


@pytest.mark.parametrize(
    ("fields", "dims", "kernel", "padding"),
    [
        ("kernel_size: 3 pad: 1", (1, 2, 8, 8), (3, 3), Explicit(((1, 1), (1, 1)))),
        ("kernel_size: 3", (1, 2, 8, 8, 8), (3, 3, 3), Valid()),
        ("kernel_size: 3", (1, 2, 8), (3,), Valid()),
        ("kernel_size: 3 kernel_size: 5", (1, 2, 8, 8), (3, 5), Valid()),
        ("kernel_h: 1 kernel_w: 7 pad_w: 3", (1, 2, 8, 8), (1, 7), Explicit(((0, 0), (3, 3)))),
    ],
)
def test_windows(fields: str, dims: tuple[int, ...], kernel: tuple[int, ...], padding: object) -> None:
    graph = module_of(_input(*dims) + _conv("c", f"num_output: 4 {fields}")).graph("")
    op = _only(graph, "c")
    assert (op.kernel, op.padding) == (kernel, padding)
    typed, said = shaped(graph)
    assert said == []
    assert parameters(typed)["c"] == [(4, 2, *kernel), (4,)]


def test_a_lone_kernel_size_follows_the_shape_that_the_user_gives() -> None:
    data = 'layer { name: "d" type: "HDF5Data" top: "data" hdf5_data_param { batch_size: 1 } }\n'
    text = data + _conv("c", "num_output: 4 kernel_size: 3")
    module, _ = read(text, input_shapes={"data": (1, 3, 16, 112, 112)})
    assert _only(module.graph(""), "c").kernel == (3, 3, 3)


def test_automatic_tops_of_losses() -> None:
    text = (
        _input(2, 5)
        + _input(2, name="label")
        + ('layer { name: "loss" type: "SoftmaxWithLoss" bottom: "data" bottom: "label" }')
    )
    module = module_of(text)
    typed, _ = shaped(module.graph(""))
    assert blobs(typed)["(automatic)"] == ()
    assert "(automatic)" not in written(module)


def test_fields_that_no_op_models_are_kept() -> None:
    text = text_of(DATA / "fillers.prototxt")
    again = written(module_of(text))
    for kept in (
        "xavier",
        "lr_mult: 2.0",
        "engine: CUDNN",
        "propagate_down: false",
        "loss_weight: 0.5",
        "normalize: true",
    ):
        assert kept in again, kept
    assert "exotic: 7" in again


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        pytest.param(_conv("c", "kernel_size: 3"), "T1032", None, id="num_output-missing"),
        pytest.param(_conv("c", "num_output: 4"), "T1032", None, id="kernel-missing"),
        pytest.param(_conv("c", "num_output: 3 group: 2 kernel_size: 1"), "T1032", None, id="groups"),
        pytest.param(
            _conv("c", "num_output: 4 kernel_size: 1 kernel_size: 2 kernel_size: 3 stride: 1 stride: 1"),
            "T1032", None, id="lists-of-unequal-length",
        ),
        pytest.param(
            _layer("p", "Pooling", more="pooling_param { kernel_size: 2 pad: 2 }"), "T1032", "pad: 2", id="pad"
        ),
        pytest.param(
            _layer("n", "LRN", more="lrn_param { local_size: 4 }"), "T1032", "local_size: 4", id="even-lrn"
        ),
        pytest.param(
            _layer("d", "Dropout", more="dropout_param { dropout_ratio: 2 }"), "T1032", "dropout_ratio: 2", id="rate"
        ),
    ],
)  # fmt: skip
def test_layers_that_make_no_sense(text: str, code: str, place: str | None) -> None:
    module, said = read(_input(1, 4, 8, 8) + text)
    (one,) = [each for each in said if each.severity.value == "error"]
    assert one.code == code
    assert place is None or (one.span is not None and one.span.text == place)
    assert isinstance(module.graph("").nodes[-1].op, Opaque)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (_layer("x", "Frobnicate"), "T1101"),
        (_layer("x", "Python", more="python_param { module: 'm' layer: 'L' }"), "T1103"),
        (_conv("c", "num_output: 0 kernel_size: 1"), "T1102"),
        (_layer("x", "Softmax").replace('top: "x"', ""), "T1033"),
        (_layer("x", "ReLU", 'data" bottom: "data'), "T1033"),
        (_layer("p", "Pooling", more="pooling_param { kernel_size: 2 ceil_mode: false }"), "T1104"),
    ],
)
def test_layers_that_are_kept_with_a_warning(text: str, code: str) -> None:
    module, said = read(_input(1, 4, 8, 8) + text)
    assert errors(said) == []
    assert code in [one.code for one in said]
    assert difference(module, module_of(written(module))) is None


def test_an_opaque_layer_keeps_its_fields() -> None:
    text = _input(1, 4) + _layer(
        "x", "Frobnicate", more='frob_param { how: "so" often: 3 } include { phase: TEST }'
    )
    module = module_of(text)
    op = module.graph("TEST").nodes[-1].op
    assert op == Opaque(
        framework="caffe", type="Frobnicate", attributes={"frob_param": {"how": "so", "often": 3}}
    )
    assert "often: 3" in written(module)


def test_float32_numbers_are_written_short() -> None:
    text = _layer("d", "Dropout", more="dropout_param { dropout_ratio: 0.10000000149 }")
    assert "dropout_ratio: 0.1\n" in written(module_of(_input(1, 4) + text))
