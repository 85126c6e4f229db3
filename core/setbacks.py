"""Setbacks: a stage of a locked job is queued again or fails, whoever held it."""

from __future__ import annotations

from datetime import timedelta

from core import jobs, states
from core.models import Job, JobStage
from core.telemetry import metrics


def fail(job: Job, stage: JobStage, *, code: str, message: str, retryable: bool) -> None:
    """Fail a stage of a locked job, whoever held it."""
    metrics.STAGE_FAILURES.labels(stage.kind, metrics.code_label(code)).inc()
    states.move(stage, states.FAILED)
    stage.lease_owner = stage.lease_expires_at = None
    stage.finished_at = job.as_of
    error = {"code": code, "message": message, "stage": stage.part_of or stage.name, "retryable": retryable}
    jobs.end(job, states.FAILED, job.as_of, error)


def losses(stage: JobStage) -> int:
    """How many runs of a stage that does not run ended without a word: its worker was lost."""
    return stage.attempt - stage.setbacks


def lose(job: Job, stage: JobStage) -> None:
    """Fail a stage of a locked job that lost its worker too often."""
    message = f"The worker was lost {losses(stage)} times while it ran this stage; the file may be at fault."
    fail(job, stage, code="worker_lost", message=message, retryable=True)


def hand_back(job: Job, stage: JobStage, *, delay_s: float = 0.0) -> None:
    """Queue a running stage of a locked job again."""
    states.move(stage, states.QUEUED)
    stage.lease_owner = stage.lease_expires_at = None
    stage.queued_at = job.as_of + timedelta(seconds=delay_s)
