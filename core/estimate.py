"""How long a running job will still take: from the pace of what runs, and from what such stages took before.

Only time at work counts: not the wait for a worker, nor the time in which a worker was lost. What cannot be told is not
guessed: then the answer is None.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from statistics import median, quantiles

from sqlalchemy import exists, select
from sqlalchemy.orm import aliased

from core import states
from core.db import reading
from core.models import Job, JobStage
from core.settings import get_settings

_SAMPLES = 200
_FEWEST = 5
_MOST_SPREAD = 2.0
_KEPT_S = 60
# From here on a stage's own pace says more than the ones before it.
_TELLING_PROGRESS, _TELLING_S = 0.03, 1.0
# A stage that is ready is taken at once by a worker that is free: one that waits longer waits for others to end.
_MOMENT_S = 5.0
# Of so small a share of the weights an estimate may be silent.
_SMALL = 0.06


def usual(account_id: str) -> Mapping[str, float]:
    """Return how many seconds stages took in the account's last jobs: the median, by kind.

    Left out are kinds that ran less than five times, and those whose middle half spreads over more than a factor of
    two: they foretell nothing. Read once a minute in each process.
    """
    return _usual(account_id, get_settings().database_url, int(time.monotonic() / _KEPT_S))


@lru_cache(maxsize=256)
def _usual(account_id: str, _url: str, _minute: int) -> Mapping[str, float]:
    part = aliased(JobStage)
    # What joins parts is another work than what runs in one piece.
    split = exists().where(part.job_id == JobStage.job_id, part.part_of == JobStage.name)
    query = (
        select(JobStage.kind, JobStage.started_at, JobStage.finished_at)
        .join(Job)
        .where(Job.account_id == account_id, Job.status == states.SUCCEEDED)
        .where(JobStage.cached.is_(False), JobStage.part_of.is_(None), ~split)
        .order_by(Job.id.desc())
        .limit(_SAMPLES)
    )
    took: dict[str, list[float]] = defaultdict(list)
    with reading() as session:
        for kind, started_at, finished_at in session.execute(query):
            if started_at and finished_at:
                took[kind].append((finished_at - started_at).total_seconds())
    return {kind: median(seconds) for kind, seconds in took.items() if _is_regular(seconds)}


def _is_regular(seconds: list[float]) -> bool:
    if len(seconds) < _FEWEST:
        return False
    low, _, high = quantiles(seconds, n=4)
    # A second more or less is no spread that anybody minds.
    return high <= max(low * _MOST_SPREAD, low + 1)


def seconds_to_go(job: Job, usual: Mapping[str, float], moment: datetime) -> int | None:
    """Return the seconds until a running job ends, when nothing gets between; None when that cannot be told."""
    if job.status != states.RUNNING:
        return None
    try:
        return round(_Estimate(job, usual, moment).total())
    except _Unknown:
        return None


class _Unknown(Exception):
    """A stage that must still run has told nothing, and none before it has."""


class _Estimate:
    """The longest way through what is left of one job; stages that may run side by side do."""

    def __init__(self, job: Job, usual: Mapping[str, float], moment: datetime) -> None:
        self._stages = {stage.name: stage for stage in job.stages}
        self._usual = usual
        self._moment = moment
        self._weight = sum(stage.weight for stage in job.stages)
        self._ends: dict[str, float] = {}
        self._running = [stage for stage in job.stages if stage.status == states.RUNNING]

    def total(self) -> float:
        """Seconds to the end of the last stage."""
        return max(self._end(stage) for stage in self._stages.values() if stage.part_of is None)

    def _end(self, stage: JobStage) -> float:
        if stage.name not in self._ends:
            self._ends[stage.name] = 0.0 if stage.status == states.SUCCEEDED else self._begin(stage) + self._own(stage)
        return self._ends[stage.name]

    def _begin(self, stage: JobStage) -> float:
        if stage.status == states.RUNNING:
            return 0.0
        parts = [self._stages[name] for name in stage.needs if self._stages[name].part_of == stage.name]
        before = max((self._end(self._stages[name]) for name in stage.needs if name not in _names(parts)), default=0.0)
        return max(before, self._side_by_side(parts) if parts else self._wait(stage))

    def _wait(self, stage: JobStage) -> float:
        if stage.queued_at is None or (self._moment - stage.queued_at).total_seconds() < _MOMENT_S:
            return 0.0
        if not self._running:
            raise _Unknown
        # The worker that runs the stage beside it is taken to come here next.
        return min(self._own(other) for other in self._running)

    def _side_by_side(self, parts: list[JobStage]) -> float:
        left = [stage for stage in parts if stage.status != states.SUCCEEDED]
        width = sum(stage.status == states.RUNNING for stage in left)
        if not left:
            return 0.0
        if not width:
            raise _Unknown
        pace = _pace(parts, self._moment)
        seconds = [stage.weight * (1 - stage.progress) * pace for stage in left]
        return max(*seconds, sum(seconds) / width) if len(seconds) > 1 else seconds[0]

    def _own(self, stage: JobStage) -> float:
        """Seconds of work that are left of a stage."""
        ran = _ran(stage, self._moment) if stage.status == states.RUNNING else 0.0
        if stage.progress >= _TELLING_PROGRESS and ran >= _TELLING_S:
            return ran * (1 - stage.progress) / stage.progress
        joins = any(self._stages[name].part_of for name in stage.needs)
        if stage.kind in self._usual and not joins:
            return max(0.0, self._usual[stage.kind] - ran)
        if stage.weight <= _SMALL * self._weight:
            return 0.0
        raise _Unknown


def _pace(parts: list[JobStage], moment: datetime) -> float:
    """Seconds a part takes for each unit of its weight, as seen so far; raises _Unknown."""
    begun = [part for part in parts if part.started_at and not part.cached]
    made = sum(part.weight * part.progress for part in begun)
    if made < _TELLING_PROGRESS * sum(part.weight for part in begun) or not made:
        raise _Unknown
    return sum(_ran(part, moment) for part in begun) / made


def _ran(stage: JobStage, moment: datetime) -> float:
    """Seconds for which a stage has been at work: to its end, or to the last sign of life of its worker."""
    assert stage.started_at is not None
    if stage.finished_at:
        until = stage.finished_at
    elif stage.lease_expires_at:
        until = min(moment, stage.lease_expires_at - timedelta(seconds=get_settings().lease_s))
    else:
        until = moment
    return max(0.0, (until - stage.started_at).total_seconds())


def _names(stages: Iterable[JobStage]) -> set[str]:
    return {stage.name for stage in stages}
