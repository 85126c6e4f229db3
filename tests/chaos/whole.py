"""A whole run: servers, fleet, scenario, quiet, an undisturbed run to compare with, and the verdict."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine

from tests.chaos import bucket, clips, history, outcome, report, runner, servers, verdict
from tests.chaos.client import Client
from tests.chaos.faults import Storm
from tests.chaos.fleet import PEACE, ROOT, STORM, Fleet, environment
from tests.chaos.runner import User
from tests.chaos.scenario import Scenario
from tests.chaos.verdict import Verdict
from tests.chaos.workload import JobSpec


def run(
    plan: Scenario,
    folder: Path,
    *,
    settings: Mapping[str, str],
    settle_s: float,
    s3_endpoint: str | None = None,
    say: Callable[[str], None] = print,
) -> tuple[Verdict, dict[str, Any]]:
    """Run a scenario with these settings of the system; return the verdict and the figures."""
    begun = time.monotonic()
    facts = report.circumstances()
    sources = clips.make_all(folder / "clips")
    with servers.running(folder, seed=plan.seed, s3_endpoint=s3_endpoint) as there:
        name = f"chaos-{plan.seed}-{time.time_ns() // 10**6}"
        env = there.environment(name, through_proxy=True, broker_db=0) | dict(settings)
        engine = create_engine(env["DATABASE_URL"], pool_pre_ping=True)
        fleet = Fleet(folder / "storm", env, STORM)
        storm = Storm(fleet, there, engine, folder / "faults.log")
        with fleet.running():
            # Before anything writes: a trigger must wait for whoever holds its table.
            with engine.begin() as connection:
                history.install(connection)
            client = Client(fleet.url, storm.accepted)
            user = User(client, sources, folder / "fresh")
            user.prepare()
            say("the storm begins")
            runner.run(plan, user, storm, engine, say)
            say("the storm is over")
            settled = runner.settle(engine, settle_s)
        ended, artifacts = outcome.jobs(engine), outcome.artifacts(engine)
        with engine.connect() as connection:
            past = history.read(connection)
            history.keep(connection, folder / "history.txt")
        done = [plan.jobs[job.number] for job in ended.values() if job.number is not None and job.status == "succeeded"]
        say(f"{len(ended)} jobs, settled after {settled} s; now undisturbed")
        undisturbed = _undisturbed(there, folder, outcome.distinct(done), sources, name, settings)
        answer = verdict.judge(plan, client, ended, past, artifacts, undisturbed)
        verdict.resumptions(answer, past, storm.killed)
        verdict.zombies(answer, past, storm.stopped)
        struck = [*storm.killed, *storm.told_to_end, *((moment, pids) for moment, pids, _ in storm.stopped)]
        surprised = [moment for service in fleet.services for moment in service.surprised]
        verdict.false_losses(answer, ended, past, struck, surprised)
        chest = bucket.Bucket(there.s3_endpoint, name)
        left = len(chest.orphans(engine, artifacts))
        _sweep(env, there.s3_endpoint)
        answer.broken += [f"orphan: {line}" for line in chest.orphans(engine, artifacts)]
        answer.broken += [f"object swept: {line}" for line in chest.wrong(artifacts)]
        engine.dispose()
    figures = {
        "seed": plan.seed,
        "faults": dict(storm.done),
        "faults_idle": dict(storm.idle),
        "accepted": len(client.accepted),
        "refused": len(client.refused),
        "requests_repeated": next(client.repeated),
        "storage_requests_struck": there.proxy.struck,
        "processes_restarted": sum(service.started - 1 for service in fleet.services),
        "processes_that_ended_by_themselves": sum(service.surprises for service in fleet.services),
        "commits_witnessed": past.witnessed,
        "settled_s": None if settled is None else round(settled, 1),
        "orphans_swept": left,
        "wall_s": round(time.monotonic() - begun),
        **facts,
        **answer.figures(),
    }
    return answer, figures


def _undisturbed(
    there: servers.Servers,
    folder: Path,
    specs: list[JobSpec],
    sources: Mapping[str, Path],
    name: str,
    settings: Mapping[str, str],
) -> dict[str, Mapping[str, str]]:
    """Run each of these jobs once in peace, with a database and a bucket of its own; outputs by likeness."""
    env = there.environment(f"{name}-peace", through_proxy=False, broker_db=1) | dict(settings)
    engine = create_engine(env["DATABASE_URL"])
    fleet = Fleet(folder / "peace", env, PEACE)
    with fleet.running(), ThreadPoolExecutor(4) as posting:
        user = User(Client(fleet.url), sources, folder / "fresh")
        user.prepare()
        list(posting.map(user.post, [replace(spec, cancel_s=None) for spec in specs]))
        assert runner.settle(engine, 600) is not None, "the undisturbed run did not end"
    ended = outcome.jobs(engine).values()
    engine.dispose()
    by_number = {spec.number: spec for spec in specs}
    return {outcome.likeness(by_number[job.number]): job.outputs for job in ended if job.number is not None}


def _sweep(env: Mapping[str, str], s3_endpoint: str) -> None:
    """Let the housekeeping remove what killed processes left, however young it is."""
    patience = {"ORPHAN_GRACE_S": "0", "S3_ENDPOINT_URL": s3_endpoint}
    command = [sys.executable, "-m", "pipelines.housekeeping", "--only", "objects,multiparts"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment(**{**env, **patience}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
