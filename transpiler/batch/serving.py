"""A worker of a fleet: a Celery worker whose threads each look after one conversion process.

Conversion happens in the same watched processes as in a local run, so limits, crashes and records are the same.
"""

from __future__ import annotations

import json
import os
import queue
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from transpiler.batch.broker import (
    KEPT_SECONDS,
    TASK,
    Answer,
    Message,
    answers_key,
    application,
    client,
    stopped_key,
)
from transpiler.batch.pool import Pool
from transpiler.batch.task import Job, Record, Task

if TYPE_CHECKING:
    from redis import Redis


class Slot(msgspec.Struct, eq=False):
    """The place of one conversion process, which is kept while the job stays the same."""

    pool: Pool | None = None

    def done(self, job: Job, tasks: tuple[Task, ...]) -> list[Record | None]:
        """The records of some tasks, in their order."""
        if self.pool is None or self.pool.job != job:
            self.close()
            self.pool = Pool(job, 1)
        replies = (reply for some in self.pool.run(tasks, len(tasks)) for reply in some)
        records = {reply.task.input: reply.record for reply in replies}
        return [records[task.input] for task in tasks]

    def close(self) -> None:
        if self.pool is not None:
            self.pool.close()
            self.pool = None


class Station(msgspec.Struct, eq=False):
    """Answers messages, in as many threads as there are slots."""

    redis: Redis
    slots: queue.LifoQueue[Slot]

    @classmethod
    def open(cls, redis: Redis, jobs: int) -> Station:
        slots: queue.LifoQueue[Slot] = queue.LifoQueue()
        for _ in range(jobs):
            slots.put(Slot())
        return cls(redis, slots)

    def answer(self, data: Mapping[str, Any]) -> None:
        """Do what a message asks for, and put the answer where the submitting side looks for it."""
        message = Message.from_dict(data)
        answer = Answer(message.number, None)
        if not self.redis.exists(stopped_key(message.run)):
            slot = self.slots.get()
            try:
                answer = Answer(message.number, slot.done(message.job, message.tasks))
            finally:
                self.slots.put(slot)
        key = answers_key(message.run)
        line = json.dumps(answer.as_dict(), separators=(",", ":"))
        pipeline = self.redis.pipeline()
        pipeline.rpush(key, line)
        pipeline.expire(key, KEPT_SECONDS)
        pipeline.execute()

    def close(self) -> None:
        while not self.slots.empty():
            self.slots.get().close()


def serve(broker: str, jobs: int, visibility: float, log_level: str) -> int:
    """Work until a signal ends it: SIGTERM lets the messages at hand be finished. Returns the exit code.

    Raises UsageError if there cannot be a worker.
    """
    app = application(broker, visibility)
    station = Station.open(client(broker), jobs)
    try:
        app.task(station.answer, name=TASK)
        worker = app.Worker(
            hostname=f"transpiler-{os.getpid()}@{socket.gethostname()}",
            pool="threads",
            concurrency=jobs,
            loglevel=log_level,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )
        worker.start()
    finally:
        station.close()
    return int(worker.exitcode or 0)
