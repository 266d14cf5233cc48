"""What submitting side and workers have in common: a Celery application on Redis, and the form of messages.

A message is one Celery task of a few files. Replies do not go through Celery's result backend, which would keep a
subscription for every message: a worker appends them to one Redis list of the run, and the submitting side pops them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from transpiler.batch.task import Job, Record, Task
from transpiler.driver.options import UsageError

if TYPE_CHECKING:
    from celery import Celery
    from redis import Redis

QUEUE: Final = "transpiler"
TASK: Final = "transpiler.convert"
UNACKED: Final = "unacked"
"""Where Celery's Redis transport keeps messages that were taken and not acknowledged."""
VISIBILITY_SECONDS: Final = 600.0
KEPT_SECONDS: Final = 24 * 3600
"""Replies that nobody fetches are gone after a day."""


class Message(msgspec.Struct, frozen=True):
    """A few tasks of a run, and the number by which the reply names them."""

    run: str
    number: int
    job: Job
    tasks: tuple[Task, ...]

    def as_dict(self) -> dict[str, Any]:
        tasks = [task.as_dict() for task in self.tasks]
        return {"run": self.run, "number": self.number, "job": self.job.as_dict(), "tasks": tasks}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Message:
        tasks = tuple(Task.from_dict(task) for task in data["tasks"])
        return cls(data["run"], data["number"], Job.from_dict(data["job"]), tasks)


class Answer(msgspec.Struct, frozen=True):
    """The records of a message in the order of its tasks; None if the run was stopped before it began."""

    number: int
    records: Sequence[Record | None] | None

    def as_dict(self) -> dict[str, Any]:
        if self.records is None:
            return {"number": self.number, "records": None}
        records = [None if record is None else record.as_dict() for record in self.records]
        return {"number": self.number, "records": records}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Answer:
        records = data["records"]
        if records is not None:
            records = [None if record is None else Record.from_dict(record) for record in records]
        return cls(data["number"], records)


def answers_key(run: str) -> str:
    """The list that a run's replies are appended to."""
    return f"transpiler:answers:{run}"


def stopped_key(run: str) -> str:
    """Exists once a run is stopped: workers then pass over its messages."""
    return f"transpiler:stopped:{run}"


def application(broker: str, visibility: float = VISIBILITY_SECONDS) -> Celery:
    """The Celery application of a broker. Raises UsageError if Celery is missing or the broker is no Redis.

    A message stays with the broker until its files are done. One that a dead worker holds becomes visible to the
    others after `visibility` seconds.
    """
    try:
        from celery import Celery
    except ImportError as error:
        raise UsageError("--engine celery needs Celery: pip install 'transpiler[celery]'") from error
    if not broker.startswith(("redis://", "rediss://")):
        raise UsageError(f"{broker} is no Redis: write redis://HOST:PORT/DATABASE")
    app = Celery("transpiler", broker=broker, set_as_current=False)
    app.conf.update(
        task_default_queue=QUEUE,
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "visibility_timeout": visibility,
            "unacked_restore_interval": min(10.0, visibility / 2),
            "unacked_restore_throttle": 1,
        },
    )
    return app


def client(broker: str) -> Redis:
    """A connection of our own to the broker, for replies."""
    from redis import Redis

    return Redis.from_url(broker, health_check_interval=30, socket_connect_timeout=10, socket_timeout=60)
