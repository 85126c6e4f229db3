"""Answers `/metrics` for a group of processes, on a port of its own.

A worker starts it as a process beside itself: `python -m core.telemetry.exporter`. A thread in its main process would
hold locks now and then when the pool forks, and its event loop stands still while the broker is away. It ends with its
parent. Processes that never fork, as those of gunicorn, serve from a thread (`serve`).
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from core.telemetry import folder

PORT_TAKEN = 98
_LOOK_S = 1.0


class Server(Protocol):
    """What `serve` has started."""

    def shutdown(self) -> None:
        """Answer nobody any more."""


class FolderCollector(Collector):
    """What the processes of a group have counted, those that are dead included."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def collect(self) -> Iterator[Metric]:
        """Yield every metric, summed over the processes."""
        with self._lock:
            folder.gather(self._path)
            paths = [str(path) for path in folder.files(self._path)]
            yield from MultiProcessCollector.merge(paths)  # type: ignore[no-untyped-call]


class InfoCollector(Collector):
    """Which kind of process this is, and of which version."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def collect(self) -> Iterator[Metric]:
        """Yield `cutwork_info`, always 1."""
        info = GaugeMetricFamily("cutwork_info", "The kind of process and its version.", labels=["kind", "version"])
        info.add_metric([self._kind, version("cutwork")], 1)
        yield info


def serve(host: str, port: int, *, kind: str, collectors: list[Collector]) -> Server:
    """Answer scrapes from a thread; raises OSError when the port is taken."""
    registry = CollectorRegistry()
    for one in [InfoCollector(kind), *collectors]:
        registry.register(one)
    server, _ = start_http_server(port, addr=host, registry=registry)
    return server


def main() -> int:
    """Serve until the parent is gone; PORT_TAKEN when the port is taken."""
    parser = argparse.ArgumentParser(prog="python -m core.telemetry.exporter", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where the group's processes count")
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--kind", required=True, help="what the processes are")
    asked = parser.parse_args()
    # Whoever interrupts a terminal's processes means the parent, which ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = os.getppid()
    try:
        serve(asked.host, asked.port, kind=asked.kind, collectors=[FolderCollector(asked.folder)])
    except OSError:
        return PORT_TAKEN
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    return 0


if __name__ == "__main__":
    sys.exit(main())
