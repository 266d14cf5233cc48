"""Files made to hurt: huge numbers, endless repetition. Each is answered soon, and never by an internal error."""

from __future__ import annotations

import json
import time

import pytest

from transpiler import CompileError, Source, convert

INPUT = 'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 8 dim: 8 dim: 8 } } }\n'
SECONDS = 10.0
"""Twice what a user may have to wait: tests run on slow and busy machines too."""


def one_layer(type_: str, param: str) -> str:
    return f'{INPUT}layer {{ name: "l" type: "{type_}" bottom: "x" top: "y" {param} }}'


def relu(number: int, bottom: str, top: str) -> str:
    return f'layer {{ name: "l{number}" type: "ReLU" bottom: "{bottom}" top: "{top}" }}\n'


def keras_layer(class_name: str, **config: object) -> str:
    layer = {
        "class_name": class_name,
        "config": {"name": "l", "batch_input_shape": [None, 8, 8, 8], **config},
    }
    return json.dumps({"class_name": "Sequential", "config": [layer]})


def output_number(number: int) -> str:
    def layer(class_name: str, name: str, config: dict[str, object], inbound: object) -> dict[str, object]:
        return {
            "class_name": class_name,
            "name": name,
            "config": {"name": name, **config},
            "inbound_nodes": inbound,
        }

    layers = [
        layer("InputLayer", "i", {"batch_input_shape": [None, 4]}, []),
        layer("Unheard", "u", {}, [[["i", 0, 0, {}]]]),
        layer("Dense", "d", {"units": 3}, [[["u", 0, number, {}]]]),
    ]
    config = {"name": "m", "layers": layers, "input_layers": [["i", 0, 0]], "output_layers": [["d", 0, 0]]}
    return json.dumps({"class_name": "Model", "config": config})


def graph(line: str) -> str:
    head = 'module "m" from caffe {\ngraph "g" {\n%x = input() {shape = [1, 8]} : f32[1, 8]\n'
    return f"{head}{line}\nreturn %y\n}}\n}}\n"


CASES = {
    "every bracket opens": ("caffe", "{" * 500_000),
    "every bracket opens a field": ("caffe", "a {" * 200_000),
    "every bracket closes": ("caffe", "}" * 500_000),
    "nothing but quotes": ("caffe", '"' * 500_000),
    "a number without end": ("caffe", "a: " + "9" * 500_000),
    "unknown blobs only": ("caffe", "".join(relu(i, f"a{i}", f"b{i}") for i in range(1500))),
    "one blob again and again": ("caffe", INPUT + "".join(relu(i, "x", "x") for i in range(1500))),
    "more sizes than inputs": ("caffe", 'input: "x" ' + "input_dim: 1 " * 10_000),
    "a pyramid to the sky": ("caffe", one_layer("SPP", "spp_param { pyramid_height: 2000000000 }")),
    "a million groups": (
        "caffe",
        one_layer("Deconvolution", "convolution_param { num_output: 1000000 kernel_size: 3 group: 1000000 }").replace(
            "dim: 8", "dim: 1000000", 1
        ),
    ),
    "a huge step": ("caffe", one_layer("Pooling", "pooling_param { kernel_size: 3 pad: 2 stride: 2000000000 }")),
    "a huge window": ("caffe", one_layer("LRN", "lrn_param { local_size: 2000000001 norm_region: WITHIN_CHANNEL }")),
    "arrays in arrays": ("keras", "[" * 500_000),
    "objects in objects": ("keras", '{"a":' * 200_000),
    "words for values": ("keras", "[" + "a " * 300_000),
    "huge padding": ("keras", keras_layer("ZeroPadding2D", padding=10**18)),
    "huge factors": ("keras", keras_layer("UpSampling2D", size=10**9)),
    "an output far out": ("keras", output_number(2**62)),
    "a split into 2^60 parts": ("ir", graph("%y = split(%x) {count = 1152921504606846976}")),
    "2^60 results": ("ir", graph('%y = opaque(%x) {framework = "caffe", type = "Foo", results = 1152921504606846976}')),
    "undefined values only": ("ir", graph("".join(f"%c{i} = relu(%b{i})\n" for i in range(1000)))),
}  # fmt: skip


@pytest.mark.parametrize("to", ["keras", "caffe", "ir"])
@pytest.mark.parametrize(("from_", "text"), CASES.values(), ids=CASES.keys())
def test_hostile_file(from_: str, text: str, to: str) -> None:
    start = time.process_time()
    codes = _codes(Source("hostile", text), from_, to)
    assert "T9001" not in codes
    assert time.process_time() - start < SECONDS


def _codes(source: Source, from_: str, to: str) -> list[str]:
    try:
        found = convert(source, to, from_=from_).diagnostics
    except CompileError as error:
        found = error.diagnostics
    return [one.code for one in found]
