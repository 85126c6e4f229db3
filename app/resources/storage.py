"""Files of a local storage: what S3's presigned URLs are elsewhere. The token in the path is the permission."""

from __future__ import annotations

import hashlib
from typing import BinaryIO, cast

from flask import Response, request
from werkzeug.exceptions import LengthRequired, RequestedRangeNotSatisfiable
from werkzeug.wsgi import wrap_file

from app.blueprint import Blueprint
from app.security import PUBLIC
from app.storage import current_storage
from core.errors import NotFoundError
from core.storage.local import LocalStorage

blp = Blueprint("storage", __name__, url_prefix="/v1/storage", description="Signed addresses of a local storage.")

_BLOCK = 256 * 1024
_BYTES = {"type": "string", "format": "binary"}
_ETAG = {"ETag": {"schema": {"type": "string"}}}


@blp.route("/<token>", needs=PUBLIC, method="PUT")
@blp.response(200, headers=_ETAG, description="The part is there.")
@blp.doc(requestBody={"required": True, "content": {"application/octet-stream": {"schema": _BYTES}}})
@blp.problems(403, "signature_invalid", "signature_expired")
@blp.problems(404, "not_found", "upload_missing")
@blp.problems(411, "length_required")
@blp.problems(413, "part_too_large")
@blp.problems(422, "part_incomplete")
@blp.problems(503, "storage_unavailable")
def write_part(token: str) -> Response:
    """Send one part of an upload

    The address is one of those that `create_upload` and `list_upload_parts` give; it goes to disk as it comes. A part
    that is sent again takes the place of the one before.
    """
    storage = _local()
    grant = storage.verify(token, "PUT")
    if request.content_length is None:
        raise LengthRequired("Say the size of the part in Content-Length.")
    # The bound on JSON bodies is not meant for files; the grant knows how many bytes may come.
    request.max_content_length = request.content_length
    etag = storage.write_part(grant, cast(BinaryIO, request.stream), request.content_length)
    return Response(headers={"ETag": f'"{etag}"'})


@blp.route("/<token>", needs=PUBLIC)
@blp.response(200, content_type="application/octet-stream", schema=_BYTES, headers=_ETAG)
@blp.alt_response(206, content_type="application/octet-stream", schema=_BYTES, description="A range of it.")
@blp.problems(403, "signature_invalid", "signature_expired")
@blp.problems(404, "not_found", "object_missing")
@blp.problems(416, "range_not_satisfiable")
@blp.problems(503, "storage_unavailable")
def read_file(token: str) -> Response:
    """Fetch a file, or a range of it

    The address is signed and expires: take a new one from the document that named it.
    """
    storage = _local()
    grant = storage.verify(token, "GET")
    file = storage.open(grant.key)
    response = Response(
        wrap_file(request.environ, file, _BLOCK),
        content_type=grant.content_type,
        headers={"Content-Disposition": grant.content_disposition, "Cache-Control": "private"},
        direct_passthrough=True,
    )
    response.content_length = storage.size(grant.key)
    # Nothing is ever written twice under one key.
    response.set_etag(hashlib.sha256(grant.key.encode()).hexdigest()[:32])
    # A page that somebody uploaded must not act in this origin.
    response.headers["Content-Security-Policy"] = "sandbox"
    try:
        response.make_conditional(request.environ, accept_ranges=True, complete_length=response.content_length)
    except RequestedRangeNotSatisfiable:
        file.close()
        raise
    return response


def _local() -> LocalStorage:
    storage = current_storage()
    if not isinstance(storage, LocalStorage):
        raise NotFoundError("not_found", "Files are not served here: they are in the S3 bucket.")
    return storage
