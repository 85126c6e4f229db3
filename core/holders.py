"""Which stages are held, for those who take them back: the reconciler, and a worker that looks after its processes."""

from __future__ import annotations

from sqlalchemy import select

from core import clock, states
from core.db import reading
from core.leases import Lease
from core.models import Job, JobStage


def expired(limit: int = 100) -> list[tuple[str, str]]:
    """Return `(job id, stage)` of running stages whose lease has run out."""
    query = (
        select(JobStage.job_id, JobStage.name)
        .where(JobStage.status == states.RUNNING, JobStage.lease_expires_at < clock.TIME)
        .order_by(JobStage.lease_expires_at)
        .limit(limit)
    )
    with reading() as session:
        return [(job_id, name) for job_id, name in session.execute(query)]


def held_by(prefix: str) -> list[tuple[Lease, str]]:
    """Return the leases of running stages whose owner begins with `prefix`, each with the kind of its stage."""
    query = (
        select(JobStage, Job.epoch)
        .join(Job)
        .where(JobStage.status == states.RUNNING, JobStage.lease_owner.startswith(prefix, autoescape=True))
    )
    with reading() as session:
        return [
            (Lease(stage.job_id, stage.name, epoch, str(stage.lease_owner)), stage.kind)
            for stage, epoch in session.execute(query)
        ]
