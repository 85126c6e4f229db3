"""What live events cost the API: `python -m bench.live [--clients 500] [--seconds 30]`.

Serves the API as in production (gunicorn, one process, 32 threads), holds many event streams open on it, announces an
event a second and notes for each client how long after its publication the event came. Memory is that of all
of gunicorn's processes; a page that some share counts once (PSS). Prints a table and writes bench/results/live.json.
"""

from __future__ import annotations

import argparse
import re
import selectors
import socket
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench import results
from bench.served import backing, serve
from core import events, job_document
from tests.core.rows import make_job

_GOAL_MS, _GOAL_MB = 500, 150
_MARK = re.compile(rb'"sent_at":([0-9.]+)')


class Clients:
    """Event streams in one process: raw sockets and one selector, so that measuring takes little of the machine."""

    def __init__(self, url: str, paths: list[str], headers: Mapping[str, str]) -> None:
        self._selector = selectors.DefaultSelector()
        self.lags: list[float] = []
        self.opened = 0
        address = urlsplit(url)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        for path in paths:
            sock = socket.create_connection((address.hostname, address.port), timeout=30)
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: bench\r\n{lines}\r\n".encode())
            head = b""
            while b"event: job" not in head:
                head += sock.recv(65536)
            assert head.startswith(b"HTTP/1.1 200"), head[:300]
            self.opened += 1
            sock.setblocking(False)
            self._selector.register(sock, selectors.EVENT_READ, sock.recv)

    def listen(self, until: float, *, enough: int | None = None) -> None:
        """Read what comes until a moment of the monotonic clock, or until so many events have come."""
        while (left := until - time.monotonic()) > 0 and len(self.lags) != enough:
            for key, _ in self._selector.select(left):
                data = key.data(65536)
                came = time.time()
                self.lags += [came - float(sent_at) for sent_at in _MARK.findall(data)]


def measure(clients: int, seconds: int, jobs: int) -> dict[str, Any]:
    """The row of one run: so many clients, spread over so many jobs, for so long."""
    busy = results.load()
    with tempfile.TemporaryDirectory(prefix="cutwork-bench-") as folder, serve(Path(folder)) as served:
        made = [make_job(salt=uuid.uuid4().hex) for _ in range(jobs)]
        paths = [f"/v1/jobs/{made[number % jobs].id}/events" for number in range(clients)]
        empty = served.memory()
        listeners = Clients(served.url, paths, served.headers)
        began = served.cpu()
        peak = 0
        documents = {job.id: job_document.document(job, None) for job in made}
        for _ in range(seconds):
            second = threading.Thread(target=_announce, args=(documents,))
            until = time.monotonic() + 1
            second.start()
            listeners.listen(until)
            second.join()
            peak = max(peak, served.memory())
        listeners.listen(time.monotonic() + 5, enough=clients * seconds)
        used = served.cpu() - began
    lags = sorted(listeners.lags)
    assert len(lags) == clients * seconds, f"{len(lags)} events came of {clients * seconds}"
    return {
        "row": f"{clients} clients of {jobs} jobs",
        "clients": clients,
        "events": len(lags),
        "median_ms": round(statistics.median(lags) * 1000, 1),
        "p99_ms": round(lags[int(len(lags) * 0.99) - 1] * 1000, 1),
        "worst_ms": round(lags[-1] * 1000, 1),
        "goal_ms": _GOAL_MS,
        "memory_mb": round(peak / 2**20, 1),
        "memory_without_clients_mb": round(empty / 2**20, 1),
        "goal_mb": _GOAL_MB,
        "cpu_ms_per_event": round(used * 1000 / len(lags), 3),
        "load_before": busy,
        "repeat": f"python -m bench.live --clients {clients} --seconds {seconds}",
    }


def _announce(documents: Mapping[str, dict[str, Any]]) -> None:
    for job_id, document in documents.items():
        events.publish(job_id, document | {"metadata": {"sent_at": time.time()}})


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cutwork-bench-") as folder, backing(Path(folder)):
        rows = [measure(options.clients, options.seconds, jobs) for jobs in (1, 50)]
    columns = {"clients": "row", "median ms": "median_ms", "p99 ms": "p99_ms", "memory MB": "memory_mb"}
    results.show(rows, columns | {"CPU ms an event": "cpu_ms_per_event"})
    results.note(f"written to {results.save('live', [results.machine(), *rows])}")


if __name__ == "__main__":
    main()
