"""Why a stage could not be taken: a message may be old, early, or one of several.

The statement that takes a stage (`core.leases`) says only that there was nothing to take; this is looked at afterwards,
and hardly ever but for the first stage of a job.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from sqlalchemy.orm import Session

from core import artifacts, jobs, setbacks, states
from core.db import write
from core.models import Job, JobStage
from core.webhooks import outbox

SOON_S = 1.0
"""A message may come so much before its stage is due: clocks and times of delivery are not exact."""


class Refused(Enum):
    """Why a stage was not claimed."""

    STALE = "the message's epoch has passed, or the job has ended"
    BUSY = "another worker holds the stage"
    EARLY = "a stage before it is not done"
    DONE = "the stage is done"
    EXHAUSTED = "the stage has been attempted as often as it may"


@dataclass(frozen=True)
class Later:
    """The stage was handed back, and is to be claimed again in so many seconds."""

    seconds: float


def look_closer(session: Session, job_id: str, name: str, epoch: int, attempts: int) -> Refused | Later | None:
    """Say why a stage was not taken by a message of that epoch; None when it may be tried again.

    What stands in the way is put right if it can be: a job begins with its first stage, a stage whose artifact is there
    is done, and one that lost its worker too often has failed.
    """
    job = jobs.lock(session, job_id)
    stage = jobs.stage_of(job, name)
    if job is None or stage is None:
        return Refused.STALE
    refusal = _refusal(job, stage, epoch)
    if refusal:
        return refusal
    if job.status == states.QUEUED:
        states.move(job, states.RUNNING)
        job.started_at = job.as_of
        outbox.announce(job)
        write(session)
        return None
    found = artifacts.find(session, [stage.digest]).get(stage.digest)
    if found:
        jobs.finish_from_artifact(stage, found, cached=True, moment=job.as_of)
        jobs.settle(job, job.as_of)
        return Refused.DONE
    if setbacks.losses(stage) >= attempts:
        setbacks.lose(job, stage)
        return Refused.EXHAUSTED
    return None


def _refusal(job: Job, stage: JobStage, epoch: int) -> Refused | Later | None:
    if job.epoch != epoch:
        return Refused.STALE
    if stage.status == states.SUCCEEDED:
        return Refused.DONE
    if job.status in states.TERMINAL:
        return Refused.STALE
    if stage.status == states.RUNNING and stage.lease_expires_at and stage.lease_expires_at > job.as_of:
        return Refused.BUSY
    if stage.queued_at is None:
        # Its clock starts when all that goes before is done.
        return Refused.EARLY
    ahead_s = (stage.queued_at - job.as_of).total_seconds()
    return Later(ahead_s) if ahead_s > SOON_S else None
