"""honcho's manager, with an orderly end: workers stop first and the broker last, and nothing stays behind.

honcho starts each line of a Procfile in a session of its own and sends its output here. Added to that: processes that
others need are waited for; the output goes to one log file each; the first one that dies unasked is named; the end goes
in stages, gently and then not; and processes end with us even if we are killed.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

from honcho.manager import Manager  # type: ignore[import-untyped]
from honcho.printer import Message, Printer  # type: ignore[import-untyped]

from cli.errors import StackError
from cli.stack.leash import LeashedProcess, kill_group

STOPPERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TAIL = 20
Wait = Callable[[], bool]


class Logs(Printer):  # type: ignore[misc]
    """Writes each process's lines to its own file, remembers the last ones, and shows them unless it is quiet."""

    def __init__(self, folder: Path, screen: TextIO | None) -> None:
        super().__init__(screen)
        self._folder = folder
        self._files: dict[str, TextIO] = {}
        self._tails: dict[str, deque[str]] = {}

    def write(self, message: Message) -> None:
        """Take one message of a process."""
        data = message.data if isinstance(message.data, str) else message.data.decode("utf-8", "replace")
        if message.name not in self._files:
            path = self.path(message.name)
            if path.exists():
                path.replace(path.with_suffix(".log.1"))
            self._files[message.name] = path.open("w", encoding="utf-8", buffering=1)
            self._tails[message.name] = deque(maxlen=TAIL)
        for line in data.splitlines():
            self._files[message.name].write(f"{message.time:%Y-%m-%d %H:%M:%S} {line}\n")
            self._tails[message.name].append(line)
        if self.output is not None:
            super().write(message._replace(data=data))

    def path(self, name: str) -> Path:
        """Return the file of a process."""
        return self._folder / f"{name}.log"

    def tail(self, name: str) -> list[str]:
        """Return the last lines of a process."""
        return list(self._tails.get(name, ()))

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()


class StackManager(Manager):  # type: ignore[misc]
    """Runs processes until one dies or we are told to stop.

    `waits` holds, by name, what to wait for before the processes that come after it are started. `last` names those
    that are stopped when all others have ended; each of the two rounds has `grace_s` seconds.
    """

    def __init__(self, logs: Logs, *, waits: Mapping[str, Wait], last: Collection[str], grace_s: float) -> None:
        super().__init__(logs)
        self._process_ctor = LeashedProcess
        self._logs = logs
        self._waits = waits
        self._last = set(last)
        self._grace_s = grace_s
        self._asked: set[str] = set()
        self._deadline = 0.0
        self._requests = 0
        self._failure: StackError | None = None
        self._failure_lock = threading.Lock()

    def loop(self) -> None:
        """Start all, and return when all have stopped. Raises StackError when they stopped for a fault."""
        previous = {number: signal.signal(number, self._on_signal) for number in STOPPERS}
        try:
            self._start()
            while not self._all_stopped():
                self._take_event()
                if self._all_started():
                    self._go_on()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
            self._logs.close()
        if self._failure is not None:
            raise self._failure

    def fail(self, error: StackError) -> None:
        """Stop all for a fault; the first one counts. May be called from any thread."""
        with self._failure_lock:
            self._failure = self._failure or error

    def _on_signal(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self._requests += 1

    def _start(self) -> None:
        for name, entry in self._processes.items():
            entry["process"] = multiprocessing.Process(name=name, target=entry["obj"].run, args=(self.events, True))
            entry["process"].start()
            if name in self._waits:
                _wait(self._waits[name], entry["process"], lambda: bool(self._requests))

    def _take_event(self) -> None:
        # Looked at before the queue: whoever had ended by then had said all that it had to say.
        dead = {name for name, entry in self._processes.items() if not entry["process"].is_alive()}
        try:
            message = self.events.get(timeout=0.1)
        except queue.Empty:
            self._notice_lost(dead)
            return
        entry = self._processes[message.name]
        match message.type:
            case "line":
                self._logs.write(message)
            case "start":
                entry["pid"] = message.data["pid"]
            case "stop":
                self._ended(message.name, message.data["returncode"])

    def _notice_lost(self, dead: Collection[str]) -> None:
        """A process whose forwarder was killed can tell us nothing any more: it counts as ended."""
        for name, entry in self._processes.items():
            if "returncode" not in entry and name in dead:
                kill_group(entry.setdefault("pid", entry["process"].pid))
                self._ended(name, -signal.SIGKILL)

    def _ended(self, name: str, code: int) -> None:
        self._processes[name]["returncode"] = code
        if not self._asked and not self._requests:
            how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
            self.fail(
                StackError(f"{name} {how}; everything else was stopped", code="process_died", log=self._log(name))
            )

    def _log(self, name: str) -> list[str]:
        return [*self._logs.tail(name), f"(all of it: {self._logs.path(name)})"]

    def _go_on(self) -> None:
        """Do the next step of the end, if it has begun: ask, then, when time is up or we are told twice, kill."""
        if not self._requests and self._failure is None:
            return
        running = self._running()
        names = (running - self._last) or running
        if not names <= self._asked:
            self._asked |= names
            self._deadline = time.monotonic() + self._grace_s
            for name in names:
                # Only the leader: it knows how to end its children, and they would not wait for it.
                _send(os.kill, self._processes[name]["pid"], signal.SIGTERM)
        elif time.monotonic() > self._deadline or self._requests > 1:
            for name in names:
                kill_group(self._processes[name]["pid"])

    def _running(self) -> set[str]:
        return {name for name, entry in self._processes.items() if "returncode" not in entry}


def _send(how: Callable[[int, int], None], pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # it may have ended by itself a moment ago
        how(pid, number)


def _wait(ready: Wait, process: Any, interrupted: Wait) -> None:
    """Wait until a process is ready; one that ends or takes too long is for the loop to notice."""
    deadline = time.monotonic() + 15
    while process.is_alive() and not interrupted() and time.monotonic() < deadline and not ready():
        time.sleep(0.05)
