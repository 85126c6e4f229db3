"""Artifacts: what a stage made, under the digest of what it was made from."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, JsonObject, now


class Artifact(Base):
    """One stage's output, shared by every job of the account that asks for the same.

    `files` maps a name to `{"key", "size", "sha256", "content_type", "media"}`; `result` is shown in the job document.
    """

    __tablename__ = "artifacts"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    stage: Mapped[str] = mapped_column(String(40))
    version: Mapped[int]
    files: Mapped[JsonObject]
    result: Mapped[JsonObject]
    warnings: Mapped[list[Any]] = mapped_column(default=list)
    created_at: Mapped[datetime] = mapped_column(default=now)
