"""A batch on Celery workers: a real Redis, real workers, some of which are killed."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.batch.commands import line_count, run, start, wait_until
from tests.batch.kills import differences, undisturbed
from tests.batch.nets import chain, write_nets
from tests.batch.trees import MANIFEST
from transpiler.batch.broker import QUEUE, UNACKED, client

if TYPE_CHECKING:
    from redis import Redis

SERVER = shutil.which("redis-server")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        SERVER is None, reason="there is no redis-server here (Debian: apt-get install redis-server)"
    ),
]
VISIBILITY = "4"
"""Seconds after which the work of a dead worker goes to another one: short, for a test."""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[str]:
    """The URL of a Redis of our own that keeps nothing."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert SERVER is not None
    command = [SERVER, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) as process:
        url = f"redis://127.0.0.1:{port}/0"
        with client(url) as connection:
            assert wait_until(lambda: _answers(connection))
        yield url
        process.terminate()


def _answers(connection: Redis) -> bool:
    from redis.exceptions import RedisError

    try:
        return bool(connection.ping())
    except RedisError:
        return False


@pytest.fixture
def redis(broker: str) -> Iterator[Redis]:
    with client(broker) as connection:
        yield connection


Worker = subprocess.Popen[bytes]


@pytest.fixture
def hire(broker: str) -> Iterator[Callable[[], Worker]]:
    """Starts workers, and ends those that are left."""
    workers: list[Worker] = []

    def begin() -> Worker:
        workers.append(start("worker", "--broker", broker, "--jobs", "1", "--visibility-timeout", VISIBILITY))
        return workers[-1]

    yield begin
    for worker in workers:
        if worker.poll() is None:
            worker.terminate()
    for worker in workers:
        worker.wait(30)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small nets, and some that a worker is busy with for a while."""
    folder = tmp_path_factory.mktemp("nets")
    write_nets(folder, 60, in_one=20)
    for number in range(4):
        (folder / f"set000{number % 3}" / f"long{number}.prototxt").write_text(chain(1000 + number))
    return folder


@pytest.fixture(scope="module")
def local(many: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one machine makes of them."""
    out = tmp_path_factory.mktemp("local")
    undisturbed(many, out, 2)
    return out


def submitted(source: Path, out: Path, broker: str, *more: str) -> subprocess.Popen[bytes]:
    fleet = ("--engine", "celery", "--broker", broker, "--window", "4")
    return start(
        "batch", source, "--to", "keras", "--out", out, *fleet, "--no-sort", *more, stderr=subprocess.PIPE
    )


def test_fleet_gives_what_one_machine_gives(
    many: Path, local: Path, tmp_path: Path, broker: str, hire: Callable[[], Worker], redis: Redis
) -> None:
    out = tmp_path / "out"
    hire(), hire()
    process = submitted(many, out, broker)
    longest = 0
    while process.poll() is None:
        longest = max(longest, redis.llen(QUEUE))
    process.communicate()
    assert process.returncode == 1  # some nets have errors
    assert longest <= 4
    assert differences(many, local, out) == []


def test_work_of_a_killed_worker_is_done_by_another(
    many: Path, local: Path, tmp_path: Path, broker: str, hire: Callable[[], Worker], redis: Redis
) -> None:
    out = tmp_path / "out"
    first, _ = hire(), hire()
    process = submitted(many, out, broker)
    assert wait_until(lambda: line_count(out / MANIFEST) > 0 and redis.hlen(UNACKED) == 2)
    first.send_signal(signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    process.communicate(timeout=300)
    assert differences(many, local, out) == []


def test_submission_that_is_killed_is_gone_on_with(
    many: Path, local: Path, tmp_path: Path, broker: str, hire: Callable[[], Worker]
) -> None:
    out = tmp_path / "out"
    hire(), hire()
    process = submitted(many, out, broker)
    assert wait_until(lambda: line_count(out / MANIFEST) > 4)
    process.kill()
    process.communicate()
    submitted(many, out, broker, "--resume").communicate(timeout=300)
    assert differences(many, local, out) == []


def test_messages_that_the_broker_lost_are_sent_again(
    many: Path, local: Path, tmp_path: Path, broker: str, hire: Callable[[], Worker], redis: Redis
) -> None:
    out = tmp_path / "out"
    process = submitted(many, out, broker)
    assert wait_until(lambda: redis.llen(QUEUE) == 4)
    redis.delete(QUEUE)
    hire(), hire()
    process.communicate(timeout=300)
    assert differences(many, local, out) == []


def test_submission_without_workers_says_so_and_can_be_ended(many: Path, tmp_path: Path, broker: str) -> None:
    process = submitted(many, tmp_path / "out", broker)
    assert process.stderr is not None
    assert b"4 messages wait: no worker takes them" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130


def test_broker_that_is_not_there_is_told(many: Path, tmp_path: Path) -> None:
    done = run("worker", "--broker", "amqp://localhost")
    assert done.returncode == 2
    assert "is no Redis" in done.stderr
