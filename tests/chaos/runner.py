"""Runs a scenario against a fleet: jobs and faults in their order, then quiet until every job has ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from tests.chaos.client import Client
from tests.chaos.clips import with_mark
from tests.chaos.faults import Storm
from tests.chaos.scenario import Fault, Scenario
from tests.chaos.workload import JobSpec

_MOST_AT_ONCE = 8
_UNFINISHED = text("SELECT count(*) FROM jobs WHERE status IN ('queued', 'running')")


@dataclass
class User:
    """Who posts the jobs: uploads the sources once, and anew where a job wants fresh bytes."""

    client: Client
    clips: Mapping[str, Path]
    folder: Path
    assets: dict[str, str] = field(default_factory=dict)

    def prepare(self) -> None:
        """Upload the sources."""
        self.folder.mkdir(exist_ok=True)
        for name, path in self.clips.items():
            self.assets[name] = self.client.upload(path, path.name)

    def post(self, spec: JobSpec) -> None:
        """Post one job, and cancel it later when the scenario says so."""
        asset = self.assets[spec.source]
        if spec.fresh:
            asset = self.client.upload(
                with_mark(self.clips[spec.source], spec.number, self.folder), spec.source + ".mp4"
            )
        job_id = self.client.edit(spec.number, asset, dict(spec.body))
        if job_id and spec.cancel_s is not None:
            time.sleep(spec.cancel_s)
            self.client.cancel(job_id)


def run(scenario: Scenario, user: User, storm: Storm, engine: Engine, say: Callable[[str], None]) -> None:
    """Do all of the scenario; returns when every request was answered and every fault is over.

    Raises what a request raised: an API that does not answer for minutes, or answers what it never should.
    """
    kinds: dict[str, threading.Lock] = {fault.kind: threading.Lock() for fault in scenario.faults}

    def strike(fault: Fault) -> None:
        # One of a kind at a time: two restarts of the same server are one.
        with kinds[fault.kind]:
            storm.strike(fault)

    with ThreadPoolExecutor(16, "job") as posting, ThreadPoolExecutor(16, "fault") as striking:
        doing: list[Future[Any]] = []
        for index, event in enumerate(scenario.timeline()):
            time.sleep(event.gap_s)
            if isinstance(event, Fault):
                doing.append(striking.submit(strike, event))
            else:
                wait_for(lambda: (unfinished(engine) or 0) < _MOST_AT_ONCE, 60)
                doing.append(posting.submit(user.post, event))
            if index % 25 == 24:
                say(f"{index + 1} of {len(scenario.jobs) + len(scenario.faults)}, unfinished {unfinished(engine)}")
        for future in doing:
            future.result()


def settle(engine: Engine, seconds: float) -> float | None:
    """Wait until no job is unfinished; the seconds it took, or None when some never ended."""
    begun = time.monotonic()
    return time.monotonic() - begun if wait_for(lambda: unfinished(engine) == 0, seconds) else None


def unfinished(engine: Engine) -> int | None:
    """How many jobs have not ended; None while the database does not answer."""
    try:
        with engine.connect() as connection:
            return int(connection.scalar(_UNFINISHED) or 0)
    except DBAPIError:
        return None


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll for at most so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False
