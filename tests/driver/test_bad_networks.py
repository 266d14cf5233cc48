"""Texts that say no network: every input with the codes and places that are reported for it, in order."""

from __future__ import annotations

import pytest

from transpiler import CompileError, Source, convert

INPUT = (
    'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }\n'
)
DEEP = 10_000


def _errors(text: str, from_: str) -> list[str]:
    with pytest.raises(CompileError) as caught:
        convert(Source("model", text), "keras", from_=from_)
    shown = []
    for one in caught.value.diagnostics:
        if one.severity.value == "error":
            assert one.span is not None
            shown.append(f"{one.span.line}:{one.span.column} {one.code}")
    return shown


CAFFE = {
    "truncated": ('layer {\n  name: "a"\n  type: "Re', ["3:9 T0102", "3:12 T0103"]),
    "unclosed message": ('layer { name: "a"\n', ["1:18 T0103"]),
    "one brace too many": (INPUT + "}\n", ["2:1 T0104"]),
    "wrong bracket": ("layer { name: 'a' >", ["1:19 T0113"]),
    "equals sign": ('layer { name = "a" }', ["1:14 T0105"]),
    "several errors": (
        'layer { name = "a" type }\nlayer { top: }\n',
        ["1:14 T0105", "1:20 T0107", "2:9 T0107"],
    ),
    "nested too deeply": ("layer { " * DEEP + "}" * DEEP, ["1:801 T0110"]),
}


@pytest.mark.parametrize(("text", "expected"), CAFFE.values(), ids=CAFFE.keys())
def test_bad_caffe(text: str, expected: list[str]) -> None:
    assert _errors(text, "caffe") == expected
