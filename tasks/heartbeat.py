"""The thread beside a running stage: it tells of the start, keeps the lease, saves the progress, and notices a loss.

A process has one, for all its stages one after the other.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import lru_cache
from queue import SimpleQueue
from types import TracebackType

import structlog

from core import job_document, leases
from core.errors import TransientError
from core.leases import Lease
from core.telemetry import metrics, tracing

_TELL_AFTER_S = 0.1
"""A stage that ends sooner has no news but its end."""
_log = structlog.get_logger(__name__)


class LeaseLost(Exception):
    """The job was canceled, or the stage was given to another worker: drop everything."""


class Heartbeat:
    """Renews a lease while its block runs; `progress` may be set from the stage at any pace."""

    def __init__(self, lease: Lease, *, lease_s: int, every_s: float) -> None:
        self.progress = 0.0
        self._told = 0.0
        self._lease = lease
        self._lease_s = lease_s
        self._every_s = every_s
        self._lost = threading.Event()
        self._starved = threading.Event()
        self._stop = threading.Event()
        self._beating = threading.Lock()

    def __enter__(self) -> Heartbeat:
        _thread(os.getpid()).put(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Beat no more, before the end of the block already."""
        self._stop.set()
        # What was begun is waited for.
        with self._beating:
            pass

    @property
    def lease(self) -> Lease:
        """The lease that is kept."""
        return self._lease

    @property
    def lost(self) -> bool:
        """Whether the stage is no longer ours."""
        return self._lost.is_set()

    def check(self) -> None:
        """Raise LeaseLost once the stage is no longer ours, MemoryError once it left none to beat with."""
        if self.lost:
            raise LeaseLost
        if self._starved.is_set():
            raise MemoryError

    def run(self) -> None:
        """Beat until the block ends, or the stage is lost."""
        with tracing.unseen():
            if not self._stop.wait(min(_TELL_AFTER_S, self._every_s)):
                self._beat(self._tell)
            while not self.lost and not self._stop.wait(self._every_s):
                self._beat(self._renew)

    def give_up(self) -> None:
        """Without a heartbeat another worker takes the stage: this one must know."""
        self._lost.set()

    def _beat(self, do: Callable[[], None]) -> None:
        with self._beating:
            if self._stop.is_set():
                return
            try:
                do()
            except MemoryError:
                # The stage is bound, and this thread with it (`tasks.memory`). It is no lost worker: let it say so.
                self._starved.set()

    def _tell(self) -> None:
        job_document.announce(self._lease.job_id)

    def _renew(self) -> None:
        progress = self.progress
        try:
            if not leases.renew(self._lease, seconds=self._lease_s, progress=progress):
                metrics.LEASE_TROUBLE.labels("lost").inc()
                self._lost.set()
                return
            if progress - self._told >= 0.001:
                self._told = progress
                self._tell()
        except TransientError as error:
            # While nobody can ask the database, nobody can take the stage either; and should another worker have
            # taken it when we can ask again, the answer says so.
            metrics.LEASE_TROUBLE.labels("missed").inc()
            _log.warning("heartbeat missed", job_id=self._lease.job_id, reason=error.message)


@lru_cache(maxsize=1)
def _thread(pid: int) -> SimpleQueue[Heartbeat]:
    """Start the thread of this process, and return what it takes heartbeats from; a forked child starts its own."""
    waiting: SimpleQueue[Heartbeat] = SimpleQueue()
    threading.Thread(target=_serve, args=(waiting,), name=f"heartbeat-{pid}", daemon=True).start()
    return waiting


def _serve(waiting: SimpleQueue[Heartbeat]) -> None:
    while True:
        beat = waiting.get()
        with ExitStack() as fault:
            # It ends by a fault alone: the next stage starts another, and may come as soon as this one knows.
            fault.callback(beat.give_up)
            fault.callback(_thread.cache_clear)
            beat.run()
            fault.pop_all()
