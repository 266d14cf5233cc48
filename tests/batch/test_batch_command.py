"""`transpiler batch` as a user meets it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.batch.commands import COMMAND, ROOT
from tests.batch.nets import caffe_net
from tests.batch.trees import MANIFEST, account, lines, results, statuses
from transpiler import __version__, convert
from transpiler.cli import main


def batch(source: Path, out: Path, *more: str) -> int:
    return main(["batch", str(source), "--to", "keras", "--out", str(out), "--jobs", "1", *more])


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_results_are_those_of_single_conversions(nets: Path, out: Path) -> None:
    assert batch(nets, out) == 0
    assert len(results(out)) == 6
    for path in nets.rglob("*.prototxt"):
        result = out / path.relative_to(nets).with_suffix(".json")
        assert result.read_text() == convert(path, "keras").text


def test_one_bad_file_does_not_stop_the_rest(
    nets: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (nets / "bad.prototxt").write_text("layer {")
    (nets / "none.prototxt").symlink_to("nowhere")
    assert batch(nets, out) == 1
    found = statuses(out)
    assert found.pop("bad.prototxt") == "refused"
    assert found.pop("none.prototxt") == "failed"
    assert set(found.values()) == {"converted"}
    shown = capsys.readouterr()
    assert f"refused {nets}/bad.prototxt:1:8: T0103: " in shown.err
    assert "8 of 8 files: 1 failed, 1 refused, 6 converted" in shown.err
    assert shown.out == ""


def test_manifest_tells_all_about_a_file(nets: Path, out: Path) -> None:
    source = nets / "warned.prototxt"
    source.write_text('name: "n"\n' + caffe_net(1).replace("pad: ", "padd: "))
    batch(source, out, "--phase", "TEST", "--input-shape", "data=2,?,32,32")
    (record,) = lines(out)
    assert record["input"] == str(source)
    assert record["options"] == {"phase": "TEST", "input_shapes": {"data": [2, None, 32, 32]}}
    assert (record["to"], record["compiler"]) == ("keras", __version__)
    assert record["seconds"] > 0
    places = {one["place"]["file"] for one in record["diagnostics"] if one["place"]}
    assert places == {str(source)}
    assert {one["code"] for one in record["diagnostics"]} >= {"T1001"}


def test_resume_skips_what_has_not_changed(nets: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (nets / "bad.prototxt").write_text("layer {")
    batch(nets, out)
    before = (out / MANIFEST).read_bytes()
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*.json")}
    assert batch(nets, out, "--resume") == 1
    assert (out / MANIFEST).read_bytes() == before
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.json")} == times
    assert "(7 unchanged)" in capsys.readouterr().err


def test_resume_does_again_what_has_changed(
    nets: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    batch(nets, out)
    first, second, third, *_ = sorted(out.rglob("*.json"))
    whole = results(out)
    first.unlink()
    second.write_text("{}")
    source = nets / third.relative_to(out).with_suffix(".prototxt")
    source.write_text(source.read_text() + "# a comment\n")
    assert batch(nets, out, "--resume") == 0
    assert results(out) == whole
    assert len(lines(out)) == 6
    assert "(3 unchanged)" in capsys.readouterr().err


def test_resume_with_other_options_does_everything_again(
    nets: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    batch(nets, out)
    batch(nets, out, "--resume", "--data-format", "channels_first")
    assert "unchanged" not in capsys.readouterr().err


def test_two_jobs_give_what_one_gives(nets: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    batch(nets, one)
    batch(nets, two, "--jobs", "2")
    assert results(one) == results(two)
    assert account(one) == account(two)


def save_arrays(path: Path, value: float) -> None:
    import numpy as np

    arrays: dict[str, Any] = {"ip/0": np.full((3, 2), value, "f4"), "ip/1": np.zeros(3, "f4")}
    np.savez(path, **arrays)


def test_weights_of_each_input_are_carried(nets: Path, out: Path) -> None:
    model = next(nets.rglob("*.prototxt"))
    model.write_text(
        'name: "n" layer { name: "d" type: "Input" top: "d" input_param { shape { dim: 1 dim: 2 } } }'
        ' layer { name: "ip" type: "InnerProduct" bottom: "d" top: "ip" inner_product_param { num_output: 3 } }'
    )
    weights = model.with_suffix(".npz")
    save_arrays(weights, 1.0)
    command = ["batch", str(model), "--to", "caffe", "--out", str(out), "--jobs", "1"]
    asked = [*command, "--weights", "{dir}/{stem}.npz", "--resume"]
    assert main(asked) == 0
    (record,) = lines(out)
    assert [Path(output["path"]).suffix for output in record["outputs"]] == [".caffemodel", ".prototxt"]
    before = results(out)
    save_arrays(weights, 2.0)
    assert main(asked) == 0
    assert {name for name in before if before[name] != results(out)[name]} == {f"{model.stem}.caffemodel"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--engine", "celery"],
        ["--engine", "celery", "--broker", "amqp://localhost"],
        ["--to", "ir", "--weights", "{stem}.npz"],
        ["--report", "s3://bucket/manifest"],
        ["--to", "onnx"],
        ["--jobs", "0"],
        ["--out", "/dev/null", "--report", "/dev/null"],
        ["--out", "/dev/null/below"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_told_before_anything_is_written(
    nets: Path, out: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert batch(nets, out, *arguments) == 2
    assert "Error: " in capsys.readouterr().err
    assert not out.exists()


def test_unreachable_manifest_is_told(nets: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert batch(nets, out, "--report", str(nets)) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_result_that_cannot_be_written_is_that_files_failure(nets: Path, out: Path) -> None:
    (out / "set0000").mkdir(parents=True)
    blocked = out / "set0000" / "net000000.json"
    blocked.mkdir()
    assert batch(nets, out) == 1
    (failed,) = [record for record in lines(out) if record["status"] == "failed"]
    assert failed["input"].endswith("net000000.prototxt")
    assert [one["code"] for one in failed["diagnostics"] if one["severity"] == "error"] == ["T8004"]


def test_pipe_among_the_sources_is_not_waited_for(nets: Path, out: Path) -> None:
    os.mkfifo(nets / "pipe.prototxt")
    assert batch(nets, out) == 1
    assert statuses(out)["pipe.prototxt"] == "failed"


def test_names_that_are_no_text_are_names_all_the_same(nets: Path, out: Path) -> None:
    (nets / os.fsdecode(b"caf\xe9.prototxt")).write_text(caffe_net(1))
    assert batch(nets, out) == 0
    assert (out / os.fsdecode(b"caf\xe9.json")).exists()


def test_terminal_shows_a_bar_with_the_rate(nets: Path, out: Path) -> None:
    (nets / "bad.prototxt").write_text("layer {")
    terminal, other = pty.openpty()
    command = [*COMMAND, "batch", str(nets), "--to", "keras", "--out", str(out), "--jobs", "1"]
    with subprocess.Popen(command, cwd=ROOT, stderr=other, env={**os.environ, "TERM": "xterm"}) as process:
        os.close(other)
        shown = b""
        while piece := _read(terminal):
            shown += piece
    os.close(terminal)
    assert process.returncode == 1
    assert b"\x1b[" in shown
    assert b"refused " in shown
    assert b"7 of 7 files" in shown


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other end is closed
        return b""


def test_manifest_is_valid_json_line_by_line(nets: Path, out: Path) -> None:
    batch(nets, out)
    text = (out / MANIFEST).read_text()
    assert text.endswith("\n")
    assert text.isascii()
    inputs = [json.loads(line)["input"] for line in text.splitlines()]
    assert inputs == sorted(inputs)
