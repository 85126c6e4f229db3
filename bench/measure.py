"""What a command costs, its child processes included: time, CPU, memory, bytes read and written."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

_SAMPLE_SECONDS = 0.02
# To look through all processes of the machine takes some milliseconds, which what is measured would lack.
_LOOK_SECONDS = 0.25


class BenchError(RuntimeError):
    """A measured command failed or took too long."""


@dataclass(frozen=True)
class Cost:
    """Seconds and bytes of one run. `cpu` is user and system time of the whole tree of processes, as the kernel
    accounts it when each is waited for (wait4). `memory` is the largest sum of the high-water marks of the processes
    that lived at once, sampled fifty times a second; a child is known after a quarter of one. `read` and `written`
    count all that passed through read and write calls (rchar and wchar of /proc/PID/io, see proc(5)): files, cached or
    not, and pipes between its processes."""

    wall: float
    cpu: float
    memory: int
    read: int
    written: int
    output: str


def run(command: Sequence[str], *, timeout: float) -> Cost:
    """Run a command to its end.

    Raises:
        BenchError: it failed, or ran for more than `timeout` seconds and was stopped with all its children.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        begin = time.monotonic()
        process = subprocess.Popen(command, stdout=out, stderr=err, stdin=subprocess.DEVNULL, start_new_session=True)
        watch = _Watch(process.pid, timeout)
        try:
            watch.start()
            # The account of bytes is read while the ended process still waits to be reaped: by then it includes those
            # of its children that it has waited for.
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            wall = time.monotonic() - begin
            counts = _io(process.pid)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            watch.stop()
            _end(process)
        err.seek(0)
        if process.returncode:
            why = f"took more than {timeout} s" if watch.expired else f"failed with {process.returncode}"
            raise BenchError(f"{' '.join(command)} {why}:\n{err.read()[-2000:]}")
        out.seek(0)
        cpu = usage.ru_utime + usage.ru_stime
        return Cost(wall, cpu, watch.memory, counts["rchar"], counts["wchar"], out.read().strip())


class _Watch(threading.Thread):
    def __init__(self, pid: int, timeout: float) -> None:
        super().__init__(daemon=True)
        self._pid, self._deadline = pid, time.monotonic() + timeout
        self._over = threading.Event()
        self.memory, self.expired = 0, False

    def run(self) -> None:
        looked, tree = -math.inf, [self._pid]
        while not self._over.wait(_SAMPLE_SECONDS):
            if time.monotonic() - looked > _LOOK_SECONDS:
                looked, tree = time.monotonic(), _tree(self._pid)
            self.memory = max(self.memory, sum(map(_peak, tree)))
            if time.monotonic() > self._deadline:
                self.expired = True
                os.killpg(self._pid, signal.SIGKILL)
                return

    def stop(self) -> None:
        self._over.set()
        self.join()


def _tree(pid: int) -> list[int]:
    try:
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    except psutil.NoSuchProcess:
        return [pid]


def _peak(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/status") as status:
            lines = [line for line in status if line.startswith("VmHWM")]
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(lines[0].split()[1]) * 1024 if lines else 0


def _io(pid: int) -> dict[str, int]:
    with open(f"/proc/{pid}/io") as counts:
        return {name: int(value) for name, value in (line.split(":") for line in counts)}


def _end(process: subprocess.Popen[bytes]) -> None:
    """Stop what is left of the command's own session."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
    finally:
        if process.returncode is None:
            process.wait()
