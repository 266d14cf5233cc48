"""The fixture `golden_model`, in a test suite of its own as a user has one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.golden.nets import change, net

pytestmark = pytest.mark.slow

TESTS = """
import pytest

@pytest.mark.parametrize("name", ["one", "two"])
def test_model(golden_model, name):
    golden_model(f"nets/{name}.prototxt", to=["keras"])
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    (tmp_path / "nets").mkdir()
    for number, name in enumerate(("one", "two")):
        (tmp_path / "nets" / f"{name}.prototxt").write_text(net(number))
    (tmp_path / "test_nets.py").write_text(TESTS)
    return tmp_path


def run(suite: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:hypothesispytest",
        *arguments,
    ]
    # a run of its own, also where this test is run by one of several workers: those are quiet
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    environment = {**inherited, "NO_COLOR": "1"}
    return subprocess.run(command, cwd=suite, check=False, capture_output=True, text=True, env=environment)


def test_model_without_golden_files_fails(suite: Path) -> None:
    done = run(suite)
    assert done.returncode == 1
    assert "nets/one.prototxt: new: it has no golden files" in done.stdout


def test_update_writes_what_is_then_compared(suite: Path) -> None:
    assert run(suite, "--snapshot-update").returncode == 0
    golden = suite / "nets" / "golden"
    assert sorted(path.name for path in (golden / "one.prototxt").iterdir()) == ["keras.json", "summary.ir"]
    done = run(suite)
    assert done.returncode == 0
    assert "4 snapshots passed" in done.stdout


def test_change_is_told_layer_by_layer(suite: Path) -> None:
    run(suite, "--snapshot-update")
    change(suite / "nets" / "two.prototxt", "num_output: 10", "num_output: 11")
    done = run(suite)
    assert done.returncode == 1
    assert "1 failed, 1 passed" in done.stdout
    assert "nets/two.prototxt:29:96: layer scores (InnerProduct): units 10 -> 11" in done.stdout
    assert "Traceback" not in done.stdout


def test_updating_a_part_of_the_tests_deletes_nothing(suite: Path) -> None:
    run(suite, "--snapshot-update")
    (suite / "nets" / "golden" / "one.prototxt" / "caffe.prototxt").write_text("of somebody else")
    assert run(suite, "--snapshot-update", "-k", "two").returncode == 0
    assert run(suite, "--snapshot-update").returncode == 0
    assert len(list((suite / "nets" / "golden").rglob("*.*"))) == 7  # two directories and five files


def test_update_replaces_a_refusal_by_the_text(suite: Path) -> None:
    change(suite / "nets" / "two.prototxt", 'type: "ReLU"', 'type: "Own"')
    run(suite, "--snapshot-update")
    change(suite / "nets" / "two.prototxt", 'type: "Own"', 'type: "ReLU"')
    assert run(suite, "--snapshot-update").returncode == 0
    golden = suite / "nets" / "golden" / "two.prototxt"
    assert sorted(path.name for path in golden.iterdir()) == ["keras.json", "summary.ir"]


def test_files_are_those_of_the_command(suite: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "transpiler",
        "golden",
        "record",
        "nets",
        "--to",
        "keras",
        "--to",
        "caffe",
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    subprocess.run(command, cwd=suite, check=True, capture_output=True, env=environment)
    (suite / "test_nets.py").write_text(TESTS.replace(', to=["keras"]', ""))
    done = run(suite)
    assert done.returncode == 0
    assert "6 snapshots passed" in done.stdout


def test_tests_may_run_in_several_processes(suite: Path) -> None:
    assert run(suite, "--snapshot-update", "--numprocesses", "2").returncode == 0
    assert run(suite, "--numprocesses", "2").returncode == 0


def test_plugin_loads_nothing_until_it_is_used(suite: Path) -> None:
    (suite / "test_nets.py").write_text(
        "import sys\n\ndef test_loaded():\n    assert 'transpiler.driver' not in sys.modules\n"
    )
    assert run(suite).returncode == 0
