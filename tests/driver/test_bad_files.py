"""Files that are no readable text at all: each gets a diagnostic with code and place, and nothing is written."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from transpiler import CompileError, convert

NET = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 } } }\n'

FILES = [
    pytest.param(b"", "T0004", (1, 1), id="empty"),
    pytest.param(b" \n\t\r\n", "T0004", (1, 1), id="only-white-space"),
    pytest.param(NET.encode() + b"\n\0", "T0006", (3, 1), id="nul"),
    pytest.param(b"\x89HDF\r\n\x1a\n" + bytes(64), "T7002", (1, 1), id="hdf5-cut-short"),
    pytest.param(b"PK\x03\x04" + bytes(64), "T0008", (1, 1), id="zip-archive"),
    pytest.param(
        b"\n\x07AlexNet\xa2\x06\x10\n\x04data\x12\x05Input" + bytes(16), "T0008", (1, 1), id="caffemodel"
    ),
    pytest.param(codecs.BOM_UTF16_LE + b"l\0a", "T0009", (1, 1), id="utf-16-cut-short"),
    pytest.param(b"What a lovely day it is\n", "T0010", (1, 1), id="prose"),
    pytest.param(b"[1, 2, 3]", "T0010", (1, 1), id="json-but-no-model"),
    pytest.param(b'ir_version: 3 graph { node { op_type: "Relu" } }', "T0011", (1, 1), id="onnx"),
    pytest.param(b"net: 'net.prototxt'\nbase_lr: 0.01\n", "T1010", (1, 1), id="solver"),
]


@pytest.mark.parametrize(("content", "code", "place"), FILES)
def test_unreadable_file(tmp_path: Path, content: bytes, code: str, place: tuple[int, int]) -> None:
    path = tmp_path / "model.txt"
    path.write_bytes(content)
    with pytest.raises(CompileError) as caught:
        convert(path, "keras")
    found = caught.value.diagnostics[0]
    assert found.code == code
    assert found.span is not None
    assert found.span.source.name == str(path)
    assert (found.span.line, found.span.column) == place


@pytest.mark.parametrize(("name", "code"), [("missing.prototxt", "T0001"), (".", "T0002"), ("a\0b", "T0003")])
def test_what_is_no_file(tmp_path: Path, name: str, code: str) -> None:
    with pytest.raises(CompileError) as caught:
        convert(f"{tmp_path}/{name}", "keras")
    assert [one.code for one in caught.value.diagnostics] == [code]


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param(NET.encode("utf-8-sig"), id="utf-8-bom"),
        pytest.param(codecs.BOM_UTF16_LE + NET.encode("utf-16-le"), id="utf-16-bom"),
        pytest.param(NET.replace(" ", "\r\n").encode(), id="crlf"),
        pytest.param(NET.replace("\n", "\r").encode(), id="cr"),
    ],
)
def test_unusual_but_readable_text(tmp_path: Path, encoded: bytes) -> None:
    path = tmp_path / "net.prototxt"
    path.write_bytes(encoded)
    assert convert(path, "caffe").text.startswith('name: "net"\nlayer {')


def test_text_that_is_not_utf8_is_read_with_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_bytes("# Größe\n".encode("latin-1") + NET.encode())
    assert [one.code for one in convert(path, "caffe").diagnostics] == ["T0007"]
