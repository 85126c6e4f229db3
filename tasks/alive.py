"""A sign of life for probes: `ALIVE_FILE` is touched while a worker's event loop turns, or when beat has sent.

A probe that asks by remote control would start a Celery of its own each time, which takes seconds. A worker whose
broker is away stands in its reconnecting and gives no sign, so a probe needs more patience than such trouble lasts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from celery import bootsteps
from celery.signals import after_task_publish

from core.settings import get_settings

EVERY_S = 5.0


class SignOfLife(bootsteps.StartStopStep):
    """Part of a worker's main process: touches the file from its event loop, which begins once the broker is there."""

    requires = ("celery.worker.components:Timer",)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._file = get_settings().alive_file
        self.enabled = self._file is not None

    def start(self, worker: Any) -> None:
        """Let the timer of the event loop touch the file from now on."""
        if self._file is not None:
            worker.timer.call_repeatedly(EVERY_S, self._file.touch)


def watch_beat() -> None:
    """Let beat touch the file after each task that it has sent."""
    file = get_settings().alive_file
    if file is not None:
        after_task_publish.connect(_toucher(file), weak=False)


def _toucher(file: Path) -> Any:
    def touch(**_: Any) -> None:
        file.touch()

    return touch
