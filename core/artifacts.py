"""Finished work, found by its digest."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.models import Artifact


def find(session: Session, digests: Iterable[str]) -> dict[str, Artifact]:
    """Return the artifacts that exist among `digests`, by digest."""
    rows = session.scalars(select(Artifact).where(Artifact.digest.in_(list(digests))))
    return {row.digest: row for row in rows}


def file_key(digest: str, attempt: str, name: str) -> str:
    """Return the storage key of one file of an artifact, as one attempt made it.

    Encoders do not make the same bytes everywhere, and two attempts may run at once: each writes under a token of its
    own, and the one that is committed is the one whose keys the row holds. So nothing is ever written twice.
    """
    return f"artifacts/{digest[:2]}/{digest}/{attempt}/{name}"
