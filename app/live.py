"""A job's live events as Server-Sent Events.

The format is that of https://html.spec.whatwg.org/multipage/server-sent-events.html. What is told, and when, is decided
in `app.fanout`; here one client is given it: through its socket, where the server lets go of that (see `app.pump`),
else from the server's thread.
"""

from __future__ import annotations

import queue
import re
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from app import fanout
from app.fanout import Document, Fanout, Follower, Load, News
from app.pump import KEEPALIVE, Client, Pump, take_over
from core import events
from core.errors import TransientError

# Tells EventSource when to reconnect.
RETRY = "retry: 1000\n\n"

_EVENT_ID = re.compile(r"\d{1,15}-\d{1,10}")


def is_event_id(text: str) -> bool:
    """Whether a text is an id that this stream gave out."""
    return _EVENT_ID.fullmatch(text) is not None


class Following:
    """One client of one job: `after` the last event that it had, or from its document of now on.

    `load` reads the document from the database, with its outputs. Raises what it raises.
    """

    def __init__(self, hub: Fanout, job_id: str, load: Load, *, after: str | None) -> None:
        self._hub, self._job_id, self._load = hub, job_id, load
        self._resumes = after is not None
        self._after = after or _position(job_id)
        # The position is taken before the row is read: what happens in between comes as an event.
        self.first = None if after else News(load(), self._after)

    def join(self, deliver: Callable[[News], None]) -> Callable[[], None]:
        """Let `deliver` have what comes after `first`, and return how to leave."""
        sent: Document | None = self.first.document if self.first else None
        follower = Follower(deliver, after=self._after, sent=sent)
        # Who resumes gets what there is at once.
        self._hub.join(self._job_id, self._load, follower, look=self._resumes)
        return lambda: self._hub.leave(self._job_id, follower)

    @contextmanager
    def inbox(self) -> Iterator[queue.SimpleQueue[News]]:
        """Yield a queue of what comes after `first`."""
        news: queue.SimpleQueue[News] = queue.SimpleQueue()
        leave = self.join(news.put)
        try:
            yield news
        finally:
            leave()


def frames(following: Following, *, seconds: float) -> Generator[str]:
    """Yield what a client gets from a thread that stays with it, until the job has ended.

    After so many seconds the frames end anyway, at the next event or keepalive: the client comes back with its last id.
    """
    ends_at = time.monotonic() + seconds
    with following.inbox() as inbox:
        while time.monotonic() < ends_at:
            try:
                news = inbox.get(timeout=fanout.KEEPALIVE_S)
            except queue.Empty:
                yield KEEPALIVE
                continue
            yield news.frame
            if news.ends:
                return


def hand_over(
    following: Following, pump: Pump, environ: Mapping[str, Any], *, seconds: float, on_end: Callable[[], None]
) -> bool:
    """Give the client's socket to the pump, which calls `on_end` when it closes it; False where none can be given."""
    sock = take_over(environ)
    if sock is None:
        return False
    client = Client(sock, time.monotonic() + seconds)
    client.on_end.append(on_end)
    pump.add(client)
    leave = following.join(lambda news: pump.send(client, news))
    client.on_end.append(leave)
    if client.closed:
        leave()
    return True


def _position(job_id: str) -> str | None:
    try:
        return events.last_id(job_id)
    except TransientError:
        return None
