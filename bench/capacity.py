"""The constants of docs/scaling.md: `python -m bench.capacity [--jobs 100]`.

What each stage costs in processor time for a second of 1080p30 film, and what a job costs the database and the broker
while its stages do nothing. Seconds of processor time say more than the clock on a machine that does other work. Writes
bench/results/capacity.json.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import redis

from bench import results
from bench.measure import run
from bench.overhead import ROOT, SHAPES, _cpu, _ours, _worker
from bench.source import CACHE, recording
from tests.services import postgres, valkey
from tests.services.process import serving

_TIMEOUT = 900.0
_FILM_S = 40
"""Seconds of film that each stage is given; a proxy is made of all of the recording."""
_SHORT_S = 8
_RECORDED_S = 56


def stages() -> Iterator[dict[str, Any]]:
    """A row for each stage: processor seconds for a second of film, the start of a process not counted."""
    source = recording(1)
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        folder = Path(name)
        smart, exact = folder / "smart.mp4", folder / "exact.mp4"
        idle = _side("nothing", source, folder / "-").cpu
        for row, kind, given, made in (
            ("probe", "probe", source, folder / "-"),
            ("trim-smart", "smart", source, smart),
            ("trim-exact", "exact", source, exact),
            ("proxy", "proxy", source, folder / "proxy.mp4"),
            ("preview", "preview", source, folder / "preview"),
            ("publish", "publish", smart, folder / "published.mp4"),
        ):
            busy = results.load()
            results.note(f"{row} (load {busy}) …")
            cost = _side(kind, given, made)
            film = _RECORDED_S if kind == "proxy" else _FILM_S
            match kind:
                case "smart":
                    fixed, slope = _smart()
                case "preview":
                    short = _side(kind, given, folder / "short", _SHORT_S)
                    slope = max(cost.cpu - short.cpu, 0) / (_FILM_S - _SHORT_S)
                    fixed = cost.cpu - idle - slope * _FILM_S
                case _:
                    fixed, slope = 0.0, (cost.cpu - idle) / film
            yield {
                "row": row,
                "film_s": film,
                "cpu_s": round(cost.cpu - idle, 2),
                "fixed_s": round(fixed, 2),
                "cpu_s_per_film_s": round(slope, 4),
                "memory_mb": round(cost.memory / 2**20),
                "read_mb": round(cost.read / 1e6, 1),
                "written_mb": round(cost.written / 1e6, 1),
                "load_before": busy,
            }


def _smart() -> tuple[float, float]:
    """Fixed processor seconds of a smart cut, and those for a second of film.

    It costs its edges and its certificate, and hardly more for more film: from the rows of bench/trim.py that keep a
    minute and half an hour of the same recording.
    """
    rows = [row for row in json.loads((results.FOLDER / "trim.json").read_text()) if row["row"] == "smart"]
    kept = {float(row["measured_s"]): row["cpu_s"] for row in rows if row["source_minutes"] == 50}
    short, long = min(kept), max(kept)
    slope = (kept[long] - kept[short]) / (long - short)
    return kept[short] - slope * short, slope


def _side(kind: str, source: Path, target: Path, seconds: int = _FILM_S) -> Any:
    command = [sys.executable, "-m", "bench.capacity_side", kind, str(source), str(target), str(seconds)]
    return run(command, timeout=_TIMEOUT)


@dataclass
class Servers:
    """Database and broker of a run, by their processes and what they tell."""

    database: psutil.Process
    broker: psutil.Process
    client: Any

    def cpu(self) -> tuple[float, float]:
        """Processor seconds so far of both, children included that still live."""
        database, broker = (_cpu([one, *one.children(recursive=True)]) for one in (self.database, self.broker))
        return database, broker

    def told(self) -> dict[str, float]:
        """Bytes of log and tables, commits, and commands so far."""
        from sqlalchemy import text

        from core.db import reading

        with reading() as session:
            wal = session.scalar(text("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')"))
            # What sessions have done is told with a delay of a second at most.
            commits = session.scalar(
                text("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
            )
            tables = "('jobs'), ('job_stages'), ('artifacts')"
            size = session.scalar(text(f"SELECT sum(pg_total_relation_size(t::regclass)) FROM (VALUES {tables}) v(t)"))
        info = self.client.info()
        return {
            "wal": float(wal or 0),
            "commits": float(commits or 0),
            "size": float(size or 0),
            "commands": float(info["total_commands_processed"]),
        }


def services(jobs: int) -> dict[str, Any]:
    """What an edit of five stages that do nothing costs the database and the broker, a stage."""
    with _running() as (servers, folder):
        with _worker(folder, "ours", "") as process:
            side = _ours("edit", psutil.Process(process.pid))
            side.wait([side.send() for _ in range(5)])
            # Connections that end take their processor time with them: the pools keep theirs.
            before, cpu = servers.told(), servers.cpu()
            side.rate(jobs)
            after, used = servers.told(), servers.cpu()
        waiting = _waiting(servers, side, jobs)
    count = jobs * len(SHAPES["edit"])
    return {
        "row": "services",
        "stages": count,
        "database_cpu_ms_per_stage": round((used[0] - cpu[0]) / count * 1000, 2),
        "broker_cpu_ms_per_stage": round((used[1] - cpu[1]) / count * 1000, 3),
        "transactions_per_stage": round((after["commits"] - before["commits"]) / count, 1),
        "wal_bytes_per_stage": round((after["wal"] - before["wal"]) / count),
        "table_bytes_per_job": round((after["size"] - before["size"]) / jobs),
        "redis_commands_per_stage": round((after["commands"] - before["commands"]) / count, 1),
        "broker_bytes_per_waiting_job": round(waiting),
        "load_before": results.load(),
    }


def _waiting(servers: Servers, side: Any, jobs: int) -> float:
    """Bytes that a job takes in the broker while its message waits: no worker runs any more."""
    before = int(servers.client.info("memory")["used_memory"])
    for _ in range(jobs):
        side.send()
    return (int(servers.client.info("memory")["used_memory"]) - before) / jobs


@contextmanager
def _running() -> Iterator[tuple[Servers, Path]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cutwork-bench-")))
        before = {one.pid for one in psutil.Process().children()}
        port = stack.enter_context(valkey.running(folder))
        [broker] = [one for one in psutil.Process().children() if one.pid not in before]
        server = stack.enter_context(postgres.prepared())
        log = server.options["cwd"] / "postgres.log"
        database = stack.enter_context(serving(server.command, log=log, ready=server.answers, **server.options))
        url = f"redis://127.0.0.1:{port}/0"
        os.environ["DATABASE_URL"] = postgres.create_database(server.port, "bench")
        os.environ |= {"BROKER_URL": url, "STORAGE_DIR": str(folder / "storage"), "MAX_RUNNING_JOBS": "1000000"}
        subprocess.run([sys.executable, "-m", "alembic", "upgrade", "head"], cwd=ROOT, check=True, capture_output=True)
        client = stack.enter_context(redis.Redis.from_url(url, decode_responses=True))
        yield Servers(psutil.Process(database.pid), broker, client), folder


def main() -> None:
    """Measure, show, save."""
    parser = argparse.ArgumentParser(prog="python -m bench.capacity", description=__doc__)
    parser.add_argument("--jobs", type=int, default=100, help="jobs that do nothing")
    asked = parser.parse_args()
    head = results.machine()
    rows = [*stages(), services(asked.jobs)]
    results.show(
        rows[:-1], {"stage": "row", "CPU s for a second of film": "cpu_s_per_film_s", "memory, MB": "memory_mb"}
    )
    for name, value in rows[-1].items():
        print(f"{name}: {value}")
    print(results.save("capacity", [head, *rows]))


if __name__ == "__main__":
    main()
