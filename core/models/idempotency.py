"""Idempotency keys: requests that were answered, so that a repeated one gets the same answer."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base


class IdempotencyKey(Base):
    """One key of one account.

    `claim` is the request that is at work on it, until `claimed_until`; `resource_id` is what that has made, written in
    the transaction that made it; `status` and `answer` (sealed) are what it answered.
    """

    __tablename__ = "idempotency_keys"

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    claim: Mapped[str | None] = mapped_column(String(32))
    claimed_until: Mapped[datetime | None]
    resource_id: Mapped[str | None] = mapped_column(String(40))
    status: Mapped[int | None]
    answer: Mapped[bytes | None] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime] = mapped_column(index=True)
