"""Uploads: parts go from the client straight to storage; here they are counted, checked and made an asset."""

from __future__ import annotations

import hashlib
import mimetypes
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import assets, idempotency, listing, quotas
from core.db import reading, transaction
from core.errors import ConflictError, ForbiddenError, InputError, NotFoundError, TransientError
from core.ids import new_id
from core.listing import ALL, Filter
from core.models import Asset, Upload, now
from core.settings import get_settings
from core.storage import Part, Storage

PREFIX = "assets/"
OPEN, COMPLETED, ABORTED, EXPIRED = "open", "completed", "aborted", "expired"
_KEY = re.compile(r"assets/(upl_[0-9a-z]+)/source")
_MOST_PARTS = 10_000
_BLOCK = 4 * 2**20


def create(
    account_id: str,
    storage: Storage,
    *,
    filename: str,
    size: int,
    content_type: str | None,
    sha256: str | None,
    external_id: str | None = None,
    metadata: Mapping[str, object] | None = None,
) -> Upload:
    """Open an upload.

    Raises InputError `empty_file`, `upload_too_large`; ForbiddenError `storage_quota_exceeded`.
    """
    settings = get_settings()
    if size <= 0:
        raise InputError("empty_file", "The file is empty: there is nothing to upload.")
    if size > settings.upload_max_bytes:
        raise InputError("upload_too_large", f"The file is larger than the {settings.upload_max_bytes} bytes allowed.")
    return begin(
        account_id,
        storage,
        filename=filename,
        size=size,
        content_type=content_type,
        sha256=sha256,
        external_id=external_id,
        metadata=metadata,
    )


def begin(
    account_id: str,
    storage: Storage,
    *,
    filename: str,
    size: int | None,
    content_type: str | None,
    sha256: str | None = None,
    external_id: str | None = None,
    metadata: Mapping[str, object] | None = None,
) -> Upload:
    """Open an upload of so many bytes, or of as many as will come: then `set_size` says how many that were.

    Raises ForbiddenError `storage_quota_exceeded`.
    """
    settings = get_settings()
    guessed = content_type or mimetypes.guess_type(filename)[0] or "application/octet-stream"
    upload_id, moment = new_id("upl"), now()
    key = f"{PREFIX}{upload_id}/source"
    upload = Upload(
        id=upload_id,
        account_id=account_id,
        filename=filename,
        content_type=guessed,
        size=size or 0,
        sha256=sha256,
        part_size=max(settings.upload_part_bytes, -(-(size or settings.upload_max_bytes) // _MOST_PARTS)),
        storage_key=key,
        multipart_id=storage.create_multipart(key, content_type=guessed),
        external_id=external_id,
        client_metadata=dict(metadata or {}),
        created_at=moment,
        expires_at=now() + timedelta(seconds=settings.upload_ttl_s),
    )
    try:
        stored = _store(upload)
    except ForbiddenError:
        storage.abort_multipart(key, upload.multipart_id)
        raise
    if stored is not upload:
        storage.abort_multipart(key, upload.multipart_id)
    return stored


def set_size(upload_id: str, size: int) -> None:
    """Say how many bytes have come for an open upload that was begun without a size.

    Raises ForbiddenError `storage_quota_exceeded`.
    """
    with transaction() as session:
        row = session.scalars(select(Upload).where(Upload.id == upload_id).with_for_update()).one()
        if row.status == OPEN and row.size != size:
            quotas.require_bytes(session, row.account_id, size - row.size)
            row.size = size


def get(account_id: str, upload_id: str) -> Upload:
    """Return one upload of the account; raises NotFoundError `upload_not_found`."""
    with reading() as session:
        return _owned(session, account_id, upload_id)


def page(account_id: str, *, narrowed: Filter = ALL, before: str | None, limit: int) -> Sequence[Upload]:
    """Return up to `limit` uploads, newest first, older than the id `before`."""
    return listing.page(Upload, account_id, narrowed, before=before, limit=limit)


def part_urls(upload: Upload, storage: Storage, *, start: int, limit: int) -> list[dict[str, object]]:
    """Return up to `limit` parts from number `start`: what is there, and a URL to PUT what is not.

    Raises ConflictError `upload_closed`, `upload_expired`.
    """
    _require_open(upload)
    there = {part.number: part for part in storage.list_parts(upload.storage_key, upload.multipart_id)}
    return [
        _part(upload, storage, number, there.get(number))
        for number in range(start, min(start + limit, upload.part_count + 1))
    ]


def complete(account_id: str, upload_id: str, storage: Storage, *, sha256: str | None = None) -> tuple[Asset, bool]:
    """Join the parts, verify size and SHA-256, and make the asset; also say whether it was made just now.

    A second call answers with the same asset. Raises NotFoundError `upload_not_found`, ConflictError `part_missing`,
    `upload_closed`, `upload_expired`; InputError `size_mismatch`, `sha256_mismatch` (the upload is then dropped).
    """
    upload = get(account_id, upload_id)
    if upload.status == COMPLETED and upload.asset_id:
        with reading() as session:
            asset = session.get(Asset, upload.asset_id)
        if asset is None or asset.deleted_at:
            raise ConflictError("upload_closed", "The asset of this upload has been deleted: upload the file again.")
        return asset, False
    _require_open(upload)
    _join(upload, storage)
    try:
        _check_size(upload, storage.size(upload.storage_key))
        found = _sha256(storage, upload.storage_key)
        for declared in filter(None, (upload.sha256, sha256)):
            if declared.lower() != found:
                raise InputError("sha256_mismatch", "The bytes that arrived are not those of the declared SHA-256.")
    except InputError:
        # Another complete may have made the asset meanwhile: then these bytes are the asset's.
        if close(upload.id, ABORTED):
            storage.delete(upload.storage_key)
        raise
    asset, made = _make_asset(upload, found)
    if made and asset.storage_key != upload.storage_key:
        storage.delete(upload.storage_key)
    return asset, made


def abort(account_id: str, upload_id: str, storage: Storage) -> None:
    """Drop an upload and its parts; raises NotFoundError `upload_not_found`, ConflictError `upload_closed`."""
    upload = get(account_id, upload_id)
    if upload.status == COMPLETED:
        raise ConflictError("upload_closed", "The upload is complete: delete its asset instead.")
    if not close(upload.id, ABORTED):
        upload = get(account_id, upload_id)
        if upload.status == COMPLETED:
            raise ConflictError("upload_closed", "The upload was completed meanwhile: delete its asset instead.")
    drop(upload, storage)


def close(upload_id: str, status: str) -> bool:
    """End an open upload; False when it has ended already. Only who ended it may touch its bytes."""
    with transaction() as session:
        row = session.scalars(select(Upload).where(Upload.id == upload_id).with_for_update()).one()
        if row.status != OPEN:
            return False
        row.status = status
        return True


def drop(upload: Upload, storage: Storage) -> None:
    """Remove what a closed upload left: its parts, and what a complete that died joined of them."""
    storage.abort_multipart(upload.storage_key, upload.multipart_id)
    storage.delete(upload.storage_key)


def id_of(key: str) -> str | None:
    """Return the upload that a storage key was made for; None for any other key."""
    match = _KEY.fullmatch(key)
    return match[1] if match else None


def _store(upload: Upload) -> Upload:
    """Store a new upload, unless an earlier request of the same key made one; return the one that is stored."""
    with transaction() as session:
        made = idempotency.earlier(session, Upload)
        if made is not None:
            return made
        quotas.require_bytes(session, upload.account_id, upload.size)
        session.add(upload)
        session.flush()
        idempotency.record(session, upload)
    return upload


def _join(upload: Upload, storage: Storage) -> None:
    parts = storage.list_parts(upload.storage_key, upload.multipart_id)
    if not parts and _is_joined(upload, storage):
        return
    there = {part.number for part in parts}
    missing = [number for number in range(1, upload.part_count + 1) if number not in there]
    if missing:
        shown = ", ".join(map(str, missing[:10])) + (", …" if len(missing) > 10 else "")
        raise ConflictError("part_missing", f"{len(missing)} of {upload.part_count} parts have not arrived: {shown}.")
    wanted = [part for part in parts if part.number <= upload.part_count]
    if len(wanted) != len(parts):
        raise InputError("size_mismatch", f"More parts arrived than the {upload.part_count} that the size makes.")
    storage.complete_multipart(upload.storage_key, upload.multipart_id, wanted)


def _is_joined(upload: Upload, storage: Storage) -> bool:
    """Whether an earlier complete joined the parts and then lost its client or its process.

    Raises TransientError `upload_unsettled` when there is neither an upload in parts any more nor its file yet: the
    storage may still be joining for a process that was killed.
    """
    for look in (1, 2):
        if next(iter(storage.keys(upload.storage_key)), None) is not None:
            return True
        if look == 1 and any(one.upload_id == upload.multipart_id for one in storage.uploads(upload.storage_key)):
            return False
    raise TransientError(
        "upload_unsettled", "The storage is still joining the parts. Ask again shortly; if that fails, upload anew."
    )


def _check_size(upload: Upload, size: int) -> None:
    if size != upload.size:
        raise InputError("size_mismatch", f"{size} bytes arrived, {upload.size} were declared: upload the file again.")


def _sha256(storage: Storage, key: str) -> str:
    digest = hashlib.sha256()
    with storage.open(key) as source:
        while block := source.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _make_asset(upload: Upload, sha256: str) -> tuple[Asset, bool]:
    with transaction() as session:
        row = session.scalars(select(Upload).where(Upload.id == upload.id).with_for_update()).one()
        if row.asset_id:
            return session.get_one(Asset, row.asset_id), False
        if row.status != OPEN:
            raise ConflictError("upload_closed", "The upload was aborted while it was being completed.")
        asset = Asset(
            account_id=row.account_id,
            filename=row.filename,
            content_type=row.content_type,
            size=row.size,
            sha256=sha256,
            storage_key=row.storage_key,
            external_id=row.external_id,
            client_metadata=row.client_metadata,
        )
        assets.store(session, asset)
        row.asset_id = asset.id
        row.status = COMPLETED
    return asset, True


def _part(upload: Upload, storage: Storage, number: int, there: Part | None) -> dict[str, object]:
    expected = min(upload.part_size, upload.size - (number - 1) * upload.part_size)
    ttl = get_settings().url_ttl_s
    uploaded = there is not None and there.size == expected
    key = upload.storage_key
    sign = partial(storage.sign_part, key, upload.multipart_id, number, size=expected, expires_s=ttl)
    url = None if uploaded else sign()
    return {
        "number": number,
        "size": expected,
        "uploaded": uploaded,
        "etag": there.etag if there and uploaded else None,
        "url": url,
    }


def _require_open(upload: Upload) -> None:
    if upload.status == EXPIRED or (upload.status == OPEN and upload.expires_at < now()):
        raise ConflictError("upload_expired", "The upload took too long and was dropped: start a new one.")
    if upload.status != OPEN:
        raise ConflictError("upload_closed", f"The upload is {upload.status}: start a new one.")


def _owned(session: Session, account_id: str, upload_id: str) -> Upload:
    query = select(Upload).where(Upload.id == upload_id, Upload.account_id == account_id)
    upload = session.scalars(query).one_or_none()
    if upload is None:
        raise NotFoundError("upload_not_found", "There is no upload of that id.")
    return upload
