"""Sends at once what a process held that stops or has died; without this it would wait until the lease runs out."""

from __future__ import annotations

from typing import Any

import structlog

from core import holders, job_document, jobs, leases, setbacks, states
from core.db import transaction
from core.leases import Lease
from core.telemetry import metrics
from pipelines import canvas
from tasks.signals import holder_lost, holder_stops, job_changed
from tasks.stages import STAGES

_log = structlog.get_logger(__name__)


@holder_stops.connect
def hand_over(holder: str, **_: Any) -> int:
    """Queue again and send what a process of a stopping worker runs; return how many stages that were.

    It costs none of the attempts of a stage: they are there to find the file that kills its worker, and this worker
    was told to go.
    """
    return sum(_send_again(lease, counted=False) for lease, _kind in holders.held_by(holder))


@holder_lost.connect
def recover(holder: str, **_: Any) -> int:
    """Queue again and send what a process ran that has died, or fail it as `worker_lost` after its last attempt."""
    return sum(_send_again(lease, counted=True) for lease, _kind in holders.held_by(holder))


def _send_again(lease: Lease, *, counted: bool) -> bool:
    with transaction() as session:
        job = jobs.lock(session, lease.job_id)
        stage = leases.held(job, lease)
        if job is None or stage is None:
            return False
        if counted and setbacks.losses(stage) >= STAGES[stage.kind].attempts:
            setbacks.lose(job, stage)
        else:
            setbacks.hand_back(job, stage)
            stage.attempt -= not counted
            job.epoch += 1
            # Should the broker be away now, the reconciler sends it.
            job.dispatched_at = None
    metrics.LEASE_TROUBLE.labels("process_lost" if counted else "handed_over").inc()
    _log.info("stage taken back", job_id=job.id, stage=lease.stage, status=stage.status, attempt=stage.attempt)
    canvas.dispatch(job)
    job_document.announce(job.id)
    if job.status in states.TERMINAL:
        job_changed.send(sender=None, job_id=job.id)
    return True
