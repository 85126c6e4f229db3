"""Sign-ins and their refresh tokens, and how often signing in has failed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from core.ids import new_id
from core.models.base import Base, now


class UserSession(Base):
    """One sign-in of a person to an account: the family of the refresh tokens that came of it."""

    __tablename__ = "user_sessions"

    id: Mapped[str] = mapped_column(String(40), primary_key=True, default=lambda: new_id("ses"))
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class RefreshToken(Base):
    """One refresh token, by its SHA-256; one that was used stays, so that its second use is noticed."""

    __tablename__ = "refresh_tokens"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("user_sessions.id", ondelete="CASCADE"), index=True)
    used_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class LoginFailure(Base):
    """Failures in a row for one address, known or not, under a keyed hash of it."""

    __tablename__ = "login_failures"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int]
    blocked_until: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(index=True)
