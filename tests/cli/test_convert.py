"""`transpiler convert` as a user meets it: exit codes, streams, files."""

from __future__ import annotations

import io
import os
import stat
import sys
from pathlib import Path

import pytest

from transpiler.cli import main

NET = """
name: "tiny"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 4 } }
"""
BROKEN = NET.replace("num_output: 4", "num_output: 4 axis: 7")


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "net.prototxt"
    path.write_text(NET)
    return path


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "broken.prototxt"
    path.write_text(BROKEN)
    return path


def test_writes_to_stdout(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(net), "--to", "caffe"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith('name: "tiny"\nlayer {')
    assert shown.err == ""


def test_reads_stdin(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(NET.encode())))
    assert main(["convert", "-", "--to", "keras"]) == 0
    assert '"class_name"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "beginning"),
    [("out.prototxt", "name:"), ("out.json", "{"), ("out.ir", "module"), ("OUT.IR", "module")],
)
def test_suffix_of_the_output_says_the_target(net: Path, tmp_path: Path, name: str, beginning: str) -> None:
    output = tmp_path / name
    assert main(["convert", str(net), "-o", str(output)]) == 0
    assert output.read_text().startswith(beginning)


def test_errors_go_to_stderr_and_write_nothing(
    broken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.json"
    assert main(["convert", str(broken), "-o", str(output)]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"{broken}:4:" in shown.err
    assert 'type: "InnerProduct"' in shown.err
    assert "^" in shown.err
    assert shown.err.endswith("1 error\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.prototxt"]


def test_failure_leaves_an_older_output_alone(broken: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.json"
    output.write_text("older")
    assert main(["convert", str(broken), "-o", str(output)]) == 1
    assert output.read_text() == "older"


def test_replaced_output_keeps_its_mode(net: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.json"
    output.write_text("older")
    output.chmod(0o640)
    assert main(["convert", str(net), "-o", str(output)]) == 0
    assert output.read_text().startswith("{")
    assert stat.S_IMODE(output.stat().st_mode) == 0o640
    assert len(list(tmp_path.iterdir())) == 2


def test_output_through_a_link_replaces_the_file_it_leads_to(net: Path, tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text("older")
    (tmp_path / "link.json").symlink_to("real.json")
    assert main(["convert", str(net), "-o", str(tmp_path / "link.json")]) == 0
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "real.json").read_text().startswith("{")


def test_output_to_a_device(net: Path) -> None:
    assert main(["convert", str(net), "--to", "ir", "-o", os.devnull]) == 0
    assert Path(os.devnull).is_char_device()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{net}"], "say what to write with --to"),
        (["{net}", "-o", "{dir}/out.txt"], "does not tell what to write"),
        (["{net}", "--to", "caffe2"], "'caffe2' is not one of"),
        (["{net}", "-o", "{dir}/none/out.json"], "does not exist"),
        (["{net}", "--to", "keras", "-o", "{dir}"], "is a directory"),
        (["{net}", "--to", "caffe", "-o", "{net}"], "is the source itself"),
        (["{net}", "--to", "caffe", "-o", "{dir}/../{base}/net.prototxt"], "is the source itself"),
        (["{net}", "--to", "keras", "--input-shape", "data"], "is not of the form NAME=1,3,224,224"),
        (["{net}", "--to", "keras", "--input-shape", "data=1,x"], "'x' in 'data=1,x' is not a size"),
        (["{net}", "--to", "keras", "--input-shape", "data=1,9999999999"], "is not a size"),
        (["{net}", "--to", "keras", "--batch", "0"], "0 is not in the range"),
        (["{net}", "--to", "caffe", "--data-format", "channels_last"], "Caffe has one data format"),
        (["{net}", "--to", "keras", "--stop-after", "nothing"], "there is no pass 'nothing'"),
        (["{net}", "--to", "keras", "--print-after", "nothing"], "there is no pass 'nothing'"),
        ([], "the following arguments are required: SRC"),
    ],
)  # fmt: skip
def test_wrong_usage(
    net: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    filled = [one.format(net=net, dir=tmp_path, base=tmp_path.name) for one in arguments]
    assert main(["convert", *filled]) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.out == ""
    assert net.read_text() == NET
    assert list(tmp_path.iterdir()) == [net]


def test_stop_after_writes_the_graph_as_it_is_then(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(net), "--to", "keras", "--stop-after", "infer_shapes"]) == 0
    assert "f32[1, 4]" in capsys.readouterr().out


def test_print_after_and_timing(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--to", "keras", "--print-after", "infer_shapes", "--timing"]
    assert main(["convert", str(net), *arguments]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("{")
    assert "# after infer_shapes\nmodule" in shown.err
    assert "ms  parse\n" in shown.err
    assert "ms  infer_shapes\n" in shown.err


def test_strict_makes_warnings_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net = tmp_path / "net.prototxt"
    net.write_text(NET.replace("num_output", "colour: 3 num_output"))
    assert main(["convert", str(net), "--to", "caffe"]) == 0
    assert "1 warning" in capsys.readouterr().err
    assert main(["convert", str(net), "--to", "caffe", "--quiet"]) == 0
    assert capsys.readouterr().err == ""
    assert main(["convert", str(net), "--to", "caffe", "--strict"]) == 1
    assert capsys.readouterr().out == ""
