"""A job's live events as Server-Sent Events.

The format is that of https://html.spec.whatwg.org/multipage/server-sent-events.html. Redis tells of changes, the
database is the truth: the first document and the last one are read from it, and while Redis is away all are.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

import structlog

from core import events, states
from core.errors import TransientError

KEEPALIVE = ": keepalive\n\n"
KEEPALIVE_S = 15.0
POLL_S = 1.0
# Tells EventSource when to reconnect.
RETRY = "retry: 1000\n\n"

_EVENT_ID = re.compile(r"\d{1,15}-\d{1,10}")
_log = structlog.get_logger(__name__)

Document = dict[str, Any]


def is_event_id(text: str) -> bool:
    """Whether a text is an id that this stream gave out."""
    return _EVENT_ID.fullmatch(text) is not None


def frame(document: Document, event_id: str | None) -> str:
    """Return one event named `job`; without an id the client keeps the last one it had."""
    head = f"id: {event_id}\n" if event_id else ""
    return f"{head}event: job\ndata: {json.dumps(document, separators=(',', ':'))}\n\n"


def follow(job_id: str, load: Callable[[], Document], *, after: str | None, seconds: float) -> Generator[str]:
    """Yield the events of a job after an id (without one: its document, then what comes) until it has ended.

    After so many seconds the frames end anyway, at the next event or keepalive: the client comes back with its last id.

    `load` reads the document from the database, with its outputs. It is called when the stream begins, when the job
    ends, and once a second while Redis does not answer; nothing is held between the calls.
    """
    yield RETRY
    follower = _Follower(job_id, load, after)
    ends_at = time.monotonic() + seconds
    while not follower.ended and time.monotonic() < ends_at:
        try:
            yield from follower.step()
        except TransientError as error:
            _log.warning("live events fall back to the database", job_id=job_id, code=error.code)
            yield from follower.poll()
            if not follower.ended:
                time.sleep(POLL_S)


class _Follower:
    """Where one client is in the events of one job."""

    def __init__(self, job_id: str, load: Callable[[], Document], after: str | None) -> None:
        self.ended = False
        self._job_id = job_id
        self._load = load
        self._after = after
        # Who resumes gets what there is at once.
        self._patience_s = 0.0 if after else KEEPALIVE_S
        self._sent: Document | None = None

    def step(self) -> Iterator[str]:
        """Yield what is new, or a keepalive after a quiet while; raises TransientError when Redis is away."""
        if self._after is None:
            # The position is taken before the row is read: what happens in between comes as an event.
            self._after = events.last_id(self._job_id)
            yield self._send(self._load(), self._after)
            return
        quiet = True
        for event in events.read(self._job_id, self._after, wait_s=self._patience_s):
            quiet = False
            self._after = event.id
            yield from self._pass_on(event)
            if self.ended:
                return
        if quiet:
            # The last event may have been lost with Redis, or long ago: the row knows whether the job has ended.
            yield from self.poll(only_end=True)
            if self._patience_s and not self.ended:
                yield KEEPALIVE
        self._patience_s = KEEPALIVE_S

    def poll(self, *, only_end: bool = False) -> Iterator[str]:
        """Yield the row's document if it changed; a keepalive when the database is away as well."""
        try:
            document = self._load()
        except TransientError:
            yield KEEPALIVE
            return
        ended = document["status"] in states.TERMINAL
        # Of the moves of a job that waits nobody tells: they are too many.
        moved = self._sent is not None and document["queue_position"] != self._sent["queue_position"]
        if ended or moved or (not only_end and document != self._sent):
            yield self._send(document, None)

    def _pass_on(self, event: events.Event) -> Iterator[str]:
        if event.data["status"] in states.TERMINAL:
            # Events carry no signed URLs; and a job that was started again since has not ended.
            yield self._send(self._load(), event.id)
        elif not self._is_older(event.data):
            yield self._send(event.data, event.id)

    def _is_older(self, document: Document) -> bool:
        """Whether the document sent last, read from the row, was newer than this event of before."""
        return self._sent is not None and document["progress"] < self._sent["progress"]

    def _send(self, document: Document, event_id: str | None) -> str:
        self._sent = document
        self.ended = document["status"] in states.TERMINAL
        return frame(document, event_id)
