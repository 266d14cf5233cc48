"""What the zoo says of itself: names, the command, the page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from transpiler.cli import main
from transpiler.ir.verifier import verify
from transpiler.zoo import NETWORKS, UnknownNetwork, build, entry

PAGE = Path(__file__).resolve().parents[2] / "docs" / "zoo.md"


Captured = pytest.CaptureFixture[str]


def run(capsys: Captured, *arguments: str) -> tuple[int, str]:
    """The exit code and what is written to stdout."""
    code = main(["zoo", *arguments])
    return code, capsys.readouterr().out


def test_names_and_titles_are_unique() -> None:
    assert len({one.name for one in NETWORKS}) == len(NETWORKS)
    assert len({one.title for one in NETWORKS}) == len(NETWORKS)


@pytest.mark.parametrize("name", [one.name for one in NETWORKS])
def test_modules_are_sound(name: str) -> None:
    (graph,) = build(name).graphs.values()
    verify(graph, shaped=True)


def test_a_wrong_name_is_answered_with_a_near_one() -> None:
    with pytest.raises(UnknownNetwork, match="did you mean vgg16"):
        entry("vgg")


def test_list(capsys: Captured) -> None:
    code, text = run(capsys, "list")
    assert code == 0
    assert [line.split()[0] for line in text.splitlines()] == [one.name for one in NETWORKS]


def test_list_as_json(capsys: Captured) -> None:
    _, text = run(capsys, "list", "--format", "json")
    listed = {one["name"]: one["param_count"] for one in json.loads(text)}
    assert listed == {one.name: one.parameters for one in NETWORKS}


def test_page_has_the_list(capsys: Captured) -> None:
    _, text = run(capsys, "list", "--format", "markdown")
    assert text in PAGE.read_text(encoding="utf-8"), (
        "put `transpiler zoo list --format markdown` into docs/zoo.md"
    )


def test_show(capsys: Captured) -> None:
    code, text = run(capsys, "show", "lenet")
    assert code == 0
    assert "Gradient-Based Learning" in text
    assert "parameters: 431,080" in text


def test_show_as_json(capsys: Captured) -> None:
    _, text = run(capsys, "show", "lenet", "--format", "json")
    found = json.loads(text)
    assert found["network"]["param_count"] == found["param_count"]


def test_export_to_a_file(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "lenet.prototxt"
    code, text = run(capsys, "export", "lenet", "-o", str(file), "--batch", "64", "--quiet")
    assert (code, text) == (0, "")
    assert "dim: 64" in file.read_text(encoding="utf-8")


def test_export_to_stdout(capsys: Captured) -> None:
    code, text = run(capsys, "export", "lenet", "--to", "keras")
    assert code == 0
    assert json.loads(text)["config"]["name"] == "lenet"


def test_export_that_has_no_exact_form(capsys: Captured) -> None:
    code, text = run(capsys, "export", "seq2seq", "--to", "caffe", "--quiet")
    assert (code, text) == (1, "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "lenett"], "did you mean lenet?"),
        (["export", "lenet"], "say what to write with --to"),
        (["export", "lenet", "-o", "lenet.xyz"], "does not tell what to write"),
        (["export", "lenet", "-o", "lenet.keras"], "holds weights, and there are none"),
    ],
    ids=["name", "no target", "suffix", "weights"],
)
def test_wrong_usage(arguments: list[str], said: str, capsys: Captured) -> None:
    assert main(["zoo", *arguments]) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.out == ""
