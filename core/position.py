"""Where queued jobs stand: how many are sure to be started before each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Subquery, func, select
from sqlalchemy.orm import Session

from core import states
from core.models import Job, JobStage


def positions(session: Session, jobs: Iterable[Job]) -> dict[str, int]:
    """Return 1 for the job that is started next, 2 for the one after, by job id; jobs that are not queued are left out.

    A job that was admitted stands in the broker's queue of its first ready stage, among the jobs that were not started
    either, in the order in which they came there. One that waits for its account to have room comes after all that
    stand there now, and after those of its line (see `core.admission`) that are admitted before it. Who is admitted
    from other lines meanwhile cannot be foreseen: the number of a job that waits may grow.

    Three queries, however many jobs there are.
    """
    queued = [job for job in jobs if job.status == states.QUEUED]
    admitted = [job.id for job in queued if job.admitted_at is not None]
    waiting = [job for job in queued if job.admitted_at is None]
    return _of_admitted(session, admitted) | _of_waiting(session, waiting)


def _of_admitted(session: Session, ids: Sequence[str]) -> dict[str, int]:
    if not ids:
        return {}
    fronts = _fronts()
    rank = func.row_number().over(partition_by=fronts.c.queue, order_by=(fronts.c.queued_at, fronts.c.job_id))
    ranked = select(fronts.c.job_id, rank.label("rank")).subquery()
    found = select(ranked.c.job_id, ranked.c.rank).where(ranked.c.job_id.in_(ids))
    return dict(session.execute(found).all())


def _of_waiting(session: Session, jobs: Sequence[Job]) -> dict[str, int]:
    if not jobs:
        return {}
    fronts = _fronts()
    sizes = select(fronts.c.queue, func.count()).group_by(fronts.c.queue)
    before: dict[str, int] = dict(session.execute(sizes).all())
    line = (Job.account_id, Job.lane)
    rank = func.row_number().over(partition_by=line, order_by=(Job.priority.desc(), Job.id))
    ranked = (
        select(Job.id, rank.label("rank"))
        .where(Job.account_id.in_({job.account_id for job in jobs}))
        .where(Job.status == states.QUEUED, Job.admitted_at.is_(None))
        .subquery()
    )
    ranks = session.execute(select(ranked).where(ranked.c.id.in_([job.id for job in jobs])))
    queues = {job.id: _first_queue(job) for job in jobs}
    return {job_id: before.get(queues[job_id], 0) + number for job_id, number in ranks}


def _fronts() -> Subquery:
    """The first ready stage of each job that was admitted and not started: one row a job."""
    number = func.row_number().over(partition_by=JobStage.job_id, order_by=JobStage.position)
    ready = (
        select(JobStage.job_id, JobStage.queue, JobStage.queued_at, number.label("number"))
        .join(Job)
        .where(Job.status == states.QUEUED, Job.admitted_at.is_not(None))
        .where(JobStage.status == states.QUEUED, JobStage.queued_at.is_not(None))
        .subquery()
    )
    return select(ready).where(ready.c.number == 1).subquery()


def _first_queue(job: Job) -> str:
    done = {stage.name for stage in job.stages if stage.status == states.SUCCEEDED}
    ready = (stage.queue for stage in job.stages if stage.status == states.QUEUED and done.issuperset(stage.needs))
    return next(ready, "")
