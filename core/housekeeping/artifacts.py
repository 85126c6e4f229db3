"""Artifacts that no job has needed for as long as they are kept.

An artifact is kept for a time after it was made, and as long as a job that names its digest is live or ended within
that time: a request that is answered from cache is such a job, so each use prolongs. What is known about an asset is
kept as long as the asset.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, or_, select
from sqlalchemy.orm import Session

from core import states
from core.db import reading, transaction
from core.housekeeping.report import PAGE, Removed, batches
from core.models import Artifact, Asset, Job, JobStage, now
from core.storage import Storage

_BATCH = 100


def sweep(storage: Storage, *, ttl_days: int, facts_of: str, dry_run: bool = False) -> Iterator[Removed]:
    """Delete the artifacts that `ttl_days` are over for, and yield each with its size; 0 keeps all for ever.

    `facts_of` names the pipeline whose artifacts stay as long as the asset that they were made from.

    The row goes first and its objects after the commit: a job never finds a row whose objects are gone. What a death
    between the two leaves are orphan objects, which another sweep finds.
    """
    if not ttl_days:
        return
    before = now() - timedelta(days=ttl_days)
    for digests in _pages(before):
        for batch in batches(_unused(digests, before, facts_of), _BATCH):
            for artifact in _listed(batch) if dry_run else _deleted(batch, before, facts_of):
                if not dry_run:
                    for entry in artifact.files.values():
                        storage.delete(entry["key"])
                yield Removed(artifact.digest, sum(entry["size"] for entry in artifact.files.values()))


def _pages(before: datetime) -> Iterator[list[str]]:
    """Pages of the digests that are old enough; each is one short look at the primary key."""
    after = ""
    while True:
        query = select(Artifact.digest, Artifact.created_at).where(Artifact.digest > after)
        with reading() as session:
            page = session.execute(query.order_by(Artifact.digest).limit(PAGE)).all()
        if not page:
            return
        yield [digest for digest, created_at in page if created_at < before]
        after = page[-1].digest


def _unused(digests: Sequence[str], before: datetime, facts_of: str) -> list[str]:
    """Look without a lock: most are wanted, and nobody is to wait for them."""
    with reading() as session:
        wanted = _wanted(session, digests, before, facts_of)
    return [digest for digest in digests if digest not in wanted]


def _listed(digests: Sequence[str]) -> list[Artifact]:
    with reading() as session:
        return list(session.scalars(select(Artifact).where(Artifact.digest.in_(digests))))


def _deleted(digests: Sequence[str], before: datetime, facts_of: str) -> list[Artifact]:
    """Delete the rows among `digests` that still nobody wants, and return them.

    Locked first, asked about after. A transaction that found one of them (`core.artifacts.find`) holds it until it has
    stored the job that wants it, and is not waited for: the row stays. One that comes while it is locked here waits,
    finds nothing, and has the stage run again.
    """
    with transaction() as session:
        mine = select(Artifact).where(Artifact.digest.in_(digests)).with_for_update(skip_locked=True)
        rows = {row.digest: row for row in session.scalars(mine)}
        gone = set(rows) - _wanted(session, list(rows), before, facts_of)
        session.execute(
            delete(Artifact).where(Artifact.digest.in_(gone)), execution_options={"synchronize_session": False}
        )
    return [row for digest, row in rows.items() if digest in gone]


def _wanted(session: Session, digests: Sequence[str], before: datetime, facts_of: str) -> set[str]:
    of_the_asset = and_(Job.pipeline == facts_of, Asset.deleted_at.is_(None))
    query = (
        select(JobStage.digest)
        .join(Job, Job.id == JobStage.job_id)
        .outerjoin(Asset, Asset.id == Job.input_asset_id)
        .where(JobStage.digest.in_(digests))
        .where(or_(Job.status.not_in(states.TERMINAL), Job.finished_at >= before, of_the_asset))
        .distinct()
    )
    return set(session.scalars(query))
