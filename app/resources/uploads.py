"""Uploads: opened here, sent straight to storage, completed here."""

from __future__ import annotations

from typing import Any

import structlog

from app import asset_document, pagination
from app.blueprint import Blueprint
from app.schemas.asset import AssetSchema
from app.schemas.upload import (
    PARTS_A_PAGE,
    CompleteUpload,
    NewUpload,
    OpenUploadSchema,
    PartListSchema,
    PartsQuery,
    UploadListSchema,
    UploadSchema,
    UploadsQuery,
)
from app.security import current_account_id
from app.storage import current_storage
from core import uploads
from core.errors import TransientError
from core.models import Asset, Upload
from pipelines import submit

blp = Blueprint("uploads", __name__, url_prefix="/v1/uploads", description="Files on their way in.")

_log = structlog.get_logger(__name__)


@blp.route("", needs="assets:write", method="POST")
@blp.idempotent
@blp.arguments(
    NewUpload,
    example={"filename": "lecture.mp4", "size": 734003200, "external_id": "lecture-7", "metadata": {"course": 7}},
)
@blp.response(201, OpenUploadSchema)
@blp.problems(403, "storage_quota_exceeded")
@blp.problems(409, "upload_closed", "upload_expired")
@blp.problems(413, "upload_too_large")
@blp.problems(422, "empty_file")
@blp.problems(503, "storage_unavailable")
def create_upload(body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Open an upload and get the addresses to PUT its parts to

    Cut the file into parts of `part_size` bytes, PUT each to its `url`, in any order and several at once, then call
    `complete_upload`. Beyond a thousand parts `list_upload_parts` gives the rest.
    """
    storage = current_storage()
    upload = uploads.create(current_account_id(), storage, **body)
    parts = uploads.part_urls(upload, storage, start=1, limit=PARTS_A_PAGE)
    return _open_document(upload, parts), {"Location": f"/v1/uploads/{upload.id}"}


@blp.route("", needs="assets:read")
@blp.arguments(UploadsQuery, location="query")
@blp.response(200, UploadListSchema)
def list_uploads(query: dict[str, Any]) -> dict[str, Any]:
    """List uploads, newest first."""
    rows, following = pagination.take(
        pagination.narrowed(uploads.page, query), current_account_id(), query, kind="uploads"
    )
    return {"data": rows, "next": following}


@blp.route("/<upload_id>", needs="assets:read")
@blp.response(200, UploadSchema)
def get_upload(upload_id: str) -> Upload:
    """Get an upload."""
    return uploads.get(current_account_id(), upload_id)


@blp.route("/<upload_id>/parts", needs="assets:write")
@blp.arguments(PartsQuery, location="query")
@blp.response(200, PartListSchema)
@blp.problems(404, "upload_missing")
@blp.problems(409, "upload_closed", "upload_expired")
@blp.problems(503, "storage_unavailable")
def list_upload_parts(query: dict[str, int], upload_id: str) -> dict[str, Any]:
    """List parts, those that are there and addresses for those that are not

    This is how a client goes on after it was cut off, and how it gets a new address for one that expired.
    """
    upload = uploads.get(current_account_id(), upload_id)
    return {"data": uploads.part_urls(upload, current_storage(), **query)}


@blp.route("/<upload_id>/complete", needs="assets:write", method="POST")
@blp.arguments(CompleteUpload, required=False, example={"sha256": "5f" * 32})
@blp.response(201, AssetSchema)
@blp.alt_response(200, schema=AssetSchema, description="It was complete already: the same asset.")
@blp.job_problems
@blp.problems(404, "object_missing", "upload_missing")
@blp.problems(409, "part_missing", "upload_closed", "upload_expired")
@blp.problems(422, "part_missing", "part_too_small", "size_mismatch", "sha256_mismatch")
@blp.problems(503, "storage_unavailable", "upload_unsettled")
def complete_upload(body: dict[str, Any], upload_id: str) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Check size and SHA-256 of what arrived, and make it an asset

    Asked again it answers 200 with the same asset. When the bytes are not those that were declared, the upload is
    dropped; when parts are missing it stays open, and the message names them.
    """
    account_id = current_account_id()
    asset, made = uploads.complete(account_id, upload_id, current_storage(), **body)
    _inspect(account_id, asset)
    document = asset_document.document(account_id, asset)
    return document, 201 if made else 200, {"Location": f"/v1/assets/{asset.id}"}


@blp.route("/<upload_id>", needs="assets:write", method="DELETE")
@blp.response(204)
@blp.problems(409, "upload_closed")
@blp.problems(503, "storage_unavailable")
def abort_upload(upload_id: str) -> None:
    """Drop an upload and the parts that arrived

    One that is dropped already is left as it is. Of a complete one delete the asset instead.
    """
    uploads.abort(current_account_id(), upload_id, current_storage())


def _inspect(account_id: str, asset: Asset) -> None:
    try:
        submit.inspect_asset(account_id, asset)
    except TransientError as error:
        # The asset is made; whoever asks for its facts starts the probe again.
        _log.warning("probe not started", asset_id=asset.id, code=error.code)


def _open_document(upload: Upload, parts: list[dict[str, object]]) -> dict[str, Any]:
    names = [field.attribute or name for name, field in UploadSchema().fields.items()]
    return {name: getattr(upload, name) for name in names} | {"parts": parts}
