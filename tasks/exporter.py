"""Lets a worker answer Prometheus: a process beside it, looked after by its event loop."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import structlog
from celery import bootsteps
from celery.signals import worker_shutdown

from core.settings import get_settings
from core.telemetry import folder
from tasks import measure
from tasks.stages import STAGES

DEFAULT_PORT = 9101
_LOOK_EVERY_S = 5.0
_log = structlog.get_logger(__name__)


def port() -> int:
    """The port of a worker or of beat; 0 when it shall answer nobody."""
    chosen = get_settings().metrics_port
    return DEFAULT_PORT if chosen is None else chosen


class MetricsExporter(bootsteps.StartStopStep):
    """Part of a worker's main process: starts the exporter, and again when it ends."""

    requires = ("celery.worker.components:Hub",)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._kind = str(worker.hostname).partition("@")[0]
        self._folder = os.environ.get(folder.VARIABLE)
        self._process: subprocess.Popen[bytes] | None = None
        self._told = False

    def include_if(self, worker: Any) -> bool:  # noqa: ARG002 - the interface of a step
        """Only where `python -m tasks worker` has made the folder."""
        return bool(self._folder and port())

    def start(self, worker: Any) -> None:
        """Begin to answer."""
        measure.begin(name for name in worker.app.amqp.queues.consume_from if name in STAGES)
        worker_shutdown.connect(self._on_end, weak=False)
        self._begin()

    def register_with_event_loop(self, worker: Any, hub: Any) -> None:  # noqa: ARG002
        """Look now and then whether it still answers."""
        hub.call_repeatedly(_LOOK_EVERY_S, self._look)

    def _begin(self) -> None:
        command = [sys.executable, "-m", "core.telemetry.exporter", "--folder", str(self._folder)]
        command += ["--host", get_settings().metrics_host, "--port", str(port()), "--kind", self._kind]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def _look(self) -> None:
        if self._process is None or self._process.poll() is None:
            return
        if not self._told:
            self._told = True
            _log.warning(
                "metrics not served",
                port=port(),
                exit_code=self._process.returncode,
                advice="another process may have the port: set METRICS_PORT, or 0 for none; it is tried again",
            )
        self._begin()

    def _on_end(self, **_: Any) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
        folder.remove()
