"""Uploads, as they come and go."""

from __future__ import annotations

import re

from marshmallow import Schema, ValidationError, fields, validate

from app.schemas.listing import ListQuery
from core.uploads import ABORTED, COMPLETED, EXPIRED, OPEN
from pipelines.notes import external_id, metadata
from pipelines.times import WholeRegexp

PARTS_A_PAGE = 1000
_STATUSES = [OPEN, COMPLETED, ABORTED, EXPIRED]
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_MEDIA_TYPE = r"^[A-Za-z]{1,20}/[A-Za-z0-9._+-]{1,120}$"


def _is_file_name(name: str) -> None:
    if _CONTROL.search(name):
        raise ValidationError("A file name has no control characters.")
    if "/" in name or "\\" in name or name.strip() in {"", ".", ".."}:
        raise ValidationError("Give the name of the file alone, without a folder.")


def sha256() -> fields.String:
    """A SHA-256 in hexadecimal, which may be left out."""
    hexadecimal = WholeRegexp(r"^[0-9a-fA-F]{64}$", error="A SHA-256 is 64 hexadecimal digits.")
    return fields.String(
        load_default=None, allow_none=True, validate=hexadecimal, metadata={"description": "Of the whole file."}
    )


class NewUpload(Schema):
    """A file that is about to be sent."""

    filename = fields.String(
        required=True,
        validate=[validate.Length(min=1, max=255), _is_file_name],
        metadata={"example": "lecture.mp4"},
    )
    size = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(min=0),
        metadata={"description": "In bytes.", "minimum": 1, "most": "upload_max_bytes"},
    )
    content_type = fields.String(
        load_default=None,
        allow_none=True,
        validate=WholeRegexp(_MEDIA_TYPE, error="Write a media type as video/mp4."),
        metadata={"description": "Guessed from the file's name when left out."},
    )
    sha256 = sha256()
    external_id = external_id()
    metadata = metadata()


class CompleteUpload(Schema):
    """What is checked once the parts are there, besides the size."""

    sha256 = sha256()


class PartsQuery(Schema):
    """Which parts to list."""

    start = fields.Integer(data_key="from", load_default=1, validate=validate.Range(1, 10_000))
    limit = fields.Integer(load_default=PARTS_A_PAGE, validate=validate.Range(1, PARTS_A_PAGE))


class PartSchema(Schema):
    """One part: PUT its bytes to `url`, or skip it when it is there."""

    number = fields.Integer(required=True)
    size = fields.Integer(required=True, metadata={"description": "Bytes of this part; the last one may be shorter."})
    uploaded = fields.Boolean(required=True)
    etag = fields.String(required=True, allow_none=True)
    url = fields.String(
        required=True, allow_none=True, metadata={"description": "Signed, expiring; null when the part is there."}
    )


class PartListSchema(Schema):
    """Some parts in order; ask on with `from` set to the number after the last one."""

    data = fields.List(fields.Nested(PartSchema), required=True)


class UploadSchema(Schema):
    """An upload."""

    id = fields.String(required=True, metadata={"example": "upl_01k9x3v5m8q2r7t4w6y0b1c3d5"})
    status = fields.String(required=True, validate=validate.OneOf(_STATUSES))
    filename = fields.String(required=True)
    content_type = fields.String(required=True)
    size = fields.Integer(required=True)
    part_size = fields.Integer(required=True)
    part_count = fields.Integer(required=True)
    asset = fields.String(
        required=True, allow_none=True, attribute="asset_id", metadata={"description": "Once it is complete."}
    )
    external_id = fields.String(required=True, allow_none=True, metadata={"description": "The client's own id for it."})
    metadata = fields.Dict(
        required=True, metadata={"description": "What the client gave."}, attribute="client_metadata"
    )
    expires_at = fields.DateTime(required=True)
    created_at = fields.DateTime(required=True)


class UploadListSchema(Schema):
    """One page of uploads, newest first."""

    data = fields.List(fields.Nested(UploadSchema), required=True)
    next = fields.String(required=True, allow_none=True)


class UploadsQuery(ListQuery):
    """Which uploads to list."""

    status = fields.String(validate=validate.OneOf(_STATUSES))


class OpenUploadSchema(UploadSchema):
    """A new upload with the first of its parts, at most a thousand."""

    parts = fields.List(fields.Nested(PartSchema), required=True)
