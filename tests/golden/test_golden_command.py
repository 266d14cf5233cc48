"""`transpiler golden` as a user meets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden.nets import STRIDE_OF_CONV2, change, change_line, net, write_nets
from transpiler import convert
from transpiler.cli import main

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def models(tmp_path: Path, capsys: Captured) -> Path:
    """Three models with golden files."""
    folder = tmp_path / "models"
    write_nets(folder, 3)
    assert main(["golden", "record", str(folder), "--to", "keras", "--to", "caffe"]) == 0
    capsys.readouterr()
    return folder


def one(models: Path) -> Path:
    return models / "family1" / "net01.prototxt"


def golden_files(models: Path) -> dict[str, str]:
    golden = models / "golden"
    return {
        path.relative_to(golden).as_posix(): path.read_text() for path in golden.rglob("*") if path.is_file()
    }


def test_recorded_are_a_summary_and_every_target(models: Path) -> None:
    files = golden_files(models)
    below = "family1/net01.prototxt"
    assert sorted(name for name in files if name.startswith(below)) == [
        f"{below}/caffe.prototxt",
        f"{below}/keras.json",
        f"{below}/summary.ir",
    ]
    assert files[f"{below}/keras.json"] == convert(one(models), "keras").text


def test_nothing_changed(models: Path, capsys: Captured) -> None:
    assert main(["golden", "check", str(models)]) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "3 models: 3 same\n")


@pytest.mark.parametrize("stride", ["2", "3"])
def test_one_stride_in_fifty_models_is_told_exactly(tmp_path: Path, capsys: Captured, stride: str) -> None:
    write_nets(tmp_path, 50)
    main(["golden", "record", str(tmp_path), "--to", "keras"])
    path = tmp_path / "family3" / "net33.prototxt"
    change_line(path, STRIDE_OF_CONV2, "stride: 1", f"stride: {stride}")
    capsys.readouterr()
    assert main(["golden", "check", str(tmp_path), "--quiet"]) == 1
    shown = capsys.readouterr()
    told = [line for line in shown.out.splitlines() if not line.startswith(" ")]
    assert told == [f"{path}:24:5: layer conv2 (Convolution): strides [1, 1] -> [{stride}, {stride}]"]
    assert shown.err.startswith("50 models: 49 same, 1 changed\n")


def test_layers_come_before_texts(models: Path, capsys: Captured) -> None:
    change(one(models), "num_output: 10", "num_output: 11")
    assert main(["golden", "check", str(models)]) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"{one(models)}:29:96: layer scores (InnerProduct): units 10 -> 11"
    assert told[1].startswith("    shapes that follow: scores f32[1, 10] -> f32[1, 11]")
    assert told[2] == "--- golden/keras.json"
    assert [line for line in told[4:] if line[0] in "+-"][:2] == [
        '-          "units": 10',
        '+          "units": 11',
    ]


def test_layers_that_come_and_go_are_told(models: Path, capsys: Captured) -> None:
    path = one(models)
    text = path.read_text()
    path.write_text(text.replace('layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }\n', ""))
    other = models / "family2" / "net02.prototxt"
    change(
        other,
        'layer { name: "prob"',
        'layer { name: "sq" type: "TanH" bottom: "scores" top: "scores" }\nlayer { name: "prob"',
    )
    main(["golden", "check", str(models), "--quiet"])
    assert capsys.readouterr().out.splitlines() == [
        f"{path}:15:7: layer relu1 (ReLU): removed",
        f"{other}:30:7: layer sq (TanH): added",
    ]


def test_models_that_come_and_go_are_told(models: Path, capsys: Captured) -> None:
    one(models).unlink()
    new = models / "new.prototxt"
    new.write_text(net(9))
    assert main(["golden", "check", str(models)]) == 1
    told = capsys.readouterr().out.splitlines()
    assert told == [
        f"{new}: new: it has no golden files",
        f"{one(models)}: gone: it has golden files, but is not there",
    ]


def test_change_that_makes_a_model_senseless_is_told_with_the_reason(models: Path, capsys: Captured) -> None:
    change(one(models), "kernel_size: 2 stride: 2", "kernel_size: 99 stride: 2")
    assert main(["golden", "check", str(models), "--quiet"]) == 1
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.endswith("layer pool (Pooling): kernel [2, 2] -> [99, 99]")
    assert last.startswith(f"{one(models)}: the model is refused: T4001: ")


def test_comment_is_no_change(models: Path) -> None:
    one(models).write_text("# a comment\n\n" + one(models).read_text())
    assert main(["golden", "check", str(models)]) == 0


def test_change_of_the_compiler_alone_is_told_by_the_layers_of_the_result(
    models: Path, capsys: Captured
) -> None:
    golden = models / "golden" / "family1" / "net01.prototxt" / "keras.json"
    text = golden.read_text()
    golden.write_text(text.replace('"units": 10', '"units": 12'))
    assert main(["golden", "check", str(models), "--quiet"]) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"{one(models)}:29:7: keras: layer scores (Dense): units 12 -> 10"


def test_accepted_state_is_the_golden_one(models: Path, capsys: Captured) -> None:
    change(one(models), "num_output: 10", "num_output: 11")
    (models / "family2" / "net02.prototxt").unlink()
    (models / "new.prototxt").write_text(net(9))
    assert main(["golden", "accept", str(models)]) == 0
    assert "accepted family1/net01.prototxt (changed)" in capsys.readouterr().out
    assert main(["golden", "check", str(models)]) == 0
    assert not (models / "golden" / "family2").exists()


def test_only_named_models_are_accepted(models: Path) -> None:
    for name in ("family0/net00.prototxt", "family1/net01.prototxt"):
        change(models / name, "num_output: 10", "num_output: 11")
    assert main(["golden", "accept", str(models), "family0/net00.prototxt"]) == 0
    assert main(["golden", "check", str(models), str(models / "family0" / "net00.prototxt")]) == 0
    assert main(["golden", "check", str(models)]) == 1


def test_recording_again_adds_what_is_missing_and_replaces_nothing(models: Path) -> None:
    before = golden_files(models)
    change(one(models), "num_output: 10", "num_output: 11")
    (models / "new.prototxt").write_text(net(9))
    assert main(["golden", "record", str(models)]) == 0
    after = golden_files(models)
    assert {name: after[name] for name in before} == before
    assert min(after.keys() - before.keys()) == "new.prototxt/caffe.prototxt"
    assert main(["golden", "check", str(models)]) == 1


def test_targets_can_be_changed(models: Path) -> None:
    assert main(["golden", "record", str(models), "--to", "keras", "--to", "keras2"]) == 0
    names = {name.rpartition("/")[2] for name in golden_files(models)}
    assert names == {"golden.json", "keras.json", "keras2.json", "summary.ir"}
    assert main(["golden", "check", str(models)]) == 0


def test_options_are_remembered(tmp_path: Path) -> None:
    (tmp_path / "a.prototxt").write_text(net(1))
    main(["golden", "record", str(tmp_path), "--to", "keras", "--batch", "7", "--exclude", "b*"])
    (tmp_path / "b.prototxt").write_text(net(2))
    assert "f32[7, 3, 32, 32]" in golden_files(tmp_path)["a.prototxt/summary.ir"]
    assert main(["golden", "check", str(tmp_path)]) == 0


def test_refusals_are_golden_too(tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "a.prototxt"
    path.write_text(net(1).replace('type: "TanH"', 'type: "Own"').replace('type: "ReLU"', 'type: "Own"'))
    main(["golden", "record", str(tmp_path), "--to", "keras"])
    assert golden_files(tmp_path)["a.prototxt/keras.refused.txt"].startswith("T5001: layer relu1")
    assert main(["golden", "check", str(tmp_path)]) == 0
    change(path, 'type: "Own"', 'type: "ReLU"')
    capsys.readouterr()
    assert main(["golden", "check", str(tmp_path), "--quiet"]) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[-1:] == [f"{path}: keras is no longer refused"]


@pytest.mark.parametrize("command", ["check", "accept"])
def test_without_a_record_there_is_nothing_to_compare(tmp_path: Path, command: str, capsys: Captured) -> None:
    assert main(["golden", command, str(tmp_path)]) == 2
    assert "run `transpiler golden record" in capsys.readouterr().err


@pytest.mark.parametrize(
    "damage", ["{", "[]", '{"targets": ["onnx"], "options": {}, "exclude": []}', '{"targets": []}']
)
def test_damaged_configuration_is_told(models: Path, damage: str, capsys: Captured) -> None:
    (models / "golden" / "golden.json").write_text(damage)
    assert main(["golden", "check", str(models)]) == 2
    assert "Error: " in capsys.readouterr().err


def test_model_that_does_not_exist_is_wrong_usage(models: Path) -> None:
    assert main(["golden", "check", str(models), "nowhere"]) == 2


def test_directory_without_models_is_wrong_usage(tmp_path: Path) -> None:
    assert main(["golden", "record", str(tmp_path)]) == 2
