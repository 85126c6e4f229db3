"""What beat starts: the reconciler and the housekeeping. Each may run twice at once and do no harm."""

from __future__ import annotations

import fcntl
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import structlog
from celery import Task
from celery.signals import task_prerun, worker_process_init

from core.errors import TransientError
from pipelines import housekeeping, reconciler
from tasks.app import celery_app
from tasks.outbox import send_due
from tasks.signals import job_changed
from tasks.stages import STAGES

_log = structlog.get_logger(__name__)
# The processes of a pool share this file; a lock on it is one process's own, and ends with it.
_TURN = tempfile.TemporaryFile()  # noqa: SIM115 - open for as long as the process lives
_TURN_AGAIN_S = 30
_LOOK_AGAIN_S = 10.0
_LOOKED = {"next": 0.0}


@job_changed.connect
def _go_on(job_id: str, **_: Any) -> None:
    """Where a stage has changed the plan, ended beside a newer canvas or ended its job, go on at once and not at the
    next beat."""
    reconciler.go_on(job_id)


@celery_app.task(name="reconcile", ignore_result=True)
def reconcile() -> None:
    """Send again what was committed but never sent, or whose worker was lost."""
    reconciler.run()


@celery_app.task(name="deliver_due", ignore_result=True)
def deliver_due() -> None:
    """Send messages for webhook deliveries that are due."""
    send_due()


@celery_app.task(bind=True, name="expire_uploads", ignore_result=True, max_retries=None)
def expire_uploads(self: Task[..., None]) -> None:
    """Drop uploads that were never completed, with their parts."""
    with _turn(self):
        _keep_house("uploads")


@celery_app.task(bind=True, name="expire_artifacts", ignore_result=True, max_retries=None)
def expire_artifacts(self: Task[..., None]) -> None:
    """Delete results that no job has needed for long."""
    with _turn(self):
        _keep_house("artifacts")


@celery_app.task(bind=True, name="sweep_storage", ignore_result=True, max_retries=None)
def sweep_storage(self: Task[..., None]) -> None:
    """Delete files and multipart uploads that no row names."""
    with _turn(self):
        _keep_house("objects", "multiparts")


@celery_app.task(bind=True, name="sweep_leftovers", ignore_result=True, max_retries=None)
def sweep_leftovers(self: Task[..., None]) -> None:
    """End live events that would stay for ever, repair dead leases, remove scratch folders of killed workers."""
    with _turn(self):
        _keep_house("events", "leases", "idempotency", "sessions", "deliveries", "scratch")


@worker_process_init.connect
def _clear_scratch_at_start(**_: Any) -> None:
    """Remove what the process left that this one replaces, or those of the worker before; beside what it begins with,
    since a pool waits only seconds for a new process."""
    Thread(target=_keep_house, args=("scratch",), name="scratch", daemon=True).start()


@task_prerun.connect
def _clear_scratch(task: Task[..., Any], **_: Any) -> None:
    """Before a stage fills the disk, remove what killed ones left on it: beat reaches one host, this every one."""
    if task.name in STAGES and time.monotonic() >= _LOOKED["next"]:
        _LOOKED["next"] = time.monotonic() + _LOOK_AGAIN_S
        _keep_house("scratch")


@contextmanager
def _turn(task: Task[..., None]) -> Iterator[None]:
    """Let one housekeeping task at a time run on a worker, and others come again: a process stays free for recovery."""
    try:
        fcntl.lockf(_TURN, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise task.retry(countdown=_TURN_AGAIN_S) from None
    try:
        yield
    finally:
        fcntl.lockf(_TURN, fcntl.LOCK_UN)


def _keep_house(*kinds: str) -> None:
    for kind in kinds:
        try:
            removed = housekeeping.run(kind)
        except TransientError as error:
            # What is left is found the next time.
            _log.warning("housekeeping not finished", kind=kind, reason=error.message)
        else:
            if removed.count:
                _log.info("housekeeping", kind=kind, removed=removed.count, bytes=removed.size)
