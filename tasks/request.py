"""What a worker's main process does for a stage whose own process cannot any more: it was killed, or it crashed.

All of it runs in the thread of the event loop. A thread beside it would hold locks now and then when the pool forks the
next process, and that one would wait for them for ever.
"""

from __future__ import annotations

import time
from typing import Any

import structlog
from celery.exceptions import WorkerLostError
from celery.worker.request import Request
from kombu.asynchronous import get_event_loop

from core import holders, job_document, leases
from core.db import engine
from core.errors import TransientError
from core.settings import get_settings
from tasks import holder
from tasks.signals import holder_lost, job_changed
from tasks.stages import STAGES

_log = structlog.get_logger(__name__)


class StageRequest(Request):
    """A message of a stage, as the main process sees it."""

    def on_timeout(self, soft: bool, timeout: float) -> None:
        """Fail the stage as `time_limit` before its process is killed for the hard limit.

        The soft limit raises in the process itself, unless that hangs in a library.
        """
        super().on_timeout(soft, timeout)
        if not soft and self.worker_pid is not None:
            fail_for_time(self._holder(), time.monotonic() + get_settings().commit_patience_s)
            engine().dispose()

    def on_failure(self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False) -> None:
        """Send the stage again at once when its process has died, as often as it may be attempted."""
        super().on_failure(exc_info, send_failed_event=send_failed_event, return_ok=return_ok)
        error = getattr(exc_info.exception, "exc", exc_info.exception)
        if isinstance(error, WorkerLostError | SystemExit) and self.worker_pid is not None:
            holder_lost.send(sender=None, holder=self._holder())
            # No process that is forked later shall have a connection of ours.
            engine().dispose()

    def _holder(self) -> str:
        return holder.prefix(str(self.hostname), int(self.worker_pid or 0))


def fail_for_time(held: str, until: float) -> None:
    """Fail what a process holds that takes too long; until that moment (monotonic), try again while the database is
    away."""
    try:
        _fail_for_time(held)
    except TransientError as error:
        loop = get_event_loop()
        if loop is None or time.monotonic() > until:
            # Its lease has run out, and it is attempted again.
            _log.warning("stage not failed", code="time_limit", reason=error.message)
        else:
            loop.call_later(1.0, fail_for_time, held, until)


def _fail_for_time(held: str) -> None:
    for lease, kind in holders.held_by(held):
        message = f"The {kind} stage took longer than its {STAGES[kind].hard_limit_s} s and had to be killed."
        if leases.fail(lease, code="time_limit", message=message, retryable=True):
            _log.info("stage failed", job_id=lease.job_id, stage=lease.stage, code="time_limit")
            job_document.announce(lease.job_id)
            job_changed.send(sender=None, job_id=lease.job_id)
