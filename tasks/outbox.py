"""Sends messages for deliveries that are due: after the commit that made them, and again for what was lost."""

from __future__ import annotations

import structlog
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from core import events
from core.errors import TransientError
from core.webhooks import deliveries
from tasks.app import celery_app
from tasks.stages import ERRANDS

WEBHOOK = ERRANDS["webhook"].name
_log = structlog.get_logger(__name__)


def send_due(*, job_id: str | None = None, account_id: str | None = None) -> int:
    """Send a message for each delivery that is due, of one job or account or of all; return how many.

    A broker or a database that is away is logged: beat comes again.
    """
    try:
        ids = deliveries.due(job_id=job_id, account_id=account_id)
        if not ids:
            return 0
        # Asked first because it answers soon: a broker that hangs would hold the request for long.
        events.check()
        for delivery_id in ids:
            message = celery_app.signature(WEBHOOK, args=(delivery_id,), options={"ignore_result": True})
            message.apply_async(retry=False)
        deliveries.mark_sent(ids)
    except (OperationalError, RedisError, TransientError) as error:
        _log.warning("deliveries not sent", reason=str(error))
        return 0
    return len(ids)
