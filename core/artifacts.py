"""Finished work, found by its digest."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, cast

from sqlalchemy import Table, bindparam, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.db import put_off, writes
from core.models import Artifact, now

PREFIX = "artifacts/"
_ROWS = cast("Table", Artifact.__table__)
_INSERT = insert(_ROWS)
_INSERTS: dict[str, Any] = {
    name: one(_ROWS).on_conflict_do_nothing(index_elements=[_ROWS.c.digest])
    for name, one in (("postgresql", postgresql.insert), ("sqlite", sqlite.insert))
}
_FIND = select(Artifact).where(Artifact.digest.in_(bindparam("digests", expanding=True)))
_HOLD = _FIND.with_for_update(read=True, key_share=True)
_KEY = re.compile(r"artifacts/[0-9a-f]{2}/([0-9a-f]{64})/[0-9a-f]+/.+")


def find(session: Session, digests: Iterable[str]) -> dict[str, Artifact]:
    """Return the artifacts that exist among `digests`, by digest.

    In a transaction that writes they are held until its end: none is deleted between the look and the commit of a job
    that builds on it.
    """
    rows = session.scalars(_HOLD if writes(session) else _FIND, {"digests": list(digests)})
    return {row.digest: row for row in rows}


def add(session: Session, artifact: Artifact) -> Artifact:
    """Insert an artifact, by the session's next statement or commit, and return it; where one of its digest exists that
    raises `sqlalchemy.exc.IntegrityError`.
    """
    put_off(session.connection(), _INSERT, _values(artifact))
    return artifact


def keep(session: Session, artifact: Artifact) -> Artifact:
    """Insert an artifact, unless one of its digest exists; return the one that is there."""
    statement, values = _INSERTS[session.get_bind().dialect.name], _values(artifact)
    while True:
        if session.connection().execute(statement, values).rowcount:
            return artifact
        # It may have expired between the two statements.
        found = find(session, [artifact.digest]).get(artifact.digest)
        if found:
            return found


def _values(artifact: Artifact) -> dict[str, Any]:
    # The model's defaults: a statement of its own would not hand them back.
    artifact.created_at = artifact.created_at or now()
    artifact.warnings = artifact.warnings or []
    return {column.key: getattr(artifact, column.key) for column in _ROWS.columns}


def file_key(digest: str, attempt: str, name: str) -> str:
    """Return the storage key of one file of an artifact, as one attempt made it.

    Encoders do not make the same bytes everywhere, and two attempts may run at once: each writes under a token of its
    own, and the one that is committed is the one whose keys the row holds. So nothing is ever written twice.
    """
    return f"{PREFIX}{digest[:2]}/{digest}/{attempt}/{name}"


def digest_of(key: str) -> str | None:
    """Return the digest that a key of `file_key` was made for; None for any other key."""
    match = _KEY.fullmatch(key)
    return match[1] if match else None
