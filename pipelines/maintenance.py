"""What beat starts: the reconciler and the housekeeping. Each may run twice at once and do no harm."""

from __future__ import annotations

import structlog

from core import uploads
from core.settings import get_settings
from core.storage import storage_from
from pipelines import reconciler
from tasks.app import celery_app

_log = structlog.get_logger(__name__)


@celery_app.task(name="reconcile", ignore_result=True)
def reconcile() -> None:
    """Send again what was committed but never sent, or whose worker was lost."""
    reconciler.run()


@celery_app.task(name="expire_uploads", ignore_result=True)
def expire_uploads() -> None:
    """Drop uploads that were never completed, with their parts."""
    dropped = uploads.expire(storage_from(get_settings()))
    if dropped:
        _log.info("uploads expired", count=dropped)
