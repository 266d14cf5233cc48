"""What is installed, and what a small conversion loads."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("cv2", "google.protobuf", "hypothesis", "keras", "lark", "numpy", "rich", "tensorflow", "tf_keras")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in a wheel built from this tree."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


def test_wheel_carries_every_grammar(wheel: set[str]) -> None:
    grammars = {f"transpiler/grammar/{path.name}" for path in (ROOT / "grammar").glob("*.lark")}
    assert grammars
    assert grammars <= wheel


def test_wheel_carries_every_module_and_says_it_is_typed(wheel: set[str]) -> None:
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "transpiler").rglob("*.py")}
    assert modules <= wheel
    assert "transpiler/py.typed" in wheel


def test_wheel_carries_nothing_else(wheel: set[str]) -> None:
    assert {name.split("/")[0].split("-")[0] for name in wheel} == {"transpiler"}


def test_wheel_carries_the_license(wheel: set[str]) -> None:
    assert [name for name in wheel if name.endswith("licenses/LICENSE")]


def loaded_by(code: str) -> set[str]:
    """Which of the heavy packages a fresh interpreter has loaded after running some code."""
    probe = f"{code}\nimport sys\nprint(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, check=True, capture_output=True, text=True)
    return set(done.stdout.splitlines()[-1].split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_by("import transpiler, transpiler.cli") == set()


@pytest.mark.parametrize("target", ["keras", "caffe", "ir"])
def test_a_small_conversion_loads_nothing_heavy(target: str) -> None:
    code = f"import transpiler\nprint(transpiler.convert('examples/lenet.prototxt', to={target!r}).text)"
    assert loaded_by(code) == set()


def test_tests_are_pinned_within_the_declared_ranges() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in lines if "==" in line}
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    named = {item.split("[")[0].split(">")[0] for group in groups for item in group}
    assert named - {project["name"]} <= pinned
