"""How a worker stops: it takes nothing new, and what it cannot finish in time goes to another worker at once.

The first SIGTERM, SIGINT or SIGQUIT begins Celery's warm shutdown; after `worker_soft_shutdown_timeout`, or at a second
signal, the stages that still run are handed over. Their processes notice at their next heartbeat, remove what they
have half made and end; one that hangs is killed.

Celery's own soft shutdown sleeps that time inside the signal handler: the event loop stands still, so that the
worker neither ends when its last stage does nor acknowledges what was finished meanwhile (celery/celery #9505).
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any

import structlog
from celery import bootsteps
from celery.platforms import EX_OK
from celery.signals import worker_shutdown
from celery.worker import state

from tasks import holder
from tasks.signals import holder_stops

_log = structlog.get_logger(__name__)
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
_CLOSE_S = 3.0
"""How long the event loop may take to notice that it is to end."""
_TIDY_S = 5.0
"""How long the processes may take to remove what they have half made."""
_PATIENCE_S = 10.0
"""How long a stopping worker waits for a database that is away."""


class GracefulStop(bootsteps.StartStopStep):
    """Part of a worker's main process: bounds its warm shutdown by the grace period."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._worker = worker
        self._pid = os.getpid()
        # Its `put` may be called in a signal handler, unlike that of an Event or a Condition.
        self._news: SimpleQueue[str] = SimpleQueue()
        self._told = False
        self._closed = Event()
        self._thread = Thread(target=self._watch, name="graceful-stop", daemon=True)

    def start(self, worker: Any) -> None:  # noqa: ARG002 - the interface of a step
        """Take over the signals that Celery has set up by now."""
        for number in _SIGNALS:
            signal.signal(number, self._on_signal)
        worker_shutdown.connect(self._on_end, weak=False)
        self._thread.start()

    def close(self, worker: Any) -> None:  # noqa: ARG002
        """Begin to count when the worker stops without a signal: told by remote control, for instance."""
        self._closed.set()
        if not self._told:
            self._news.put("stop")

    def _on_signal(self, number: int, frame: object) -> None:  # noqa: ARG002
        # A process of the pool has this handler too, for the moment between its fork and its own signals.
        if os.getpid() == self._pid:
            self._told = True
            vars(state)["should_stop"] = EX_OK
            self._news.put("stop")

    def _on_end(self, **_: Any) -> None:
        self._news.put("end")
        # What is being handed over must be sent before the process is gone.
        self._thread.join()

    def _watch(self) -> None:
        grace = self._worker.app.conf.worker_soft_shutdown_timeout
        if self._news.get() == "end" or self._wait(grace) == "end":
            return
        # Not before the worker has ceased to take messages: it would take its own stages again.
        self._closed.wait(_CLOSE_S)
        _log.info("handing over", after_s=grace)
        self._hand_over()
        if not self._ends(_TIDY_S):
            for pid in self._processes():
                _log.warning("process killed", pid=pid)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _ends(self, seconds: float) -> bool:
        """Wait for the end, whatever further signals come."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if self._wait(left) == "end":
                return True
        return False

    def _wait(self, seconds: float) -> str | None:
        try:
            return self._news.get(timeout=seconds)
        except Empty:
            return None

    def _hand_over(self) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        held = [holder.prefix(self._worker.hostname, pid) for pid in self._processes()]
        while held and time.monotonic() < deadline:
            # Celery logs what a listener raises, and returns it.
            answers = {one: holder_stops.send(sender=None, holder=one) for one in held}
            held = [one for one in held if any(isinstance(answer, Exception) for _, answer in answers[one])]
            if held:
                time.sleep(1)

    def _processes(self) -> list[int]:
        pool = self._worker.pool._pool
        # There is none once the pool has stopped.
        return [process.pid for process in pool._pool] if pool else []
