"""Every real file of the corpus, read by both readers."""

import json as standard_json
from pathlib import Path

from transpiler.diagnostics import Sink
from transpiler.parsers import json, reference, textproto
from transpiler.parsers.detect import Format, detect
from transpiler.parsers.load import read_source
from transpiler.syntax.json import print_json, to_python
from transpiler.syntax.textproto import print_textproto

FORMATS = {"caffe": Format.CAFFE, "tensorflow": Format.TENSORFLOW, "onnx": Format.ONNX}


def test_protobuf_text(textproto_file: Path) -> None:
    sink = Sink()
    source = read_source(textproto_file, sink)
    expected = (
        Format.CAFFE_SOLVER if "_solver_" in textproto_file.stem else FORMATS[textproto_file.parent.name]
    )
    assert detect(source).format is expected
    message = textproto.parse_source(source, sink)
    assert sink.diagnostics == []
    assert textproto.parse(print_textproto(message)) == message
    assert message == reference.parse_textproto(source.text)


def test_json(json_file: Path) -> None:
    sink = Sink()
    source = read_source(json_file, sink)
    assert detect(source).format is Format.KERAS
    value = json.parse_source(source, sink)
    assert sink.diagnostics == []
    assert to_python(value) == standard_json.loads(source.text)
    assert json.parse(print_json(value)) == value
    assert value == reference.parse_json(source.text)
