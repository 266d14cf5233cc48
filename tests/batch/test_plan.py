"""Which files a batch takes, and where it puts the results."""

from __future__ import annotations

from pathlib import Path

import pytest

from transpiler.batch.plan import plan
from transpiler.driver.options import UsageError


def outputs(sources: list[str | Path], out: str | Path, **more: tuple[str, ...]) -> dict[str, str]:
    """Input -> output without suffix."""
    return {
        item.input: item.output for item in plan([str(one) for one in sources], str(out), ".json", **more)
    }


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (
        "nets/a.prototxt",
        "nets/deep/er/b.json",
        "nets/deep/c.pbtxt",
        "nets/notes.txt",
        "nets/.git/d.json",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_tree_of_a_directory_is_mirrored(tree: Path) -> None:
    assert outputs(["nets"], "out") == {
        "nets/a.prototxt": "out/a",
        "nets/deep/c.pbtxt": "out/deep/c",
        "nets/deep/er/b.json": "out/deep/er/b",
    }


def test_named_file_may_be_called_anything(tree: Path) -> None:
    assert outputs(["nets/notes.txt"], "out") == {"nets/notes.txt": "out/notes"}


def test_pattern_mirrors_what_is_below_its_fixed_part(tree: Path) -> None:
    assert outputs(["nets/**/*.json"], "out") == {"nets/deep/er/b.json": "out/deep/er/b"}


def test_pattern_may_be_absolute(tree: Path) -> None:
    assert outputs([tree / "nets" / "*" / "*.pbtxt"], "out") == {f"{tree}/nets/deep/c.pbtxt": "out/deep/c"}


def test_url_of_a_local_file_is_its_path(tree: Path) -> None:
    assert outputs([f"file://{tree}/nets/a.prototxt"], f"file://{tree}/out") == {
        f"{tree}/nets/a.prototxt": f"{tree}/out/a"
    }


def test_output_directory_inside_the_source_is_no_source(tree: Path) -> None:
    (tree / "nets/out").mkdir()
    (tree / "nets/out/old.json").write_text("x")
    assert "nets/out/old.json" not in outputs(["nets"], "nets/out")


def test_excluded_names_are_left_out(tree: Path) -> None:
    assert list(outputs(["nets"], "out", exclude=("*.json", "deep/c*"))) == ["nets/a.prototxt"]


def test_file_that_is_reached_twice_is_taken_once(tree: Path) -> None:
    assert list(outputs(["nets/a.prototxt", tree / "nets" / "a.prototxt"], "out")) == ["nets/a.prototxt"]


def test_two_inputs_of_one_output_are_refused(tree: Path) -> None:
    (tree / "nets/a.json").write_text("x")
    with pytest.raises(UsageError, match=r"nets/a.json and nets/a.prototxt would both become out/a\.\*"):
        outputs(["nets"], "out")


def test_result_is_never_written_onto_an_input(tree: Path) -> None:
    with pytest.raises(UsageError, match=r"nets/deep/er/b\.json, the result of .*, is a source itself"):
        outputs(["nets/deep/er/b.json"], "nets/deep/er")


def test_source_directory_is_no_output_directory(tree: Path) -> None:
    with pytest.raises(UsageError, match="results need a directory of their own"):
        outputs(["nets"], "./nets")


@pytest.mark.parametrize("source", ["nowhere", "nets/*.onnx", "nets/.git"])
def test_source_without_files_is_refused(tree: Path, source: str) -> None:
    with pytest.raises(UsageError):
        outputs([source], "out", exclude=("*",) if source == "nets/.git" else ())
