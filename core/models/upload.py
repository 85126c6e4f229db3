"""Uploads: a multipart upload in the making."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from core.ids import new_id
from core.models.base import Base, JsonObject, Searchable, now, searched


class Upload(Base):
    """One file on its way in; `status` is `open`, `completed`, `aborted` or `expired`."""

    __tablename__ = "uploads"
    __table_args__ = (
        Index(None, "account_id", "id"),
        Index(None, "account_id", "status", "id"),
        Index(None, "account_id", "external_id", "id"),
        searched("uploads", "client_metadata"),
        Index(None, "status", "expires_at"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True, default=lambda: new_id("upl"))
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    status: Mapped[str] = mapped_column(String(16), default="open")
    filename: Mapped[str] = mapped_column(String(255))
    content_type: Mapped[str] = mapped_column(String(255))
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str | None] = mapped_column(String(64))
    part_size: Mapped[int] = mapped_column(BigInteger)
    storage_key: Mapped[str] = mapped_column(String(255))
    multipart_id: Mapped[str] = mapped_column(String(1024))
    asset_id: Mapped[str | None] = mapped_column(ForeignKey("assets.id"))
    client_metadata: Mapped[JsonObject] = mapped_column(Searchable, default=dict, server_default="{}")
    external_id: Mapped[str | None] = mapped_column(String(200))
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(default=now)

    @property
    def part_count(self) -> int:
        """How many parts the declared size makes."""
        return -(-self.size // self.part_size)
