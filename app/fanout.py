"""One reader of live events a process, for all who follow jobs there.

A thread reads the streams of all followed jobs at once and hands each event, encoded once, to all who follow that job.
Redis tells of changes, the database is the truth: a second thread reads the row when a job has ended, when a job
was quiet for a while, and every second while Redis is away. Both start with the first follower.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

import structlog

from core import events, states
from core.errors import CutworkError, TransientError

KEEPALIVE_S = 15.0
POLL_S = 1.0
# So long a newcomer may wait until his job's stream is read as well; what happens meanwhile is not lost.
_ROUND_S = 0.2

_log = structlog.get_logger(__name__)

Document = dict[str, Any]
Load = Callable[[], Document]


class News:
    """A job's document of one moment; its id is that of the event, None when it was read from the row unasked."""

    def __init__(self, document: Document, event_id: str | None) -> None:
        self.document = document
        self.id = event_id
        self.ends = document["status"] in states.TERMINAL

    @cached_property
    def text(self) -> str:
        """The document as JSON."""
        return json.dumps(self.document, separators=(",", ":"))

    @cached_property
    def frame(self) -> str:
        """The Server-Sent Event, named `job`; without an id the client keeps the last one it had."""
        head = f"id: {self.id}\n" if self.id else ""
        return f"{head}event: job\ndata: {self.text}\n\n"

    @cached_property
    def chunk(self) -> bytes:
        """The frame as one chunk of HTTP/1.1 (RFC 9112, 7.1)."""
        return chunk(self.frame)


def chunk(frame: str) -> bytes:
    """Return a text as one chunk of HTTP/1.1."""
    data = frame.encode()
    return b"%x\r\n%b\r\n" % (len(data), data)


class Follower:
    """Somebody who follows a job: `deliver` gets what is new to him, and must not wait; raises nothing.

    `after` is the id of the last event that he had, `sent` the document.
    """

    def __init__(self, deliver: Callable[[News], None], *, after: str | None, sent: Document | None) -> None:
        self.after = after
        self._sent = sent
        self._deliver = deliver

    def offer(self, news: News, *, only_end: bool = False) -> None:
        """Deliver what is new; of a row that was looked at in passing (`only_end`) its end, and a move in its queue."""
        if news.id is not None:
            if self.after is not None and _number(news.id) <= _number(self.after):
                return
            self.after = news.id
            # The document sent last, read from the row, may be newer than an event from before it.
            if self._sent is not None and not news.ends and news.document["progress"] < self._sent["progress"]:
                return
        elif not news.ends and not self._differs(news.document, only_end=only_end):
            return
        self._sent = news.document
        self._deliver(news)

    def _differs(self, document: Document, *, only_end: bool) -> bool:
        # Of the moves of a job that waits nobody tells: they are too many.
        moved = self._sent is not None and document["queue_position"] != self._sent["queue_position"]
        return moved or (not only_end and document != self._sent)


class _Topic:
    """A job that is followed, and how far its stream has been read; None while Redis is away."""

    def __init__(self, job_id: str, load: Load, position: str | None) -> None:
        self.job_id, self.load, self.position = job_id, load, position
        self.followers: set[Follower] = set()
        self.looked_at = time.monotonic()
        self.pending: set[bool] = set()
        """The kinds of looks in passing (`only_end` or not) that are to come: a slow database must not pile them up."""


class Fanout:
    """The followers of this process, by job."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._anybody = threading.Condition(self._lock)
        self._topics: dict[str, _Topic] = {}
        self._newcomers: list[tuple[_Topic, Follower, bool]] = []
        self._looks: queue.SimpleQueue[tuple[_Topic, str | None, bool]] = queue.SimpleQueue()
        self._started = False

    def join(self, job_id: str, load: Load, follower: Follower, *, look: bool = False) -> None:
        """Follow a job from the follower's `after` on; with `look` its row is looked at soon, for an end long ago.

        `load` reads the job's document from the row, with its outputs; it is called in a thread of the fan-out.
        """
        with self._anybody:
            topic = self._topics.setdefault(job_id, _Topic(job_id, load, follower.after))
            self._newcomers.append((topic, follower, look))
            if not self._started:
                self._started = True
                for work in (self._read, self._look):
                    threading.Thread(target=work, name=f"fanout{work.__name__}", daemon=True).start()
            self._anybody.notify()

    def leave(self, job_id: str, follower: Follower) -> None:
        """Follow no longer; once more does nothing."""
        with self._lock:
            self._newcomers = [entry for entry in self._newcomers if entry[1] is not follower]
            topic = self._topics.get(job_id)
            if topic:
                topic.followers.discard(follower)
                waited_for = any(entry[0] is topic for entry in self._newcomers)
                if not topic.followers and not waited_for:
                    del self._topics[job_id]

    def _read(self) -> None:
        while True:
            with self._anybody:
                while not self._topics:
                    self._anybody.wait()
            try:
                self._round()
            except TransientError as error:
                _log.warning("live events fall back to the database", code=error.code)
                self._fall_back()

    def _round(self) -> None:
        """Read all streams once; raises TransientError when Redis is away."""
        with self._lock:
            newcomers, self._newcomers = self._newcomers, []
            topics = list(self._topics.values())
            for topic, follower, _ in newcomers:
                topic.followers.add(follower)
        for topic in topics:
            if topic.position is None:
                # The position is taken before the row is read: what happens in between comes as an event.
                topic.position = events.last_id(topic.job_id)
                self._want(topic, only_end=False)
        for topic, follower, look in newcomers:
            self._catch_up(topic, follower)
            if look:
                self._want(topic, only_end=True)
        positions = {topic.job_id: topic.position or "0-0" for topic in topics}
        for job_id, event in events.read_all(positions, wait_s=_ROUND_S):
            followed = self._topics.get(job_id)
            if followed:
                followed.position = event.id
                self._pass_on(followed, event)
        self._look_at_quiet(topics)

    def _catch_up(self, topic: _Topic, follower: Follower) -> None:
        """Give a newcomer what the others have had since his last event."""
        after, position = follower.after, topic.position
        if after is not None and position is not None and _number(after) < _number(position):
            for event in events.read(topic.job_id, after, wait_s=0):
                self._pass_on(topic, event, follower)

    def _pass_on(self, topic: _Topic, event: events.Event, follower: Follower | None = None) -> None:
        if event.data["status"] in states.TERMINAL:
            # Events carry no signed URLs; and a job that was started again since has not ended.
            self._looks.put((topic, event.id, False))
        else:
            self._offer(topic, News(event.data, event.id), follower=follower)

    def _look_at_quiet(self, topics: list[_Topic]) -> None:
        """The last event may have been lost with Redis, or long ago: the row knows whether the job has ended."""
        late = time.monotonic() - KEEPALIVE_S
        for topic in topics:
            if topic.looked_at < late:
                topic.looked_at = time.monotonic()
                self._want(topic, only_end=True)

    def _fall_back(self) -> None:
        with self._lock:
            for topic, follower, _ in self._newcomers:
                topic.followers.add(follower)
            self._newcomers = []
            topics = list(self._topics.values())
        for topic in topics:
            topic.position = None
            self._want(topic, only_end=False)
        time.sleep(POLL_S)

    def _want(self, topic: _Topic, *, only_end: bool) -> None:
        if only_end not in topic.pending:
            topic.pending.add(only_end)
            self._looks.put((topic, None, only_end))

    def _look(self) -> None:
        while True:
            topic, event_id, only_end = self._looks.get()
            if event_id is None:
                topic.pending.discard(only_end)
            if not topic.followers:
                continue
            try:
                document = topic.load()
            except CutworkError as error:
                # The database is away as well, or the job is gone: the next look comes soon, and others have theirs.
                _log.warning("followed job not read", job_id=topic.job_id, code=error.code)
                topic.looked_at = time.monotonic() - KEEPALIVE_S + POLL_S
                continue
            self._offer(topic, News(document, event_id), only_end=only_end)

    def _offer(self, topic: _Topic, news: News, *, only_end: bool = False, follower: Follower | None = None) -> None:
        with self._lock:
            for one in [follower] if follower else list(topic.followers):
                one.offer(news, only_end=only_end)


def _number(event_id: str) -> tuple[int, int]:
    milliseconds, _, sequence = event_id.partition("-")
    return int(milliseconds), int(sequence)
