"""Brand kits: how an account's films look."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from core.ids import new_id
from core.models.base import Base, JsonObject, now


class BrandKit(Base):
    """Logo, colours, font, cards, transition and watermark under a name; `document` is as the API has loaded it."""

    __tablename__ = "brand_kits"

    id: Mapped[str] = mapped_column(String(40), primary_key=True, default=lambda: new_id("kit"))
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    document: Mapped[JsonObject]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
