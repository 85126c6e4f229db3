"""The thread beside a running stage: it tells of the start, keeps the lease, saves the progress, and notices a loss."""

from __future__ import annotations

import threading
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
        self._lease = lease
        self._lease_s = lease_s
        self._every_s = every_s
        self._lost = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"heartbeat-{lease.stage}", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def lost(self) -> bool:
        """Whether the stage is no longer ours."""
        return self._lost.is_set()

    def check(self) -> None:
        """Raise LeaseLost once the stage is no longer ours."""
        if self.lost:
            raise LeaseLost

    def _run(self) -> None:
        try:
            with tracing.unseen():
                self._renew_until_stopped()
        except BaseException:
            # Without a heartbeat another worker takes the stage: this one must know.
            self._lost.set()
            raise

    def _renew_until_stopped(self) -> None:
        if self._stop.wait(min(_TELL_AFTER_S, self._every_s)):
            return
        job_document.announce(self._lease.job_id)
        announced = 0.0
        while not self._stop.wait(self._every_s):
            progress = self.progress
            try:
                if not leases.renew(self._lease, seconds=self._lease_s, progress=progress):
                    metrics.LEASE_TROUBLE.labels("lost").inc()
                    self._lost.set()
                    return
                if progress - announced >= 0.001:
                    job_document.announce(self._lease.job_id)
                    announced = progress
            except TransientError as error:
                # While nobody can ask the database, nobody can take the stage either; and should another worker have
                # taken it when we can ask again, the answer says so.
                metrics.LEASE_TROUBLE.labels("missed").inc()
                _log.warning("heartbeat missed", job_id=self._lease.job_id, reason=error.message)
