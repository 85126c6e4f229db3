"""How far work has come that is too long for one go, so that the next go continues there."""

from __future__ import annotations

from sqlalchemy import delete

from core.db import reading, transaction
from core.models import Bookmark


def of(name: str) -> str:
    """Return the last key that is done; empty when the next go begins at the front."""
    with reading() as session:
        found = session.get(Bookmark, name)
    return found.key if found else ""


def put(name: str, key: str) -> None:
    """Note that all up to `key` is done; of two at once either may win, and what lies between is done twice."""
    with transaction() as session:
        session.merge(Bookmark(name=name, key=key))


def remove(name: str) -> None:
    """Begin at the front the next time."""
    with transaction() as session:
        session.execute(delete(Bookmark).where(Bookmark.name == name))
