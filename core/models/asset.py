"""Assets: files that jobs start from."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from core.ids import new_id
from core.models.base import Base, JsonObject, Searchable, now, searched

_KEPT = text("deleted_at IS NULL")


class Asset(Base):
    """A complete, verified upload; what it holds is told by the artifact of its probe.

    Assets of one account that hold the same bytes share one file: `storage_key` is then that of the first.
    """

    __tablename__ = "assets"
    __table_args__ = (
        Index(None, "account_id", "id"),
        Index(None, "account_id", "sha256"),
        Index(None, "storage_key"),
        Index(None, "account_id", "external_id", "id"),
        searched("assets", "client_metadata"),
        # What is stored, of one account or of all, is added up from this alone.
        Index("ix_assets_stored", "account_id", "storage_key", "size", postgresql_where=_KEPT, sqlite_where=_KEPT),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True, default=lambda: new_id("ast"))
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    filename: Mapped[str] = mapped_column(String(255))
    content_type: Mapped[str] = mapped_column(String(255))
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    storage_key: Mapped[str] = mapped_column(String(255))
    client_metadata: Mapped[JsonObject] = mapped_column(Searchable, default=dict, server_default="{}")
    external_id: Mapped[str | None] = mapped_column(String(200))
    deleted_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
