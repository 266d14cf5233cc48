"""A run that is interrupted, politely or not, loses nothing and does nothing twice."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.batch.commands import line_count, run, start, wait_until
from tests.batch.kills import differences, killed, undisturbed
from tests.batch.nets import write_nets
from tests.batch.trees import MANIFEST, lines

pytestmark = pytest.mark.slow

COUNT = 90


@pytest.fixture
def many(tmp_path: Path) -> Path:
    folder = tmp_path / "nets"
    write_nets(folder, COUNT, in_one=30)
    return folder


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_signal_ends_a_run_in_good_order(many: Path, tmp_path: Path, number: int, code: int) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    command = ("batch", many, "--to", "keras", "--out", out, "--jobs", "2", "--no-sort")
    process = start(*command, stderr=subprocess.PIPE)
    assert wait_until(lambda: line_count(out / MANIFEST) > 5)
    process.send_signal(number)
    _, said = process.communicate(timeout=120)
    assert process.returncode == code
    assert b"go on with --resume" in said
    done = line_count(out / MANIFEST)
    assert done < COUNT
    assert len(list(out.rglob("*.json"))) == sum(one["status"] == "converted" for one in lines(out))
    resumed = run(*command, "--resume")
    assert f"({done} unchanged)" in resumed.stderr
    undisturbed(many, whole, 2)
    assert differences(many, whole, out) == []


def test_kills_at_any_moment_lose_nothing(many: Path, tmp_path: Path) -> None:
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    seconds = undisturbed(many, whole, 2)
    killed(many, torn, jobs=2, kills=4, seed=7, seconds=seconds)
    assert differences(many, whole, torn) == []


def test_second_run_in_the_same_place_is_refused_while_the_first_goes_on(many: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ("batch", many, "--to", "keras", "--out", out, "--jobs", "1")
    first = start(*command)
    try:
        assert wait_until(lambda: line_count(out / MANIFEST) > 0)
        second = run(*command, "--resume")
        assert second.returncode == 2
        assert "another run is writing the manifest" in second.stderr
    finally:
        first.kill()
        first.wait()
