"""The audit log: who did what that others may have to answer for. Rows are written with the act, in its transaction."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.db import reading
from core.models import AuditEvent


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where an act comes from: the id of a person or a key, the address, the request."""

    actor: str | None = None
    ip: str | None = None
    request_id: str | None = None


origin: ContextVar[Origin] = ContextVar("audit_origin", default=Origin())  # noqa: B039 - it is frozen


def record(
    session: Session,
    account_id: str,
    action: str,
    *,
    target: str | None = None,
    actor: str | None = None,
    **details: str | list[str] | None,
) -> None:
    """Add an event, such as `key.created`; the actor is whoever the request came from, where no other is named."""
    where = origin.get()
    event = AuditEvent(
        account_id=account_id,
        actor=actor or where.actor,
        action=action,
        target=target,
        ip=where.ip,
        request_id=where.request_id,
        details=details,
    )
    session.add(event)


def page(account_id: str, *, before: str | None, limit: int) -> list[AuditEvent]:
    """Return up to `limit` events, newest first, older than the id `before`."""
    query = select(AuditEvent).where(AuditEvent.account_id == account_id).order_by(AuditEvent.id.desc()).limit(limit)
    with reading() as session:
        return list(session.scalars(query.where(AuditEvent.id < before) if before else query))
