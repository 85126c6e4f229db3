"""From a plan to a running job: commit first, send after."""

from __future__ import annotations

from typing import Any

from core import artifacts, job_document, jobs, states
from core.db import reading
from core.models import Asset, Job, WebhookDelivery
from core.plan import JobPlan
from core.retry import retry as queue_again
from core.webhooks import deliveries
from pipelines import canvas, inspect, line
from tasks.outbox import send_due


def submit(account_id: str, plan: JobPlan) -> Job:
    """Store the job, then send its canvas if it was admitted; a broker that is away only delays it."""
    job = jobs.create(account_id, plan)
    canvas.dispatch(job)
    job_document.announce(job.id)
    if job.status in states.TERMINAL:
        send_due(job_id=job.id)
    return job


def preview_plan(plan: JobPlan) -> dict[str, Any]:
    """Return what a job of this plan would run, without a side effect."""
    with reading() as session:
        done = artifacts.find(session, [stage.digest for stage in plan.stages])
    return {
        "pipeline": plan.pipeline,
        "plan": [
            {"stage": stage.name, "queue": stage.queue, "cached": stage.digest in done, "after": list(stage.needs)}
            for stage in plan.stages
        ],
    }


def inspect_asset(account_id: str, asset: Asset) -> Job:
    """Start the probe of an asset, or return the job that already found it out or is about to."""
    known = jobs.newest_of(account_id, inspect.NAME, asset.id)
    # What an older version of the probe found is not known any more.
    passing = known and known.error and known.error["retryable"]
    if known and not passing and (known.status != states.SUCCEEDED or inspect.facts(account_id, asset)):
        return known
    return submit(account_id, inspect.plan(account_id, asset))


def cancel(account_id: str, job_id: str) -> Job:
    """End a job and tell those who follow it; raises NotFoundError `job_not_found`, ConflictError `job_ended`."""
    job = jobs.cancel(account_id, job_id)
    job_document.announce(job.id)
    line.move_up(job.account_id, job.lane)
    send_due(job_id=job.id)
    return job


def retry(account_id: str, job_id: str, start: str | None) -> Job:
    """Queue a job that failed or was canceled again, and send what is left of it; raises as `core.retry.retry`."""
    job = queue_again(account_id, job_id, start)
    canvas.dispatch(job)
    job_document.announce(job.id)
    return job


def redeliver(account_id: str, delivery_id: str) -> WebhookDelivery:
    """Begin a webhook's delivery again; raises as `core.webhooks.deliveries.redeliver`."""
    row = deliveries.redeliver(account_id, delivery_id)
    send_due(account_id=account_id)
    return row
