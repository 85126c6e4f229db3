"""Orphan multipart uploads: parts in storage that will never be joined.

A process that dies while it stores a file leaves the parts that had arrived; storages keep them, unseen in listings and
paid for, until somebody aborts the upload.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from sqlalchemy import select

from core import artifacts, uploads
from core.db import reading
from core.housekeeping import objects
from core.housekeeping.report import Removed, batches
from core.models import Upload, now
from core.storage import OpenUpload, Storage


def sweep(storage: Storage, *, grace_s: int, dry_run: bool = False) -> Iterator[Removed]:
    """Abort the multipart uploads begun over `grace_s` seconds ago that no client and no stage will complete.

    Each is yielded with the bytes of its parts.
    """
    before = now() - timedelta(seconds=grace_s)
    for prefix, expected in ((artifacts.PREFIX, _of_stages), (uploads.PREFIX, _of_clients)):
        for page in batches(storage.uploads(prefix)):
            old = [found for found in page if found.started_at < before]
            kept = expected(old) if old else set()
            for found in old:
                if found.upload_id in kept:
                    continue
                size = sum(part.size for part in storage.list_parts(found.key, found.upload_id))
                if not dry_run:
                    storage.abort_multipart(found.key, found.upload_id)
                yield Removed(f"{found.key}?uploadId={found.upload_id}", size)


def _of_stages(found: Sequence[OpenUpload]) -> set[str]:
    """Uploads whose stage is running, or whose key is none of ours."""
    kept = objects.of_artifacts([upload.key for upload in found])
    return {upload.upload_id for upload in found if upload.key in kept}


def _of_clients(found: Sequence[OpenUpload]) -> set[str]:
    """Uploads that are open in the rows, or whose key is none of ours."""
    ids = {upload.upload_id: uploads.id_of(upload.key) for upload in found}
    query = select(Upload.multipart_id).where(
        Upload.id.in_({upload_id for upload_id in ids.values() if upload_id}), Upload.status == uploads.OPEN
    )
    with reading() as session:
        still_open = set(session.scalars(query))
    return still_open | {multipart_id for multipart_id, upload_id in ids.items() if upload_id is None}
