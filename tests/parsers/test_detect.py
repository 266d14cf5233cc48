import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transpiler.diagnostics import CompileError, Source
from transpiler.parsers.detect import Format, detect


@pytest.mark.parametrize(
    ("text", "format", "evidence"),
    [
        ("name: 'n' layer { name: 'a' }", Format.CAFFE, "`layer`"),
        ("name: 'n'\nlayers { type: DATA }", Format.CAFFE, "`layers`"),
        ("input: 'data' input_dim: 1", Format.CAFFE, "`input_dim`"),
        ("input: 'data'", Format.CAFFE, "`input`"),
        ("name: 'n'", Format.CAFFE, "`name`"),
        ("# layer {\nnet: 'a.prototxt'\nbase_lr: 0.1", Format.CAFFE_SOLVER, "`net`"),
        ("test_iter: 5", Format.CAFFE_SOLVER, "`test_iter`"),
        ("node { name: 'a' op: 'Const' }", Format.TENSORFLOW, "`op`"),
        ("node {\n}", Format.TENSORFLOW, "`node`"),
        ("versions { producer: 1 }", Format.TENSORFLOW, "`versions`"),
        ("meta_info_def { } graph_def { }", Format.TENSORFLOW, "`meta_info_def`"),
        ("ir_version: 8 graph { }", Format.ONNX, "`ir_version`"),
        ("node { input: 'a' op_type: 'Relu' }", Format.ONNX, "`op_type`"),
        ('{"class_name": "Sequential"}', Format.KERAS, "`class_name`"),
        ("{'class_name': 'Sequential'", Format.KERAS, "`class_name`"),
        ('\n[{"class_name": "Dense"}]', Format.KERAS, "`class_name`"),
        ("module @net {", Format.IR, "`module`"),
        ("// a net\nmodule\n", Format.IR, "`module`"),
        ("layer { name = 'a' ", Format.CAFFE, "`layer`"),
    ],
)
def test_content_tells(text: str, format: Format, evidence: str) -> None:
    found = detect(Source("<stdin>", text))
    assert found.format is format
    assert evidence in found.evidence
    assert found.span.text.strip("`") in evidence


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.prototxt", Format.CAFFE),
        ("a.PBTXT", Format.TENSORFLOW),
        ("a.ir", Format.IR),
        ("dir.json/a.json", Format.KERAS),
    ],
)
def test_the_name_tells_where_content_does_not(name: str, format: Format) -> None:
    assert detect(Source(name, "???")).format is format


def test_content_goes_before_the_name() -> None:
    assert detect(Source("a.json", "layer { }")).format is Format.CAFFE


@pytest.mark.parametrize("text", ["", "???", "[1, 2]", "{}", "hello world", "module: 1"])
def test_unknown_text_is_refused_with_what_can_be_read(text: str) -> None:
    with pytest.raises(CompileError) as caught:
        detect(Source("<stdin>", text))
    [diagnostic] = caught.value.diagnostics
    assert diagnostic.code == "T0010"
    assert diagnostic.help is not None
    assert "Caffe" in diagnostic.help


@given(st.text())
def test_any_text_is_detected_or_refused(text: str) -> None:
    with suppress(CompileError):
        assert detect(Source("x", text)).span.end <= len(text)


@pytest.mark.parametrize(
    "text",
    [
        "a " * 400_000,
        "'\\\"" * 300_000,
        "x{" * 300_000,
        " " * 1_000_000,
        "#\n" * 500_000,
        '"layers" ' * 100_000,
    ],
)
def test_hostile_text_takes_linear_time(text: str) -> None:
    start = time.process_time()
    with pytest.raises(CompileError):
        detect(Source("x", text))
    assert time.process_time() - start < 5
