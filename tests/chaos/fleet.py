"""The system under test: an API, workers of every pool, and beat, each restarted when it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tasks.__main__ import worker
from tasks.stages import POOLS
from tests.chaos.service import Service
from tests.keys import SETTINGS
from tests.services.ports import free_port
from tests.services.process import wait_until

ROOT = Path(__file__).parent.parent.parent
STORM = {"light-1": 2, "light-2": 2, "encode-1": 1, "encode-2": 1, "maintenance-1": 2}
PEACE = {"light-1": 2, "encode-1": 2, "maintenance-1": 1}
"""Workers by name, and how many processes each has."""


class Fleet:
    """The processes by name, watched over by a thread as an init system would."""

    def __init__(self, folder: Path, settings: Mapping[str, str], workers: Mapping[str, int]) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        (folder / "scratch").mkdir(parents=True)
        fixed = SETTINGS | {"PUBLIC_URL": self.url, "SCRATCH_DIR": str(folder / "scratch")}
        self._env = environment(ENCODE_THREADS="1", **fixed, **settings)
        options: dict[str, Any] = {"folder": folder, "env": self._env, "cwd": ROOT}
        gunicorn = ["gunicorn", "app:create_app()", "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread"]
        self.api = Service("api", [sys.executable, "-m", *gunicorn, "--threads", "16"], **options)
        self.beat = Service("beat", [sys.executable, "-m", "tasks", "beat", "--folder", str(folder)], **options)
        self.workers = [Service(name, _worker(name, count), **options) for name, count in workers.items()]
        self._watching = threading.Event()

    @property
    def services(self) -> list[Service]:
        """All processes."""
        return [self.api, *self.workers, self.beat]

    @contextmanager
    def running(self) -> Iterator[Fleet]:
        """Migrate the database, start everything, and keep it running until the block ends."""
        migrate = [sys.executable, "-m", "alembic", "upgrade", "head"]
        subprocess.run(migrate, cwd=ROOT, env=self._env, check=True, timeout=300, capture_output=True)
        thread = threading.Thread(target=self._watch, name="fleet")
        try:
            for service in self.services:
                service.start()
            wait_until(self._answers, trouble=self._dead)
            thread.start()
            yield self
        finally:
            self._watching.set()
            if thread.ident:
                thread.join()
            for service in self.services:
                service.kill()

    def _watch(self) -> None:
        while not self._watching.wait(0.2):
            for service in self.services:
                service.steady()

    def _dead(self) -> str:
        return ", ".join(service.name for service in self.services if not service.alive)

    def _answers(self) -> bool:
        try:
            return (
                all(one.says(b"ready.") for one in self.workers)
                and httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
            )
        except httpx.TransportError:
            return False


def environment(**settings: str) -> dict[str, str]:
    """Our environment, with settings."""
    return os.environ | {"PYTHONUNBUFFERED": "1"} | settings


def _worker(name: str, processes: int) -> list[str]:
    """The command of `python -m tasks worker`, with a name of its own and its number of processes."""
    arguments = worker(next(pool for pool in POOLS if name.startswith(pool)))
    arguments[arguments.index("--hostname") + 1] = f"{name}@%h"
    arguments[arguments.index("--concurrency") + 1] = str(processes)
    return [sys.executable, "-m", "celery", "--app", "tasks.app", *arguments]
