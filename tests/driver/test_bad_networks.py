"""Texts that say no network: every input with the places and codes of the errors it gets, in order.

`data` is an input of 1 x 3 x 8 x 8 on line 1; what each case adds begins on line 2.
"""

from __future__ import annotations

import pytest

from transpiler import CompileError, Source, convert

DEEP = 10_000
INPUT = (
    'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }\n'
)


def conv(param: str) -> str:
    return f'{INPUT}layer {{ name: "c" type: "Convolution" bottom: "data" top: "c"\nconvolution_param {{ {param} }} }}'


def layer(text: str) -> str:
    return f"{INPUT}layer {{ {text} }}"


CAFFE = {
    # syntax
    "truncated in a string": ('layer {\n  name: "a"\n  type: "Re', ["3:9 T0102", "3:12 T0103"]),
    "truncated in a message": ('layer { name: "a"\n', ["1:18 T0103"]),
    "a brace too many": (INPUT + "}\n", ["2:1 T0104"]),
    "the wrong bracket": ("layer { name: 'a' >", ["1:19 T0113"]),
    "an equals sign": ('layer { name = "a" }', ["1:14 T0105"]),
    "several errors": ('layer { name = "a" type }\nlayer { top: }\n', ["1:14 T0105", "1:20 T0107", "2:9 T0107"]),
    "nested too deeply": ("layer { " * DEEP + "}" * DEEP, ["1:1607 T0110"]),
    # misspelled, misnested, missing
    "a misspelled field": (conv("num_ouput: 4 kernel_size: 3"), ["3:19 T1032"]),
    "a misspelled enum": (
        layer('type: "Pooling" bottom: "data" top: "p" pooling_param { pool: MAXX }'), ["2:71 T1006", "2:63 T1032"]
    ),
    "a misspelled type": (layer('name: "c" type: "Convolutoin" bottom: "data" top: "c"'), ["2:7 T5001"]),
    "text for a number": (conv('num_output: "4" kernel_size: 3'), ["3:33 T1003", "3:19 T1032"]),
    "no number of outputs": (conv("kernel_size: 3"), ["3:19 T1032"]),
    "no kernel": (conv("num_output: 4"), ["3:19 T1032"]),
    "no type": (layer('name: "c" bottom: "data" top: "c"'), ["2:7 T1012"]),
    "fields one level too high": (layer('type: "Convolution" bottom: "data" top: "c" num_output: 4'), ["2:9 T1032"]),
    "a layer in a layer": (layer('name: "a" type: "ReLU" layer { name: "b" }'), ["2:7 T5001"]),
    "only a name": ('name: "net"\n', ["1:1 T1011"]),
    "both kinds of rules": (layer('type: "ReLU" include { phase: TEST } exclude { phase: TRAIN }'), ["2:46 T1013"]),
    # impossible numbers
    "a negative number of outputs": (conv("num_output: -4 kernel_size: 3"), ["3:33 T1004", "3:19 T1032"]),
    "a kernel of 0": (conv("num_output: 4 kernel_size: 0"), ["3:19 T1032"]),
    "a stride of 0": (conv("num_output: 4 kernel_size: 3 stride: 0"), ["3:19 T1032"]),
    "2^63 outputs": (conv("num_output: 9223372036854775808 kernel_size: 3"), ["3:33 T1004", "3:19 T1032"]),
    "a negative dimension": (INPUT.replace("3", "-3"), ["1:60 T1032"]),
    "a dimension of 2^63 - 1": (INPUT.replace("3", str(2**63 - 1)), ["1:60 T1032"]),
    "a dimension of 2^63": (INPUT.replace("3", str(2**63)), ["1:82 T1004"]),
    "a rate of 1.5": (
        layer('type: "Dropout" bottom: "data" top: "d" dropout_param { dropout_ratio: 1.5 }'), ["2:65 T1032"]
    ),
    "more outputs than anything can hold": (conv("num_output: 4294967295 kernel_size: 3"), ["2:7 T4004"]),
    # shapes that do not fit
    "a kernel larger than its input": (conv("num_output: 4 kernel_size: 99"), ["2:7 T4001"]),
    "groups that do not divide": (conv("num_output: 4 kernel_size: 3 group: 2"), ["2:7 T4001"]),
    "an axis that does not exist": (
        layer('type: "Softmax" bottom: "data" top: "s" softmax_param { axis: 7 }'), ["2:7 T4001"]
    ),
    "a cut beyond the end": (
        layer('type: "Slice" bottom: "data" top: "a" top: "b" slice_param { slice_point: 5 }'), ["2:7 T4001"]
    ),
    "a reshape that loses elements": (
        layer('type: "Reshape" bottom: "data" top: "r" reshape_param { shape { dim: 7 } }'), ["2:7 T4001"]
    ),
    "sizes that do not add": (
        conv("num_output: 4 kernel_size: 3") + '\nlayer { type: "Eltwise" bottom: "data" bottom: "c" top: "e" }',
        ["4:7 T4001"],
    ),
    # blobs
    "a blob that nothing produces": (layer('name: "r" type: "ReLU" bottom: "nothing" top: "r"'), ["2:32 T5004"]),
    "a layer that reads itself": ('layer { name: "a" type: "ReLU" bottom: "a" top: "a" }', ["1:32 T5004"]),
    "too many bottoms": (layer('name: "r" type: "ReLU" bottom: "data" bottom: "data" top: "r"'), ["2:7 T5001"]),
}  # fmt: skip

DENSE = '{"class_name": "Dense", "config": {"name": "d", "units": 4, "batch_input_shape": [null, 8]}}'
CONV = (
    DENSE.replace("Dense", "Conv2D")
    .replace('"units": 4', '"filters": 4, "kernel_size": 3')
    .replace("8", "8, 8, 3")
)
START = """{"class_name": "InputLayer", "name": "i", "inbound_nodes": [],
 "config": {"name": "i", "batch_input_shape": [null, 8]}}"""


def sequential(*layers: str) -> str:
    return '{"class_name": "Sequential", "config": [\n' + ",\n".join(layers) + "\n]}"


def functional(*layers: str, output: str = "d") -> str:
    ends = f'"input_layers": [["i", 0, 0]], "output_layers": [["{output}", 0, 0]]'
    return (
        '{"class_name": "Model", "config": {"name": "m", "layers": [\n'
        + ",\n".join((START, *layers))
        + f"\n], {ends}}}}}"
    )


def dense(name: str = "d", reads: str = "i", call: int = 0) -> str:
    config = f'"config": {{"name": "{name}", "units": 4}}'
    return f'{{"class_name": "Dense", {config}, "name": "{name}", "inbound_nodes": [[["{reads}", {call}, 0, {{}}]]]}}'


KERAS = {
    # syntax
    "truncated": (sequential(DENSE)[:102], ["2:61 T0202", "2:62 T0203"]),
    "a Python dict": (sequential(DENSE).replace("null", "None"), ["2:83 T0216"]),
    "single quotes": ("{'class_name': 'Sequential'}", ["1:2 T0207", "1:16 T0207"]),
    "a comma too many": (sequential(DENSE.replace("4,", "4,,")), ["2:60 T0206"]),
    "a comment": ("// a model\n" + sequential(DENSE), ["1:1 T0208"]),
    "two documents": (sequential(DENSE) * 2, ["3:3 T0215"]),
    "nested too deeply": ("[" * DEEP + "]" * DEEP, ["1:201 T0214"]),
    "models nested too deeply": ('{"class_name":"Sequential","config":[' * DEEP, ["1:3701 T0214"]),
    "a number of 5000 digits": (sequential(DENSE.replace("4", "9" * 5000)), ["2:58 T0211"]),
    # no model
    "a number": ("3", ["1:1 T2001"]),
    "a single layer": (DENSE, ["1:1 T2001"]),
    "no config": ('{"class_name": "Sequential"}', ["1:1 T2002"]),
    "a config of null": ('{"class_name": "Sequential", "config": null}', ["1:40 T2003"]),
    "no layers": (sequential(), ["1:1 T4005"]),
    # impossible values
    "no units": (sequential(DENSE.replace('"units": 4, ', "")), ["2:1 T2031"]),
    "units as text": (sequential(DENSE.replace("4", '"4"')), ["2:58 T2031"]),
    "negative units": (sequential(DENSE.replace("4", "-4")), ["2:58 T2031"]),
    "half a unit": (sequential(DENSE.replace("4", "4.5")), ["2:58 T2031"]),
    "units that are no number": (sequential(DENSE.replace("4", "NaN")), ["2:58 T2031"]),
    "a negative dimension": (sequential(DENSE.replace("8", "-8")), ["2:82 T2031"]),
    "a stride of 0": (sequential(CONV.replace("3,", '3, "strides": 0,', 1)), ["2:93 T2031"]),
    "an unknown padding": (sequential(CONV.replace("3,", '3, "padding": "some",', 1)), ["2:93 T2031"]),
    "2^63 units": (sequential(DENSE.replace("4", str(2**63))), ["2:1 T4004"]),
    # shapes that do not fit
    "a kernel larger than its input": (sequential(CONV.replace("3,", "30,", 1)), ["2:1 T4001"]),
    "a reshape that loses elements": (
        sequential(DENSE, '{"class_name": "Reshape", "config": {"name": "r", "target_shape": [3]}}'), ["3:1 T4001"]
    ),
    # graphs
    "two layers of one name": (functional(dense(), dense()), ["5:1 T2004"]),
    "a layer that does not exist": (functional(dense(reads="x")), ["4:1 T2005"]),
    "a call that does not exist": (functional(dense(call=7)), ["4:1 T2006"]),
    "a circle": (functional(dense("d", "e"), dense("e", "d")), ["4:1 T2007"]),
    "a layer that reads itself": (functional(dense("d", "d")), ["4:1 T2007"]),
    "layers that are no list": ('{"class_name": "Model", "config": {"layers": 3}}', ["1:1 T2001"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CAFFE.values(), ids=CAFFE.keys())
def test_bad_caffe(text: str, expected: list[str]) -> None:
    assert _errors(text, "caffe") == expected


@pytest.mark.parametrize(("text", "expected"), KERAS.values(), ids=KERAS.keys())
def test_bad_keras(text: str, expected: list[str]) -> None:
    assert _errors(text, "keras") == expected


def _errors(text: str, from_: str) -> list[str]:
    """Place and code of every error on the way to Keras."""
    with pytest.raises(CompileError) as caught:
        convert(Source("model", text), "keras", from_=from_)
    errors = [one for one in caught.value.diagnostics if one.severity.value == "error"]
    return [f"{one.span.line}:{one.span.column} {one.code}" if one.span else one.code for one in errors]
