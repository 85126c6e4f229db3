"""One process of the system under test: started, signalled and started again by its own handle."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from tests.services.process import wait_until


class Service:
    """A command in a session of its own, with its children.

    `started` counts its lives, `surprises` those that ended by themselves, found out at the moments `surprised`.
    `steady` watches over it, as an init system would: a process that ended is started again after `rest_s`.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        folder: Path,
        env: Mapping[str, str] | None = None,
        ready: Callable[[], bool] = lambda: True,
        rest_s: float = 1.0,
        **options: Any,
    ) -> None:
        self.name = name
        self.started = 0
        self.surprises = 0
        self.surprised: list[datetime] = []
        self._command = list(command)
        self._log = folder / f"{name}.log"
        self._env = dict(env) if env is not None else None
        self._ready = ready
        self._rest_s = rest_s
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._ended_at: float | None = None
        self._planned = False
        self._lock = threading.RLock()

    def start(self) -> None:
        """Start it, and wait until it can be used where that can be asked."""
        with self._lock:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=self._env,
                    start_new_session=True,
                    **self._options,
                )
            self.started += 1
            self.surprises += self.started > 1 and not self._planned
            self._ended_at, self._planned = None, False
        wait_until(self._ready, trouble=lambda: None if self.alive else f"{self.name} ended, see {self._log}")

    def says(self, words: bytes) -> bool:
        """Whether its log holds these words."""
        return words in self._log.read_bytes()

    @property
    def alive(self) -> bool:
        """Whether its first process runs."""
        return self._process is not None and self._process.poll() is None

    def processes(self) -> list[psutil.Process]:
        """The first process and all below it."""
        try:
            first = [psutil.Process(self._process.pid)] if self._process else []
            return first + [child for one in first for child in one.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def kill(self) -> list[int]:
        """SIGKILL it with all its children; the ids of who was hit."""
        with self._lock:
            hit = self.processes()
            self._planned = True
            _signal_all(hit, signal.SIGKILL)
            if self._process:
                self._process.wait(60)
            wait_until(lambda: not any(map(_runs, hit)))
            return [process.pid for process in hit]

    def stop(self, number: int = signal.SIGTERM, *, seconds: float = 60) -> None:
        """Ask it to end and wait; kill it when it does not, then whatever it left."""
        with self._lock:
            if self._process is None:
                return
            left = self.processes()
            self._planned = True
            self._process.send_signal(number)
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            _signal_all(left, signal.SIGKILL)

    def restart(self, number: int, *, down_s: float = 0.0) -> None:
        """End it by a signal and start it again after a while."""
        with self._lock:
            self.kill() if number == signal.SIGKILL else self.stop(number)
            time.sleep(down_s)
            self.start()

    def steady(self) -> bool:
        """Start it again when it ended some time ago; whether it was started."""
        if self.alive or not self._lock.acquire(blocking=False):
            return False
        try:
            if self._ended_at is None:
                self._ended_at = time.monotonic()
                self.surprised += [] if self._planned else [datetime.now(UTC)]
            if time.monotonic() - self._ended_at < self._rest_s:
                return False
            self.start()
            return True
        finally:
            self._lock.release()


def _signal_all(processes: Sequence[psutil.Process], number: int) -> None:
    for process in processes:
        try:
            process.send_signal(number)  # psutil knows a reused id by its start time
        except psutil.NoSuchProcess:
            continue


def _runs(process: psutil.Process) -> bool:
    try:
        # Who lost its parent stays a zombie until the first process of the machine looks.
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
