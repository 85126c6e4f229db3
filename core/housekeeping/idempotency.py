"""Idempotency keys whose day is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import delete, select

from core.db import reading, transaction
from core.housekeeping.report import PAGE, Removed
from core.models import IdempotencyKey, now


def sweep(*, dry_run: bool = False) -> Iterator[Removed]:
    """Delete the keys that have expired, with the answers kept for them; yield each."""
    moment = now()
    if dry_run:
        query = select(IdempotencyKey.key).where(IdempotencyKey.expires_at < moment)
        with reading() as session:
            yield from map(Removed, session.scalars(query).yield_per(PAGE))
        return
    while (edge := _edge(moment)) is not None:
        # Its end is asked about again: one that was claimed anew meanwhile has a new one.
        over = delete(IdempotencyKey).where(IdempotencyKey.expires_at <= edge)
        with transaction() as session:
            gone = session.scalars(
                over.returning(IdempotencyKey.key), execution_options={"synchronize_session": False}
            ).all()
        yield from map(Removed, gone)


def _edge(moment: datetime) -> datetime | None:
    """The end of the last key of the next page."""
    query = select(IdempotencyKey.expires_at).where(IdempotencyKey.expires_at < moment)
    with reading() as session:
        return max(session.scalars(query.order_by(IdempotencyKey.expires_at).limit(PAGE)), default=None)
