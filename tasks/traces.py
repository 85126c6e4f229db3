"""A span for each stage, and for beginning and end of tracing in the processes of a pool."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from celery import Task
from celery.signals import worker_process_init, worker_process_shutdown

from core.telemetry import tracing


def headers(trace: str | None) -> dict[str, Any]:
    """Return the options that send a job's trace with a message."""
    return {"headers": {tracing.HEADER: trace}} if trace else {}


def stage(task: Task[..., Any], *, job_id: str, row: str, epoch: int) -> AbstractContextManager[object]:
    """Trace the run of a stage, in the trace that its message brought."""
    parent = (task.request.headers or {}).get(tracing.HEADER)
    about = {"cutwork.job_id": job_id, "cutwork.stage": row, "cutwork.epoch": epoch}
    return tracing.span(f"stage {task.name}", parent, about)


@worker_process_init.connect
def _begin(**_: Any) -> None:
    tracing.start("cutwork-worker")


@worker_process_shutdown.connect
def _end(**_: Any) -> None:
    tracing.stop()
