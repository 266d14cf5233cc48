"""Files that take too long, take too much, or take their process with them: each is that file's affair alone."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.batch.nets import caffe_net, chain
from tests.batch.trees import lines, statuses
from transpiler.batch.pool import Pool
from transpiler.batch.task import Job, Reply, Status, Task
from transpiler.cli import main

pytestmark = pytest.mark.slow

LONG = 6000
"""Layers of a net that takes seconds."""
MUCH = 80_000_000
"""Characters of a comment that is too long for a small memory."""


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Small nets around a long one."""
    folder = tmp_path / "nets"
    folder.mkdir()
    for number in range(4):
        (folder / f"net{number}.prototxt").write_text(caffe_net(number))
    (folder / "net1_long.prototxt").write_text(chain(LONG))
    return folder


def test_file_that_takes_too_long_is_given_up(mixed: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["batch", str(mixed), "--to", "keras", "--out", str(out), "--jobs", "1"]
    (mixed / "net1_long.prototxt").write_text(chain(20 * LONG))
    assert main([*command, "--timeout", "8"]) == 1
    found = statuses(out)
    assert found.pop("net1_long.prototxt") == "timeout"
    assert set(found.values()) == {"converted"}
    (slow,) = [record for record in lines(out) if record["status"] == "timeout"]
    assert slow["diagnostics"][0]["code"] == "T8001"
    assert 8 <= slow["seconds"] < 30


def test_file_that_takes_too_much_memory_is_given_up(mixed: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (mixed / "net1_long.prototxt").write_text(chain(10) + "# " + MUCH * "x")
    command = ["batch", str(mixed), "--to", "keras", "--out", str(out), "--jobs", "1", "--memory", "64"]
    assert main(command) == 1
    found = statuses(out)
    assert found.pop("net1_long.prototxt") == "memory"
    assert set(found.values()) == {"converted"}
    (big,) = [record for record in lines(out) if record["status"] == "memory"]
    assert [one["code"] for one in big["diagnostics"]] == ["T8002"]


def test_what_may_go_better_is_tried_again_on_resume(mixed: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (mixed / "net1_long.prototxt").write_text(chain(10) + "# " + MUCH * "x")
    command = ["batch", str(mixed), "--to", "keras", "--out", str(out), "--jobs", "1", "--resume"]
    main([*command, "--memory", "64"])
    assert main(command) == 0
    assert set(statuses(out).values()) == {"converted"}


def run_under_attack(mixed: Path, out: Path, attacks: int) -> dict[str, Reply]:
    """Convert everything while the process that is at the long net is killed so many times; replies by file."""
    inputs = sorted(mixed.iterdir())
    tasks = [Task(str(path), str(out / path.stem)) for path in inputs]
    with Pool(Job("keras"), 1) as pool:
        over = threading.Event()
        attacker = threading.Thread(target=_attack, args=(pool, attacks, over.is_set))
        attacker.start()
        try:
            replies = [reply for some in pool.run(tasks, len(tasks)) for reply in some]
        finally:
            over.set()
            attacker.join()
    return {Path(reply.task.input).name: reply for reply in replies}


def _attack(pool: Pool, attacks: int, is_over: Callable[[], bool]) -> None:
    killed: set[int] = set()
    while len(killed) < attacks and not is_over():
        for worker in tuple(pool._workers):
            at_long = worker.is_ready and worker.tasks and "long" in worker.tasks[0].input
            if at_long and worker.process.pid not in killed:
                killed.add(worker.process.pid)
                os.kill(worker.process.pid, signal.SIGKILL)
        time.sleep(0.005)


def test_file_whose_worker_is_killed_gets_another_one(mixed: Path, tmp_path: Path) -> None:
    replies = run_under_attack(mixed, tmp_path, attacks=1)
    assert len(replies) == 5
    assert {reply.status for reply in replies.values()} == {Status.CONVERTED}


def test_file_that_kills_every_worker_fails_alone(mixed: Path, tmp_path: Path) -> None:
    replies = run_under_attack(mixed, tmp_path, attacks=2)
    lost = replies.pop("net1_long.prototxt")
    assert lost.status is Status.FAILED
    assert lost.record is not None
    assert lost.record.diagnostics[0]["code"] == "T8003"
    assert "SIGKILL" in lost.record.diagnostics[0]["message"]
    assert {reply.status for reply in replies.values()} == {Status.CONVERTED}
    assert len(replies) == 4


def test_workers_end_with_their_parent(mixed: Path, tmp_path: Path) -> None:
    pool = Pool(Job("keras"), 1)
    tasks = [Task(str(path), str(tmp_path / path.stem)) for path in sorted(mixed.iterdir())]
    next(pool.run(tasks, len(tasks)))
    (worker,) = pool._workers
    pool.close()
    assert worker.process.returncode is not None
