"""What rows, leases, heartbeats, commits and events cost: `python -m bench.overhead [--jobs 60] [--batch 150]`.

Runs jobs whose stages do nothing on PostgreSQL and Valkey, and the same canvases in bare Celery on the same broker with
the same options, by turns. Latency is measured one job at a time, throughput on a batch that was queued while the
workers stood still. Prints a table and writes bench/results/overhead.json.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import redis

from bench import results
from tests.services import postgres, valkey
from tests.services.process import serving

ROOT = Path(__file__).parent.parent
# The shapes of a canvas: each stage's name and what it needs. The second is the one of a whole edit.
SHAPES: dict[str, dict[str, tuple[str, ...]]] = {
    "chain": {"probe": (), "trim": ("probe",), "brand": ("trim",), "publish": ("brand",)},
    "edit": {
        "probe": (),
        "trim": ("probe",),
        "preview": ("trim",),
        "brand": ("trim",),
        "publish": ("preview", "brand"),
    },
}
# Stages that follow one another: the others run beside them.
DEPTH = {"chain": 4, "edit": 4}
_PROCESSES = 2
_PATIENCE_S = 300.0
_BATCHES = 3


@dataclass(frozen=True)
class Side:
    """One way to run a canvas: `send` starts one and returns its id, `wait` returns when all of them are done."""

    name: str
    worker: psutil.Process
    send: Callable[[], str]
    wait: Callable[[list[str]], None]

    def latency_ms(self) -> float:
        """Of one job, from before it is made until the news of its end has come."""
        begin = time.perf_counter()
        self.wait([self.send()])
        return (time.perf_counter() - begin) * 1000

    def rate(self, batch: int) -> tuple[float, float]:
        """Jobs a second of a batch that waits in the queues when the worker goes on, and its CPU seconds a job.

        The second does not depend on who else uses the machine; what the database's server does is not in it.
        """
        family = [self.worker, *self.worker.children(recursive=True)]
        for process in family:
            process.send_signal(signal.SIGSTOP)
        try:
            waiting = [self.send() for _ in range(batch)]
            used = _cpu(family)
        finally:
            begin = time.perf_counter()
            for process in family:
                process.send_signal(signal.SIGCONT)
        self.wait(waiting)
        return batch / (time.perf_counter() - begin), (_cpu(family) - used) / batch


def _cpu(family: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in family)


def measure(shape: str, ours: Side, bare: Side, jobs: int, batch: int) -> dict[str, Any]:
    """The row of one shape: medians of single jobs by turns, then of batches by turns."""
    busy = results.load()
    results.note(f"{shape}: {jobs} single jobs, {_BATCHES} batches of {batch} (load {busy}) …")
    for _ in range(5):
        for side in (ours, bare):
            side.latency_ms()
    latency = [(ours.latency_ms(), bare.latency_ms()) for _ in range(jobs)]
    mine, theirs = (statistics.median(one) for one in zip(*latency, strict=True))
    rates = [(ours.rate(batch), bare.rate(batch)) for _ in range(_BATCHES)]
    fast, faster = (statistics.median(side[0] for side in one) for one in zip(*rates, strict=True))
    dear, cheap = (statistics.median(side[1] for side in one) for one in zip(*rates, strict=True))
    return {
        "row": shape,
        "stages": len(SHAPES[shape]),
        "latency_ms": round(mine, 1),
        "bare_latency_ms": round(theirs, 1),
        "latency_ratio": round(mine / theirs, 2),
        "added_ms_per_stage": round((mine - theirs) / DEPTH[shape], 1),
        "jobs_per_s": round(fast, 2),
        "bare_jobs_per_s": round(faster, 2),
        "throughput_ratio": round(fast / faster, 3),
        "cpu_ms_per_stage": round(dear * 1000 / len(SHAPES[shape]), 1),
        "bare_cpu_ms_per_stage": round(cheap * 1000 / len(SHAPES[shape]), 1),
        "jobs": jobs,
        "batch": batch,
        "processes": _PROCESSES,
        "load_before": busy,
        "repeat": f"python -m bench.overhead --jobs {jobs} --batch {batch}",
    }


def _ours(shape: str, worker: psutil.Process) -> Side:
    from sqlalchemy import func, select

    from core import accounts, events, states
    from core.db import reading, transaction
    from core.models import Asset, Job
    from core.plan import JobPlan, StagePlan
    from pipelines import submit

    account = accounts.default_account().id
    with transaction() as session:
        asset = Asset(
            account_id=account, filename="a.mp4", content_type="video/mp4", size=1, sha256="0" * 64, storage_key="a"
        )
        session.add(asset)

    def plan(name: str, needs: tuple[str, ...]) -> StagePlan:
        return StagePlan(
            name=name,
            queue=name,
            weight=1,
            version=1,
            digest=uuid.uuid4().hex * 2,
            params={},
            inputs={},
            needs=needs,
            outputs={},
        )

    def send() -> str:
        stages = tuple(plan(name, needs) for name, needs in SHAPES[shape].items())
        job = JobPlan(pipeline="edit", input_asset_id=asset.id, params={}, filename="a.mp4", stages=stages)
        return submit.submit(account, job).id

    def follow(job_id: str) -> None:
        last, deadline = "0-0", time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            for event in events.read(job_id, last, wait_s=5):
                last = event.id
                if event.data["status"] in states.TERMINAL:
                    assert event.data["status"] == states.SUCCEEDED, event.data
                    return
        raise TimeoutError(job_id)

    def wait(job_ids: list[str]) -> None:
        if len(job_ids) == 1:
            return follow(job_ids[0])
        # By an index, and no more often than matters: the peer is asked nothing.
        live = select(Job.id).where(Job.status.in_((states.QUEUED, states.RUNNING))).limit(1)
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            with reading() as session:
                if session.scalar(live) is None:
                    break
            if time.monotonic() > deadline:
                raise TimeoutError("a batch")
            time.sleep(0.02)
        with reading() as session:
            assert not session.scalar(select(func.count()).where(Job.status != states.SUCCEEDED))
        return None

    return Side("ours", worker, send, wait)


def _bare(shape: str, worker: psutil.Process, client: redis.Redis) -> Side:
    from celery import chain, group

    from bench.bare import BARE, DONE, bare

    def send() -> str:
        job = uuid.uuid4().hex

        def message(name: str) -> Any:
            return bare.signature(BARE + name, args=(job,), immutable=True, options={"ignore_result": True})

        middle = [group([message("preview"), message("brand")])] if shape == "edit" else [message("brand")]
        chain(message("probe"), message("trim"), *middle, message("publish"), app=bare).apply_async(retry=False)
        return job

    def wait(sent: list[str]) -> None:
        left = set(sent)
        while left:
            answer = client.blpop([DONE], timeout=_PATIENCE_S)
            if answer is None:
                raise TimeoutError("a bare chain")
            left.discard(answer[1].decode())

    return Side("bare", worker, send, wait)


@contextmanager
def _worker(folder: Path, app: str, prefix: str) -> Iterator[psutil.Process]:
    log = folder / f"{app}.log"
    queues = ",".join(prefix + name for name in SHAPES["edit"])
    command = [sys.executable, "-m", "celery", "--app", app, "worker", "--queues", queues]
    command += ["--hostname", f"{app}@%h", "--concurrency", str(_PROCESSES), "--loglevel", "INFO"]
    with serving(command, log=log, ready=lambda: b"ready." in log.read_bytes(), cwd=ROOT) as process:
        yield psutil.Process(process.pid)


@contextmanager
def _sides() -> Iterator[Callable[[str], tuple[Side, Side]]]:
    """Start the servers and a worker of each side; yield what makes the two sides of a shape."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cutwork-bench-")))
        port = stack.enter_context(valkey.running(folder))
        url = f"redis://127.0.0.1:{port}/0"
        os.environ["DATABASE_URL"] = postgres.create_database(stack.enter_context(postgres.running()), "bench")
        os.environ |= {"BROKER_URL": url, "STORAGE_DIR": str(folder / "storage"), "MAX_RUNNING_JOBS": "1000000"}
        subprocess.run([sys.executable, "-m", "alembic", "upgrade", "head"], cwd=ROOT, check=True, capture_output=True)
        mine = stack.enter_context(_worker(folder, "bench.noop", ""))
        theirs = stack.enter_context(_worker(folder, "bench.bare", "bare."))
        client = stack.enter_context(redis.Redis.from_url(url))
        yield lambda shape: (_ours(shape, mine), _bare(shape, theirs, client))


_COLUMNS = {
    "canvas": "row",
    "latency, ms": "latency_ms",
    "bare Celery, ms": "bare_latency_ms",
    "added a stage, ms": "added_ms_per_stage",
    "jobs/s": "jobs_per_s",
    "bare Celery, jobs/s": "bare_jobs_per_s",
    "throughput, × bare": "throughput_ratio",
    "CPU a stage, ms": "cpu_ms_per_stage",
    "bare Celery, CPU a stage, ms": "bare_cpu_ms_per_stage",
}


def main() -> None:
    """Measure, show, save."""
    parser = argparse.ArgumentParser(prog="python -m bench.overhead", description=__doc__)
    parser.add_argument("--jobs", type=int, default=60, help="single jobs of each side and shape")
    parser.add_argument("--batch", type=int, default=150, help="jobs of a batch")
    asked = parser.parse_args()
    with _sides() as sides:
        rows = [measure(shape, *sides(shape), asked.jobs, asked.batch) for shape in SHAPES]
    results.show(rows, _COLUMNS)
    head = results.machine()
    print(f"\n{results.save('overhead', [head, *rows])}: {head['date']}, {head['cores']} cores, {head['cpu']}")


if __name__ == "__main__":
    main()
