"""What a request costs: `python -m bench.api [--seconds 8] [--clients 8]`.

Asks the API to create a job, to get one and to list twenty, and a bare Flask application to say hello: both behind
gunicorn with the same settings, one process of 32 threads, by turns in the same run. The client, threads with a kept
connection each, uses the same cores; so the rates are of both together, and the ratio to the bare route is what to look
at, as is the processor time of the server alone. Prints a table and writes bench/results/api.json.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench import results
from bench.served import Served, backing, serve
from core import accounts
from tests.core.rows import make_asset, make_job

_ROUNDS = 3
_JOBS = 200


@dataclass(frozen=True)
class Request:
    """One kind of request: `body` makes another one each time."""

    name: str
    served: Served
    method: str
    path: str
    status: int
    body: Callable[[], bytes] | None = None


def hello() -> Any:
    """Return the bare application that the API is compared with."""
    from flask import Flask

    app = Flask(__name__)

    @app.get("/healthz")
    def say() -> dict[str, str]:
        return {"status": "ok"}

    return app


def ask(request: Request, seconds: float, clients: int) -> tuple[list[float], float, float]:
    """Ask for so long; return the latencies in seconds, the time it took, and the server's processor time."""
    address = urlsplit(request.served.url)
    until = time.perf_counter() + seconds
    found: list[list[float]] = [[] for _ in range(clients)]
    headers = dict(request.served.headers) | {"Content-Type": "application/json"}

    def run(latencies: list[float]) -> None:
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
        while time.perf_counter() < until:
            body = request.body() if request.body else None
            begin = time.perf_counter()
            connection.request(request.method, request.path, body=body, headers=headers)
            answer = connection.getresponse()
            data = answer.read()
            latencies.append(time.perf_counter() - begin)
            assert answer.status == request.status, data[:500]
        connection.close()

    used, begin = request.served.cpu(), time.perf_counter()
    threads = [threading.Thread(target=run, args=(latencies,)) for latencies in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return list(itertools.chain(*found)), time.perf_counter() - begin, request.served.cpu() - used


def measure(requests: list[Request], seconds: float, clients: int) -> Iterator[dict[str, Any]]:
    """Yield a row for each kind of request; they take turns, so that a busy machine hits all of them."""
    busy = results.load()
    for request in requests:
        ask(request, 0.5, clients)
    rounds = [[ask(request, seconds / _ROUNDS, clients) for request in requests] for _ in range(_ROUNDS)]
    bare: dict[str, float] = {}
    for place, request in enumerate(requests):
        turns = [turn[place] for turn in rounds]
        latencies = sorted(itertools.chain(*(turn[0] for turn in turns)))
        rate = len(latencies) / sum(turn[1] for turn in turns)
        cpu_ms = sum(turn[2] for turn in turns) * 1000 / len(latencies)
        bare = bare or {"rate": rate, "cpu_ms": cpu_ms}
        yield {
            "row": request.name,
            "requests": len(latencies),
            "requests_per_s": round(rate, 1),
            "median_ms": round(latencies[len(latencies) // 2] * 1000, 2),
            "p99_ms": round(latencies[int(len(latencies) * 0.99) - 1] * 1000, 2),
            "rate_ratio": round(rate / bare["rate"], 3),
            "cpu_ms": round(cpu_ms, 2),
            "cpu_ratio": round(cpu_ms / bare["cpu_ms"], 1),
            "clients": clients,
            "load_before": busy,
            "repeat": f"python -m bench.api --seconds {seconds:g} --clients {clients}",
        }


_COLUMNS = {
    "request": "row",
    "requests/s": "requests_per_s",
    "median, ms": "median_ms",
    "p99, ms": "p99_ms",
    "rate, × bare": "rate_ratio",
    "server CPU, ms": "cpu_ms",
    "CPU, × bare": "cpu_ratio",
}


def main() -> None:
    """Measure, show, save."""
    parser = argparse.ArgumentParser(prog="python -m bench.api", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="for each kind of request")
    parser.add_argument("--clients", type=int, default=8)
    asked = parser.parse_args()
    # A bound on requests would end the run, and is counted all the same.
    often = {"RATE_LIMIT_KEY": "100000 per second", "RATE_LIMIT_IP": "100000 per second"}
    with tempfile.TemporaryDirectory(prefix="cutwork-bench-") as name, backing(folder := Path(name), **often):
        asset = make_asset(account_id=accounts.default_account().id)
        jobs = [make_job(salt=uuid.uuid4().hex) for _ in range(_JOBS)]
        edits = itertools.count(1)

        def edit() -> bytes:
            return json.dumps({"input": asset.id, "keep": [{"start": 0, "end": next(edits)}]}).encode()

        with serve(folder, "bench.api:hello()") as bare, serve(folder) as api:
            requests = [
                Request("bare Flask", bare, "GET", "/healthz", 200),
                Request("get a job", api, "GET", f"/v1/jobs/{jobs[0].id}", 200),
                Request("list 20 jobs", api, "GET", "/v1/jobs?limit=20", 200),
                Request("create a job", api, "POST", "/v1/jobs/edit", 202, edit),
            ]
            rows = list(measure(requests, asked.seconds, asked.clients))
    results.show(rows, _COLUMNS)
    print(f"\n{results.save('api', [results.machine(), *rows])}")


if __name__ == "__main__":
    main()
