"""`inspect`, `check`, `ops`, and what all commands share."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from transpiler import __version__
from transpiler.cli import main

NET = """
name: "tiny"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 4 } }
layer { name: "relu" type: "ReLU" bottom: "ip" top: "ip" }
"""


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "net.prototxt"
    path.write_text(NET)
    return path


def test_inspect_table(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(net)]) == 0
    page = capsys.readouterr().out
    assert "tiny (caffe, phase TEST)" in page
    assert "parameters: 772, trainable 772" in page


def test_inspect_json(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(net), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [layer["name"] for layer in found["layers"]] == ["data", "ip", "relu"]
    assert found["param_count"] == 772


def test_check_reports_on_stderr(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(net), "--to", "keras", "--to", "caffe"]) == 0
    shown = capsys.readouterr()
    assert shown.out == f"{net}: no errors for keras, caffe\n"
    assert shown.err == ""


def test_check_as_json_and_sarif(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net = tmp_path / "net.prototxt"
    net.write_text(NET.replace("num_output: 4", ""))
    assert main(["check", str(net), "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [one["severity"] for one in found] == ["error"]
    assert found[0]["place"]["line"] == 4
    assert main(["check", str(net), "--format", "sarif"]) == 1
    run = json.loads(capsys.readouterr().out)["runs"][0]
    assert run["tool"]["driver"]["version"] == __version__
    assert [one["level"] for one in run["results"]] == ["error"]


def test_ops_lists_and_explains(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ops"]) == 0
    assert "batch_norm" in capsys.readouterr().out
    assert main(["ops", "batch_norm"]) == 0
    page = capsys.readouterr().out
    assert "epsilon" in page
    assert "learned arrays: gamma, beta, mean, variance" in page
    assert "in caffe: BatchNorm" in page
    assert main(["ops", "batch_norms"]) == 2
    assert "did you mean batch_norm?" in capsys.readouterr().err


def test_ops_as_json_and_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ops", "concat", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["fields"][0]["name"] == "axis"
    assert main(["ops", "--format", "markdown"]) == 0
    assert "## `concat`" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"transpiler {__version__}\n"


def test_a_closed_pipe_is_no_error(net: Path) -> None:
    command = f"{sys.executable} -m transpiler ops --format markdown | head -c 1"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout == "#"
    assert done.stderr == ""


def test_colour_is_for_terminals_only(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net.write_text("layer {")
    assert main(["check", str(net)]) == 1
    assert "\x1b" not in capsys.readouterr().err


def test_a_conversion_loads_nothing_heavy(net: Path) -> None:
    watched = "{'lark', 'rich', 'numpy', 'keras', 'tensorflow', 'cv2', 'google.protobuf', 'tempfile'}"
    program = (
        "import sys; from transpiler.cli import main; "
        f"code = main(['convert', {str(net)!r}, '--to', 'keras', '-o', {str(net) + '.json'!r}]); "
        f"print(code, sorted({watched} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "0 []\n"


def test_importing_the_package_loads_nothing_else_of_it() -> None:
    program = "import sys, transpiler; print([m for m in sys.modules if m.startswith('transpiler.')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
