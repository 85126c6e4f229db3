"""The thread beside a running stage: it tells of the start, keeps the lease, saves the progress, and notices a loss.

A process has one, for all its stages one after the other.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import ExitStack
from functools import lru_cache
from queue import SimpleQueue
from types import TracebackType

import structlog

from core import job_document, leases
from core.errors import TransientError
from core.leases import Lease
from core.telemetry import metrics, tracing

_LOOK_S = 0.1
"""A stage that ends sooner has no news but its end."""
_LOOKS = 20
"""So often it is looked for the next stage, before the thread sleeps."""
_log = structlog.get_logger(__name__)


class LeaseLost(Exception):
    """The job was canceled, or the stage was given to another worker: drop everything."""


class Heartbeat:
    """Renews a lease while its block runs; `progress` may be set from the stage at any pace."""

    def __init__(self, lease: Lease, *, lease_s: int, every_s: float) -> None:
        self.progress = 0.0
        self.pause_s = min(_LOOK_S, every_s)
        self._told = 0.0
        self._lease = lease
        self._lease_s = lease_s
        self._every_s = every_s
        self._due = time.monotonic() + self.pause_s
        self._act = self._tell
        self._lost = self._starved = self._ended = False
        self._beating = threading.Lock()

    def __enter__(self) -> Heartbeat:
        _watch(os.getpid()).over(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Beat no more, before the end of the block already."""
        # What was begun is waited for.
        with self._beating:
            self._ended = True

    @property
    def lease(self) -> Lease:
        """The lease that is kept."""
        return self._lease

    @property
    def lost(self) -> bool:
        """Whether the stage is no longer ours."""
        return self._lost

    @property
    def ended(self) -> bool:
        """Whether there is nothing left to keep."""
        return self._ended or self._lost

    def check(self) -> None:
        """Raise LeaseLost once the stage is no longer ours, MemoryError once it left none to beat with."""
        if self.lost:
            raise LeaseLost
        if self._starved:
            raise MemoryError

    def beat(self) -> None:
        """Do what is due by now: the thread of the process calls it all the time."""
        with self._beating:
            if self.ended or time.monotonic() < self._due:
                return
            try:
                self._act()
            except MemoryError:
                # The stage is bound, and this thread with it (`tasks.memory`). It is no lost worker: let it say so.
                self._starved = True
            self._act, self._due = self._renew, time.monotonic() + self._every_s

    def give_up(self) -> None:
        """Without a heartbeat another worker takes the stage: this one must know."""
        self._lost = True

    def _tell(self) -> None:
        job_document.announce(self._lease.job_id)

    def _renew(self) -> None:
        progress = self.progress
        try:
            if not leases.renew(self._lease, seconds=self._lease_s, progress=progress):
                metrics.LEASE_TROUBLE.labels("lost").inc()
                self._lost = True
                return
            if progress - self._told >= 0.001:
                self._told = progress
                self._tell()
        except TransientError as error:
            # While nobody can ask the database, nobody can take the stage either; and should another worker have
            # taken it when we can ask again, the answer says so.
            metrics.LEASE_TROUBLE.labels("missed").inc()
            _log.warning("heartbeat missed", job_id=self._lease.job_id, reason=error.message)


class _Watch:
    """The thread of a process: it looks at the heartbeat of the stage that runs now.

    A stage that begins or ends does not wake it while it looks anyway, since this would cost more than the rest of a
    heartbeat; when no stage has come for a while it sleeps until one does.
    """

    def __init__(self, pid: int) -> None:
        self._now: Heartbeat | None = None
        self._sleeps = True
        self._wake: SimpleQueue[None] = SimpleQueue()
        threading.Thread(target=self._run, name=f"heartbeat-{pid}", daemon=True).start()

    def over(self, beat: Heartbeat) -> None:
        """Look at this one from now on."""
        self._now = beat
        if self._sleeps:
            self._wake.put(None)

    def _run(self) -> None:
        with ExitStack() as fault, tracing.unseen():
            # It ends by a fault alone: the next stage starts another, and may come as soon as this one knows.
            fault.callback(self._give_up)
            fault.callback(_watch.cache_clear)
            while True:
                self._wake.get()
                self._look()

    def _look(self) -> None:
        self._sleeps, looks = False, _LOOKS
        while looks and self._now:
            beat = self._now
            time.sleep(beat.pause_s)
            beat.beat()
            looks = looks - 1 if beat.ended else _LOOKS
        self._sleeps = True
        if self._now and not self._now.ended:
            # It came before it could know that this thread was to be woken.
            self._wake.put(None)

    def _give_up(self) -> None:
        if self._now:
            self._now.give_up()


@lru_cache(maxsize=1)
def _watch(pid: int) -> _Watch:
    """Return what watches in this process; a forked child starts its own."""
    return _Watch(pid)
