"""Webhooks: who is told of changes, what they are told, and every attempt to tell them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from core.ids import new_id
from core.models.base import Base, JsonObject, now


class WebhookEndpoint(Base):
    """An address that is told of events; `status` is `enabled` or `disabled`.

    Secrets are sealed. The old one signs as well until `old_secret_until`; so do, newest first, the `older_secrets`,
    each `{"secret", "until"}`. Each account may have one endpoint without a `url`: its secrets sign what goes to the
    addresses that single jobs name.
    """

    __tablename__ = "webhook_endpoints"
    __table_args__ = (Index(None, "account_id", "id"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True, default=lambda: new_id("whk"))
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    url: Mapped[str | None] = mapped_column(String(2048))
    description: Mapped[str] = mapped_column(String(200), default="")
    events: Mapped[list[Any]]
    status: Mapped[str] = mapped_column(String(16), default="enabled")
    disabled_reason: Mapped[str | None] = mapped_column(String(16))
    disabled_at: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    old_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    old_secret_until: Mapped[datetime | None]
    older_secrets: Mapped[list[Any]] = mapped_column(default=list)
    created_at: Mapped[datetime] = mapped_column(default=now)


class WebhookDelivery(Base):
    """One event for one endpoint; its id is the `webhook-id`. `status` is `pending`, `succeeded` or `failed`.

    `url` is set for the address that a job named; `payload` is the body of an event that is not about a job. Attempts
    go on until `deadline`; `round_from` is how many there were when it was last begun. `sent_at` is when a message for
    it was sent last, and `lease_until` until when somebody is at work on it.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index(None, "account_id", "id"),
        Index(None, "endpoint_id", "id"),
        Index(None, "status", "next_at"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True, default=lambda: new_id("whd"))
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    endpoint_id: Mapped[str] = mapped_column(ForeignKey("webhook_endpoints.id", ondelete="CASCADE"))
    url: Mapped[str | None] = mapped_column(String(2048))
    event: Mapped[str] = mapped_column(String(40))
    job_id: Mapped[str | None] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    payload: Mapped[JsonObject | None]
    status: Mapped[str] = mapped_column(String(16), default="pending")
    error: Mapped[str | None] = mapped_column(String(40))
    attempts: Mapped[int] = mapped_column(default=0)
    round_from: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime | None]
    deadline: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None]


class WebhookAttempt(Base):
    """One request: what was answered (`status`, the head of the body), or why nothing was (`error`).

    Neither is set while it is under way, or when its worker was lost.
    """

    __tablename__ = "webhook_attempts"

    delivery_id: Mapped[str] = mapped_column(ForeignKey("webhook_deliveries.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    started_at: Mapped[datetime] = mapped_column(default=now)
    status: Mapped[int | None]
    latency_ms: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(String(500))
    body: Mapped[str | None] = mapped_column(String(1024))
