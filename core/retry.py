"""Retry: a job that failed or was canceled is queued again, and keeps what is done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import admission, artifacts, jobs, parts, quotas, states
from core.db import transaction
from core.errors import ConflictError, InputError, NotFoundError
from core.models import Artifact, Asset, Job, JobStage


def retry(account_id: str, job_id: str, start: str | None = None) -> Job:
    """Queue a job again; its canvas is the caller's to send, after the commit, if the job was admitted.

    A stage whose artifact exists is done and is not run again; one whose artifact has been deleted is. Attempts are
    counted anew. A stage that was split keeps the parts that are done, but not from the stage `start` on: it and what
    needs it are planned anew. The new epoch makes the messages of the last run stale.

    Raises NotFoundError `job_not_found`, `asset_not_found` when a stage to run reads an asset that has been deleted;
    ConflictError `job_running`, `job_succeeded`; InputError `unknown_stage`; what `core.quotas.require_job` raises.
    """
    with transaction() as session:
        admission.lock(session, account_id)
        job = jobs.owned(session, account_id, job_id, locked=True)
        _check(job, start)
        # Minutes that were made are counted already.
        made = any(stage.name == quotas.MAKER and stage.status == states.SUCCEEDED for stage in job.stages)
        quotas.require_job(session, account_id, 0 if made else job.media_ms)
        moment = job.as_of
        done = artifacts.find(session, [stage.digest for stage in job.stages])
        _forget_parts(job, done, _from(job, start))
        _begin_again(job)
        for stage in job.stages:
            if stage.digest in done:
                _finish(stage, done[stage.digest], moment)
            elif not _is_joined(job, stage, done):
                _queue_again(stage)
        _hold_assets(session, job)
        jobs.settle(job, moment)
        admission.ask(session, job, moment)
    return job


def _check(job: Job, start: str | None) -> None:
    if job.status == states.SUCCEEDED:
        raise ConflictError("job_succeeded", "The job has succeeded: its results are there, nothing is left to do.")
    if job.status not in states.TERMINAL:
        raise ConflictError("job_running", "The job has not ended; cancel it first to begin again.")
    names = [stage.name for stage in job.stages if stage.part_of is None]
    if start is not None and start not in names:
        message = f"The job has no such stage; it has {', '.join(names)}."
        raise InputError("unknown_stage", message, fields={"from": [message]})


def _from(job: Job, start: str | None) -> set[str]:
    """The stage `start` and all that need it, directly or not."""
    if start is None:
        return set()
    found, size = {start}, 0
    while len(found) > size:
        size = len(found)
        found |= {stage.name for stage in job.stages if stage.part_of is None and found.intersection(stage.needs)}
    return found


def _forget_parts(job: Job, done: Mapping[str, Artifact], anew: set[str]) -> None:
    """Let stages that are planned anew forget their parts, and those that are done the parts that are not."""
    for stage in [stage for stage in job.stages if stage.part_of is None]:
        unfinished = any(part.status != states.SUCCEEDED for part in parts.of(job, stage))
        if unfinished if stage.digest in done else stage.name in anew:
            parts.forget(job, stage)


def _is_joined(job: Job, stage: JobStage, done: Mapping[str, Artifact]) -> bool:
    """Whether a stage is a part that has been joined: nobody needs what it made any more."""
    return any(row.name == stage.part_of and row.digest in done for row in job.stages)


def _begin_again(job: Job) -> None:
    states.begin_again(job)
    job.epoch += 1
    job.error = None
    job.progress = 0.0
    job.admitted_at = job.dispatched_at = job.started_at = job.finished_at = None


def _finish(stage: JobStage, artifact: Artifact, moment: datetime) -> None:
    if stage.status != states.SUCCEEDED:
        _queue_again(stage)
        jobs.finish_from_artifact(stage, artifact, cached=True, moment=moment)


def _queue_again(stage: JobStage) -> None:
    states.begin_again(stage)
    stage.attempt = stage.setbacks = 0
    stage.progress = 0.0
    stage.cached = False
    stage.result = None
    stage.warnings = []
    stage.lease_owner = stage.lease_expires_at = None
    stage.queued_at = stage.started_at = stage.finished_at = None


def _hold_assets(session: Session, job: Job) -> None:
    """Hold what the job is going to read, so that it is not deleted before the job is seen to be live."""
    sources = [source for stage in job.stages if stage.status == states.QUEUED for source in stage.inputs.values()]
    ids = {source["asset"] for source in sources if "asset" in source}
    query = select(Asset.id).where(Asset.id.in_(ids), Asset.deleted_at.is_(None))
    if len(session.scalars(query.with_for_update(read=True, key_share=True)).all()) < len(ids):
        raise NotFoundError("asset_not_found", "A file that the job reads has been deleted: upload it, and ask anew.")
