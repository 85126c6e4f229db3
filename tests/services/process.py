"""A server process: started, waited for, stopped by its own handle."""

import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

# What ends at once where all is well may take long on a machine that stands still now and then; waiting costs nothing.
LONG_S = 120


@contextmanager
def serving(command, *, log: Path, ready, seconds: float = LONG_S, stop=signal.SIGTERM, **options):
    """Run a command until the block ends; `ready()` is true, or raises nothing, once it can be used."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, **options)
    try:
        wait_until(ready, seconds, lambda: _trouble(process, command, log))
        yield process
    finally:
        process.send_signal(stop)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(ready, seconds: float = LONG_S, trouble=lambda: None) -> None:
    """Poll until `ready()`; fail with what `trouble()` says, at once when it says something."""
    deadline = time.monotonic() + seconds
    while not ready():
        said = trouble()
        assert not said, said
        assert time.monotonic() < deadline, f"not ready after {seconds} s"
        time.sleep(0.05)


def _trouble(process, command, log: Path) -> str | None:
    if process.poll() is None:
        return None
    return f"{command[0]} ended with {process.returncode}:\n{log.read_text(errors='replace')[-3000:]}"
