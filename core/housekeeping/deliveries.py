"""Webhook deliveries that have ended long ago, with their attempts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import delete, select

from core.db import reading, transaction
from core.housekeeping.report import PAGE, Removed
from core.models import WebhookDelivery, now


def sweep(*, ttl_days: int, dry_run: bool = False) -> Iterator[Removed]:
    """Delete the deliveries that ended more than `ttl_days` ago and yield each; 0 keeps all for ever."""
    if not ttl_days:
        return
    after, before = "", now() - timedelta(days=ttl_days)
    over = select(WebhookDelivery.id).where(WebhookDelivery.finished_at < before)
    while True:
        with reading() as session:
            page = session.scalars(
                over.where(WebhookDelivery.id > after).order_by(WebhookDelivery.id).limit(PAGE)
            ).all()
        if not page:
            return
        if not dry_run:
            # One that was begun again meanwhile has no end; one that somebody holds is for the next sweep.
            free = over.where(WebhookDelivery.id.in_(page)).with_for_update(skip_locked=True)
            gone = delete(WebhookDelivery).where(WebhookDelivery.id.in_(free))
            with transaction() as session:
                session.execute(gone, execution_options={"synchronize_session": False})
        yield from map(Removed, page)
        after = page[-1]
