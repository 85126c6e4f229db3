"""What a command costs, its child processes included: time, CPU, memory, bytes read and written."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

# To look through all processes takes some milliseconds, which what is measured would lack.
_SAMPLE_SECONDS = 0.25


class BenchError(RuntimeError):
    """A measured command failed or took too long."""


@dataclass(frozen=True)
class Cost:
    """Seconds and bytes of one run. `cpu` is user and system time of the whole tree of processes, as the kernel
    accounts it when each is waited for (wait4). `memory` is the largest sum of the high-water marks of the processes
    that lived at once, sampled four times a second, and not less than the highest mark of any. `read` and `written`
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
        memory = max(watch.memory, usage.ru_maxrss * 1024)
        cpu = usage.ru_utime + usage.ru_stime
        return Cost(wall, cpu, memory, counts["rchar"], counts["wchar"], out.read().strip())


class _Watch(threading.Thread):
    def __init__(self, pid: int, timeout: float) -> None:
        super().__init__(daemon=True)
        self._pid, self._deadline = pid, time.monotonic() + timeout
        self._over = threading.Event()
        self.memory, self.expired = 0, False

    def run(self) -> None:
        while not self._over.wait(_SAMPLE_SECONDS):
            self.memory = max(self.memory, _high_water(self._pid))
            if time.monotonic() > self._deadline:
                self.expired = True
                os.killpg(self._pid, signal.SIGKILL)
                return

    def stop(self) -> None:
        self._over.set()
        self.join()


def _high_water(pid: int) -> int:
    try:
        tree = [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    except psutil.NoSuchProcess:
        return 0
    return sum(_peak(one) for one in tree)


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
