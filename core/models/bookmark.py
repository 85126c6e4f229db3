"""Bookmarks: how far work has come that is too long for one go."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base


class Bookmark(Base):
    """The last key that `name` has finished with; there is none once it has come to the end."""

    __tablename__ = "bookmarks"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    key: Mapped[str] = mapped_column(String(1024))
