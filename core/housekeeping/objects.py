"""Orphan objects: files in storage that no row names.

A stage's files are stored before its row is committed, and a row is deleted before its files are: a process that dies
between the two leaves files that nothing leads to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta

from sqlalchemy import and_, or_, select

from core import artifacts, bookmarks, states, uploads
from core.db import reading
from core.housekeeping.report import PAGE, Removed, batches
from core.models import Artifact, Asset, JobStage, Upload, now
from core.storage import Storage

Named = Callable[[Sequence[str]], set[str]]
"""Return those of the keys that a row names, or is about to."""


def sweep(storage: Storage, *, grace_s: int, dry_run: bool = False) -> Iterator[Removed]:
    """Delete the objects older than `grace_s` seconds that no row names, and yield each.

    The storage is listed first and the rows are asked after, a page at a time. Keys of a shape that is not ours are
    left alone. A page that is done is noted: one that is stopped, by a time limit or by trouble, goes on there the next
    time, so that the end of a large bucket is reached at last. A dry run looks at all.
    """
    before = now() - timedelta(seconds=grace_s)
    for prefix, named in _NAMED.items():
        name = f"objects:{prefix}"
        after = "" if dry_run else bookmarks.of(name)
        for page in batches(storage.objects(prefix, after=after)):
            old = {found.key: found.size for found in page if found.modified < before}
            kept = named(list(old)) if old else set()
            for key in old.keys() - kept:
                if not dry_run:
                    storage.delete(key)
                yield Removed(key, old[key])
            if not dry_run and len(page) == PAGE:
                bookmarks.put(name, page[-1].key)
        if not dry_run:
            bookmarks.remove(name)


def of_artifacts(keys: Sequence[str]) -> set[str]:
    """Keys that an artifact names, or a stage that runs may yet commit.

    The stages are asked before the artifacts: an attempt that is not running any more has committed by then, and its
    row is seen, or never will.
    """
    digests = {key: artifacts.digest_of(key) for key in keys}
    known = {digest for digest in digests.values() if digest}
    with reading() as session:
        running = set(
            session.scalars(
                select(JobStage.digest).where(JobStage.digest.in_(known), JobStage.status == states.RUNNING)
            )
        )
    with reading() as session:
        files = session.scalars(select(Artifact.files).where(Artifact.digest.in_(known)))
        named = {entry["key"] for each in files for entry in each.values()}
    return {key for key, digest in digests.items() if digest is None or digest in running or key in named}


def of_assets(keys: Sequence[str]) -> set[str]:
    """Keys of assets that are there, and of uploads that may yet become one."""
    ids = {key: uploads.id_of(key) for key in keys}
    foreign = {key for key, upload_id in ids.items() if upload_id is None}
    named = (
        select(Upload.storage_key)
        .outerjoin(Asset, Asset.id == Upload.asset_id)
        .where(Upload.id.in_({upload_id for upload_id in ids.values() if upload_id}))
        # An asset of bytes that were there already names the file of another.
        .where(
            or_(
                Upload.status == uploads.OPEN,
                and_(Asset.storage_key == Upload.storage_key, Asset.deleted_at.is_(None)),
            )
        )
    )
    with reading() as session:
        kept = foreign | set(session.scalars(named))
        # Those that outlived the upload that they came by: its asset is deleted, and another shares them.
        rest = [key for key in keys if key not in kept]
        if rest:
            kept |= set(
                session.scalars(
                    select(Asset.storage_key).where(Asset.storage_key.in_(rest), Asset.deleted_at.is_(None))
                )
            )
    return kept


_NAMED: Mapping[str, Named] = {artifacts.PREFIX: of_artifacts, uploads.PREFIX: of_assets}
