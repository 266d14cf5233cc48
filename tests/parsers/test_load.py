import gzip
import io
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from transpiler.diagnostics import CompileError, Sink
from transpiler.parsers import load
from transpiler.parsers.load import MAX_BYTES, Binary, decode, read_input, read_source


def code_of(action: Callable[..., object], *arguments: object) -> tuple[str, str]:
    with pytest.raises(CompileError) as caught:
        action(*arguments)
    [diagnostic] = caught.value.diagnostics
    return diagnostic.code, diagnostic.message


def test_a_file_is_read_with_its_name_and_line_endings(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_bytes("name: 'é'\r\n".encode())
    source = read_source(path)
    assert source.name == str(path)
    assert source.text == "name: 'é'\r\n"


def test_standard_input() -> None:
    command = (
        "from transpiler.parsers.load import read_source; s = read_source('-'); print(s.name, ascii(s.text))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", command], input="a: 'é'".encode(), capture_output=True, check=True
    )
    assert ran.stdout.decode().strip() == "<stdin> \"a: '\\xe9'\""


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xef\xbb\xbfa: 1", "a: 1"),
        ("a: 'é😀'".encode("utf-16"), "a: 'é😀'"),
        (b"\xfe\xff" + "a: 1".encode("utf-16-be"), "a: 1"),
        ("a: 1".encode("utf-32"), "a: 1"),
        (b"a: 1\r\nb: 2\r", "a: 1\r\nb: 2\r"),
        (b"\n\n\na: 1", "\n\n\na: 1"),
    ],
)
def test_encodings(data: bytes, text: str) -> None:
    assert decode(data, "f").text == text


def test_latin1_is_read_with_a_warning() -> None:
    sink = Sink()
    assert decode(b"# caf\xe9\na: 1", "f", sink).text == "# café\na: 1"
    [warning] = sink.diagnostics
    assert warning.code == "T0007"
    assert str(warning.span) == "f:1:6"
    assert decode(b"# caf\xe9", "f").text == "# café"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "T0004"),
        (b" \r\n\t", "T0004"),
        (b"\xef\xbb\xbf", "T0004"),
        (b"a: 1\x00", "T0006"),
        ("a: 1".encode("utf-16-le"), "T0006"),
        (b"\xff\xfea", "T0009"),
        (b"\xef\xbb\xbf\xff", "T0009"),
    ],
)
def test_what_is_no_text(data: bytes, code: str) -> None:
    assert code_of(decode, data, "f")[0] == code


def zipped(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, "x")
    return buffer.getvalue()


def saved_arrays() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, a=np.zeros(2))
    return buffer.getvalue()


def field(number: int, payload: bytes) -> bytes:
    """A length-delimited field of the protobuf wire format; numbers up to 2047, payloads up to 127 bytes."""
    tag = number << 3 | 2
    head = bytes([tag]) if tag < 0x80 else bytes([tag & 0x7F | 0x80, tag >> 7])
    return head + bytes([len(payload)]) + payload


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"\x89HDF\r\n\x1a\n" + bytes(90), "HDF5"),
        (zipped("metadata.json"), "Keras archive"),
        (zipped("archive/data.pkl"), "PyTorch"),
        (zipped("x"), "a zip archive"),
        (saved_arrays(), "NumPy"),
        (gzip.compress(b"x"), "gzip"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (pickle.dumps({"a": 1}), "pickle"),
        (field(1, b"LeNet") + field(100, field(1, b"conv1") + bytes(20)), "Caffe weights"),
        (field(1, field(1, b"x") + field(2, b"Placeholder") + b"\x00"), "GraphDef"),
        (b"\x08\x07\x12\x07pytorch" + b"\x1a\x031.2" + b"\x00", "ONNX"),
        (b"\x08\x01" + field(2, field(1, b"\x00\x01")), "SavedModel"),
    ],
    # archives carry the time they were made at: as part of an id it would differ between xdist's workers
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_binary_files_are_named(data: bytes, named: str) -> None:
    code, message = code_of(decode, data, "f")
    assert code == "T0008"
    assert named in message


def test_what_is_no_file(tmp_path: Path) -> None:
    assert code_of(read_source, tmp_path / "missing")[0] == "T0001"
    assert code_of(read_source, tmp_path)[0] == "T0002"
    assert code_of(read_source, "a\0b")[0] == "T0003"
    assert code_of(read_source, tmp_path / ("x" * 5000))[0] == "T0003"
    (tmp_path / "file").write_text("x")
    assert code_of(read_source, tmp_path / "file" / "inside")[0] == "T0003"


def test_a_directory_is_read_as_a_saved_model(tmp_path: Path) -> None:
    assert code_of(read_input, tmp_path)[0] == "T0002"
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01" + field(2, field(1, b"\x00\x01")))
    found = read_input(tmp_path)
    assert isinstance(found, Binary)
    assert found.kind.name == "a TensorFlow SavedModel in binary form"
    assert found.kind.holds == "tensorflow"


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read everything"
)
def test_a_file_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("x")
    path.chmod(0)
    assert code_of(read_source, path)[0] == "T0003"


def test_large_files_are_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as stream:
        stream.truncate(MAX_BYTES + 1)
    assert code_of(read_source, path)[0] == "T0005"


def test_endless_streams_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "MAX_BYTES", 1000)
    assert code_of(read_source, "/dev/zero")[0] == "T0005"
