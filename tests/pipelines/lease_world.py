"""The world that the model of leases lives in: one clock, one broker, and workers; the rows and the code are real."""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from unittest.mock import patch

from celery.canvas import Signature, _chain, _chord, group
from kombu.exceptions import OperationalError
from sqlalchemy import select, text

from core import events
from core.db import engine, reading, transaction
from core.leases import Lease
from core.models import Artifact, Job
from pipelines import canvas, reconciler

LEASE_S = 15


class Killed(BaseException):
    """The process that was sending died there."""


class Clock:
    """Stands where the database and the hosts read the time; moved by hand."""

    def __init__(self) -> None:
        self.moment = datetime(2030, 1, 1, tzinfo=UTC)
        self._tell()

    def now(self, _zone) -> datetime:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)
        self._tell()

    def _tell(self) -> None:
        # SQLite asks the host.
        if engine().dialect.name == "postgresql":
            with transaction() as session:
                session.execute(text("UPDATE told.clock SET moment = :moment"), {"moment": self.moment})


def let_time_be_told() -> None:
    """Give a PostgreSQL database a clock that is set by hand: functions of their names, found before its own."""
    with transaction() as session:
        name = engine().url.database
        for statement in (
            "CREATE SCHEMA told",
            "CREATE TABLE told.clock AS SELECT now() AS moment",
            *(
                f"CREATE FUNCTION told.{name}() RETURNS timestamptz STABLE LANGUAGE sql AS "
                "'SELECT moment FROM told.clock'"
                for name in ("statement_timestamp", "clock_timestamp")
            ),
            f'ALTER DATABASE "{name}" SET search_path = told, public, pg_catalog',
        ):
            session.execute(text(statement))
    engine().dispose()


@dataclass(frozen=True)
class Message:
    """One task message, as Celery would send it: when it is done, what comes next in its canvas is sent."""

    task: str
    args: tuple
    then: tuple[Message, ...] = ()
    chord: int | None = None


@dataclass
class Broker:
    """Queues that may lose, repeat and reorder; `mood` says what becomes of the next canvas that is sent."""

    mood: str = "well"
    queue: list[Message] = field(default_factory=list)
    known: list[Message] = field(default_factory=list)
    later: list[Message] = field(default_factory=list)
    _returned: dict[int, set[Message]] = field(default_factory=lambda: defaultdict(set))
    _chords: count = field(default_factory=count)

    def send(self, signature: Signature) -> None:
        mood, self.mood = self.mood, "well"
        if mood == "away":
            raise OperationalError("the broker is away")
        if mood == "killed before":
            raise Killed
        level = self._messages(signature)
        self.queue += level
        while level:
            self.known += level
            level = tuple(dict.fromkeys(message for before in level for message in before.then))
        if mood == "deaf":
            raise OperationalError("the broker took it, and its answer was lost")
        if mood == "killed after":
            raise Killed

    def done(self, message: Message) -> None:
        """A task returned: its chain goes on, and a chord when all its members returned."""
        if message.chord is not None:
            members = self._returned[message.chord]
            members.add(message)
            if len(members) < sum(other.chord == message.chord for other in self.known):
                return
        self.queue += message.then

    def time_passes(self) -> None:
        """What was to come later comes now, or too soon once more."""
        self.queue, self.later = [*self.queue, *self.later], []

    def depths(self, names: list[str]) -> dict[str, int]:
        return {name: sum(message.task == name for message in self.queue) for name in names}

    def _messages(self, signature: Signature, then: tuple[Message, ...] = ()) -> tuple[Message, ...]:
        """The messages that a canvas begins with; `then` are those that follow it."""
        match signature:
            case _chord():
                body, chord = self._messages(signature.body, then), next(self._chords)
                return tuple(_message(task, body, chord) for task in signature.tasks)
            case _chain():
                for task in reversed(signature.tasks):
                    then = self._messages(task, then)
                return then
            case group():
                assert not then, "what follows a group makes it a chord"
                return tuple(message for task in signature.tasks for message in self._messages(task))
            case _:
                return (_message(signature, then, None),)


def _message(task: Signature, then: tuple[Message, ...], chord: int | None) -> Message:
    return Message(task.task, tuple(task.args), then, chord)


@dataclass
class Work:
    """What one worker has in hand: it believes in its lease until `until`."""

    lease: Lease
    message: Message
    digest: str
    until: datetime


@dataclass(frozen=True)
class Sight:
    """All rows at one moment: jobs and stages as plain values, artifacts as the worker's token that they hold."""

    jobs: dict[str, dict]
    stages: dict[tuple[str, str], dict]
    artifacts: dict[str, dict]


def look() -> Sight:
    """Read every row."""
    with reading() as session:
        rows = list(session.scalars(select(Job)))
        artifacts = list(session.scalars(select(Artifact)))
    return Sight(
        {row.id: _values(row) for row in rows},
        {(row.id, stage.name): _values(stage) for row in rows for stage in row.stages},
        {row.digest: _values(row) for row in artifacts},
    )


def _values(row) -> dict:
    return {column.key: getattr(row, column.key) for column in row.__table__.columns}


class _Sender:
    """A canvas that is sent to the model's broker."""

    def __init__(self, signature: Signature, broker: Broker) -> None:
        self._signature, self._broker = signature, broker

    def apply_async(self, **_options) -> None:
        self._broker.send(self._signature)


@contextmanager
def replaced(clock: Clock, broker: Broker):
    """Put the model's clock and broker where the code reads the time and sends; nothing else is replaced."""
    build = canvas.build

    def built(job):
        signature = build(job)
        return signature and _Sender(signature, broker)

    numbers = count()
    with (
        patch("core.models.base.datetime", clock),
        # Rows are ordered by id: a history that is played again must meet them in the same order.
        patch("core.jobs.new_id", lambda kind, _moment: f"{kind}_{next(numbers):026}"),
        patch.object(canvas, "build", built),
        patch.object(reconciler, "depths", broker.depths),
        patch.object(events, "check", lambda: None),
        patch.object(events, "publish", lambda _job_id, _data: None),
    ):
        yield
