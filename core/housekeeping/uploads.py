"""Uploads that were never completed, with their parts."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from core import uploads
from core.db import reading
from core.housekeeping.report import Removed
from core.models import Upload, now
from core.storage import Storage

_BATCH = 100


def sweep(storage: Storage, *, dry_run: bool = False) -> Iterator[Removed]:
    """Close every upload whose time is over and drop its parts; yield each with the bytes that had arrived.

    An upload is closed before its bytes are touched, so that a client who completes it in this moment either keeps them
    or is told that it came too late. What stays when the storage fails here is an orphan, which other sweeps find.
    """
    after = ""
    while stale := _stale(after):
        for upload in stale:
            size = sum(part.size for part in storage.list_parts(upload.storage_key, upload.multipart_id))
            if not dry_run:
                if not uploads.close(upload.id, uploads.EXPIRED):
                    continue
                uploads.drop(upload, storage)
            yield Removed(upload.id, size)
        after = stale[-1].id


def _stale(after: str) -> list[Upload]:
    query = select(Upload).where(Upload.status == uploads.OPEN, Upload.expires_at < now(), Upload.id > after)
    with reading() as session:
        return list(session.scalars(query.order_by(Upload.id).limit(_BATCH)))
