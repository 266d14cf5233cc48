"""The engine of many machines: messages to Celery workers, never more of them under way than the window allows."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from transpiler.batch.broker import (
    KEPT_SECONDS,
    QUEUE,
    TASK,
    UNACKED,
    Answer,
    Message,
    answers_key,
    application,
    client,
    stopped_key,
)
from transpiler.batch.pool import NoWorkers
from transpiler.batch.task import Job, Reply, Task

if TYPE_CHECKING:
    from celery import Celery
    from redis import Redis

_FILES: Final = 8
"""At most so many files go into a message."""
_WAIT_SECONDS: Final = 1
_SILENCE_SECONDS: Final = 5.0
"""After so long without a reply the broker is asked where the messages are."""
_PATIENCE_SECONDS: Final = 120.0
"""So long a broker may be away."""
_SENDINGS: Final = 5
"""So often a message that the broker has lost is sent."""

Notice = Callable[[str], None]
Result = TypeVar("Result")


def fleet_engine(broker: str, window: int, notice: Notice) -> Callable[[Job], AbstractContextManager[Fleet]]:
    """An engine on the workers that listen to `broker`. Raises UsageError if there cannot be one."""
    app = application(broker)

    @contextmanager
    def engine(job: Job) -> Iterator[Fleet]:
        with client(broker) as connection:
            fleet = Fleet(job, app, connection, window, notice)
            try:
                yield fleet
            finally:
                fleet.leave()

    return engine


class Fleet(msgspec.Struct, eq=False):
    """One run as the submitting side sees it."""

    job: Job
    app: Celery
    redis: Redis
    window: int
    notice: Notice
    run_id: str = msgspec.field(default_factory=lambda: uuid.uuid4().hex)
    _under_way: dict[int, Message] = msgspec.field(default_factory=dict)
    _sendings: dict[int, int] = msgspec.field(default_factory=dict)
    _stopping: bool = False
    _stopped: bool = False
    _heard: float = msgspec.field(default_factory=time.monotonic)
    """When the last reply came."""
    _told: bool = False

    def stop(self) -> None:
        """Let `run` end when the messages that workers are at are done. May be called by a signal handler."""
        self._stopping = True

    def leave(self) -> None:
        """Forget the run: whatever of it is still with the broker is passed over by the workers."""
        from redis.exceptions import RedisError

        try:
            self.redis.set(stopped_key(self.run_id), 1, ex=KEPT_SECONDS)
            self.redis.delete(answers_key(self.run_id))
        except RedisError:  # the broker is gone: so are the messages, or they find no scratch directory
            return

    def run(self, tasks: Iterable[Task], count: int) -> Iterator[list[Reply]]:
        """Do `count` tasks; the replies as they come, in any order. Raises NoWorkers if the broker stays away."""
        source, left, number = iter(tasks), count, 0
        self._heard = time.monotonic()
        while left > 0:
            while not self._stopping and len(self._under_way) < self.window:
                size = max(1, min(_FILES, left // (4 * self.window)))
                chosen = tuple(islice(source, size))
                if not chosen:
                    break
                self._send(Message(self.run_id, number, self.job, chosen))
                number += 1
            if self._stopping and self._ends():
                return
            replies = list(self._replies())
            left -= len(replies)
            if replies:
                yield replies
            elif not self._stopping and time.monotonic() - self._heard > _SILENCE_SECONDS:
                self._look_after()

    def _send(self, message: Message) -> None:
        tries = self._sendings.get(message.number, 0)
        if tries >= _SENDINGS:
            raise NoWorkers(
                "the broker loses messages again and again; go on with --resume when it is repaired"
            )
        self._sendings[message.number] = tries + 1
        self._under_way[message.number] = message
        data = message.as_dict()
        self._patiently(lambda: self.app.send_task(TASK, args=[data], queue=QUEUE, ignore_result=True))

    def _replies(self) -> Iterator[Reply]:
        """What has come in; waits a little if nothing has."""
        key = answers_key(self.run_id)
        first: Any = self._patiently(lambda: self.redis.blpop([key], timeout=_WAIT_SECONDS))
        if first is None:
            return
        more: Any = self._patiently(lambda: self.redis.lpop(key, self.window)) or []
        self._heard, self._told = time.monotonic(), False
        for line in (first[1], *more):
            answer = Answer.from_dict(json.loads(line))
            message = self._under_way.pop(answer.number, None)
            self._sendings.pop(answer.number, None)
            if message is None or answer.records is None:
                continue  # a message that was delivered twice is answered twice, with the same
            for task, record in zip(message.tasks, answer.records, strict=True):
                yield Reply(task, record)

    def _ends(self) -> bool:
        """Whether, after a stop, there is nothing more to wait for."""
        if not self._stopped:
            self._stopped = True
            self._heard = time.monotonic()
            self._patiently(lambda: self.redis.set(stopped_key(self.run_id), 1, ex=KEPT_SECONDS))
        is_silent = time.monotonic() - self._heard > _SILENCE_SECONDS
        return not self._under_way or (is_silent and not self._where()[1])

    def _where(self) -> tuple[int, int, int]:
        """How many messages wait, how many are with workers, how many replies are there; all at one moment."""

        def look() -> tuple[int, int, int]:
            pipeline = self.redis.pipeline()
            pipeline.llen(QUEUE)
            pipeline.hlen(UNACKED)
            pipeline.llen(answers_key(self.run_id))
            waiting, taken, answered = pipeline.execute()
            return waiting, taken, answered

        return self._patiently(look)

    def _look_after(self) -> None:
        """Send again what the broker has lost; say so if nobody works."""
        waiting, taken, answered = self._where()
        self._heard = time.monotonic()
        if waiting == taken == answered == 0:
            for message in tuple(self._under_way.values()):
                self._send(message)
        elif waiting and not taken and not self._told:
            self._told = True
            self.notice(
                f"{waiting:,} messages wait: no worker takes them; start one with `transpiler worker`"
            )

    def _patiently(self, call: Callable[[], Result]) -> Result:
        """What a call to the broker gives, tried again while the broker is away. Raises NoWorkers if it stays away."""
        from kombu.exceptions import OperationalError
        from redis.exceptions import ConnectionError as Disconnected
        from redis.exceptions import RedisError
        from redis.exceptions import TimeoutError as Overdue

        began = time.monotonic()
        while True:
            try:
                return call()
            except (OperationalError, Disconnected, Overdue) as error:
                patience = _SILENCE_SECONDS if self._stopping else _PATIENCE_SECONDS
                if time.monotonic() - began > patience:
                    raise NoWorkers(f"the broker does not answer: {error}") from error
                time.sleep(_WAIT_SECONDS)
            except RedisError as error:
                raise NoWorkers(f"the broker refuses: {error}") from error
