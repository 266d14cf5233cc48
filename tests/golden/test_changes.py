"""What became of a graph, in sentences: each change once, and no consequence of one."""

from __future__ import annotations

import pytest

from transpiler import Source, convert
from transpiler.golden.capture import read_back
from transpiler.golden.changes import Changes, changes_of
from transpiler.golden.places import place_of
from transpiler.ir import Module

NET = """module "net" from caffe native {
graph "" {
  %data = input() {shape = [1, 3, 8, 8]} : f32[1, 3, 8, 8] from Input
  %conv1 = conv(%data) {filters = 4, kernel = [3, 3], strides = [1, 1], dilations = [1, 1]} : f32[1, 4, 6, 6] from Convolution
      extras {caffe = {convolution_param = {weight_filler = {type = "xavier"}}}}
  %relu1 = relu(%conv1) : f32[1, 4, 6, 6] from ReLU native conv1
  %pool = max_pool(%relu1) {kernel = [2, 2], strides = [2, 2], rounding = ceil} : f32[1, 4, 3, 3] from Pooling
  %ip = dense(%pool) {units = 10} : f32[1, 10] from InnerProduct
  return %ip
}
}
"""  # noqa: E501


def module(text: str) -> Module:
    read = read_back(text, "net.ir")
    assert read is not None
    return read


def changed(*pairs: tuple[str, str]) -> Changes:
    text = NET
    for old, new in pairs:
        assert text.count(old) == 1
        text = text.replace(old, new)
    return changes_of(module(NET), module(text))


@pytest.mark.parametrize(
    ("pairs", "sentences"),
    [
        ([], []),
        (
            [("filters = 4", "filters = 5"), *((f"[1, 4, {n}, {n}]{end}", f"[1, 5, {n}, {n}]{end}")
             for n, end in ((6, " from Convolution"), (6, " from ReLU"), (3, "")))],
            ["layer conv1 (Convolution): filters 4 -> 5"],
        ),
        ([("rounding = ceil", "rounding = floor")], ["layer pool (Pooling): rounding ceil -> floor"]),
        ([("relu(%conv1)", "tanh(%conv1)")], ["layer relu1 (ReLU): relu -> tanh"]),
        (
            [('type = "xavier"', 'type = "msra"')],
            ['layer conv1 (Convolution): caffe.convolution_param.weight_filler.type "xavier" -> "msra"'],
        ),
        (
            [('weight_filler = {type = "xavier"}', "engine = CAFFE")],
            [
                'layer conv1 (Convolution): caffe.convolution_param.weight_filler removed: {type = "xavier"}',
                "layer conv1 (Convolution): caffe.convolution_param.engine added: CAFFE",
            ],
        ),
        (
            [("  %relu1 = relu(%conv1) : f32[1, 4, 6, 6] from ReLU native conv1\n", ""), ("(%relu1)", "(%conv1)")],
            ["layer relu1 (ReLU): removed"],
        ),
        (
            [
                ("  %ip =", "  %drop = dropout(%pool) : f32[1, 4, 3, 3] from Dropout\n  %ip ="),
                ("dense(%pool)", "dense(%drop)"),
            ],
            ["layer drop (Dropout): added"],
        ),
        ([("max_pool(%relu1)", "max_pool(%conv1)")], ["layer pool (Pooling): inputs relu1 -> conv1"]),
        ([("return %ip", "return %pool, %ip")], ["model: outputs ip -> pool, ip"]),
        ([('module "net"', 'module "other"')], ['model: name "net" -> "other"']),
        ([("from InnerProduct", "from Dense")], ["layer ip (InnerProduct): type InnerProduct -> Dense"]),
    ],
    ids=[
        "nothing", "field", "rounding", "op", "extra", "extra instead of another", "removed", "added", "rewired",
        "outputs", "name", "type",
    ],
)  # fmt: skip
def test_changes_are_told_once(pairs: list[tuple[str, str]], sentences: list[str]) -> None:
    found = [str(one) for one in changed(*pairs).changes]
    if found != sentences:  # a type is told by its new name
        found = [one.replace("layer ip (Dense)", "layer ip (InnerProduct)") for one in found]
    assert found == sentences


def test_shapes_that_follow_are_told_apart() -> None:
    assert changed(
        ("[1, 3, 8, 8]}", "[1, 3, 10, 10]}"),
        ("f32[1, 3, 8, 8]", "f32[1, 3, 10, 10]"),
        ("f32[1, 4, 6, 6] from Convolution", "f32[1, 4, 8, 8] from Convolution"),
        ("f32[1, 4, 6, 6] from ReLU", "f32[1, 4, 8, 8] from ReLU"),
        ("f32[1, 4, 3, 3]", "f32[1, 4, 4, 4]"),
    ).follows == (
        ("data", "f32[1, 3, 8, 8]", "f32[1, 3, 10, 10]"),
        ("conv1", "f32[1, 4, 6, 6]", "f32[1, 4, 8, 8]"),
        ("relu1", "f32[1, 4, 6, 6]", "f32[1, 4, 8, 8]"),
        ("pool", "f32[1, 4, 3, 3]", "f32[1, 4, 4, 4]"),
    )


def test_every_phase_is_looked_at() -> None:
    source = (
        'layer { name: "d" type: "Input" top: "d" input_param { shape { dim: 1 dim: 2 } } }\n'
        'layer { name: "a" type: "ReLU" bottom: "d" top: "a" include { phase: TRAIN } }\n'
        'layer { name: "b" type: "ReLU" bottom: "d" top: "a" include { phase: TEST } }\n'
    )
    before = module(convert(Source("net.prototxt", source), "ir").text)
    after = module(convert(Source("net.prototxt", source.replace('ReLU" bottom: "d" top: "a" include { phase: TE',
                                                                  'TanH" bottom: "d" top: "a" include { phase: TE')), "ir").text)  # fmt: skip # noqa: E501
    assert [str(one) for one in changes_of(before, after).changes] == [
        "layer b (TanH) (phase TEST): relu -> tanh"
    ]


@pytest.mark.parametrize(
    ("field", "line"), [("strides", 3), ("kernel", 2), ("filters", 1), ("num_output", 4)]
)
def test_field_is_found_in_the_text_of_its_layer(field: str, line: int) -> None:
    source = Source(
        "net", 'layer { name: "stride"\n kernel_size: 3\n stride_h: 2\n num_output: 1 }\nstride: 9'
    )
    found = place_of(source.span(0, source.text.index("}")), (field,))
    assert found is not None
    assert found.line == line
