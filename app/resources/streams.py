"""Streams: the playlists of a job, by addresses that players can use."""

from __future__ import annotations

import gzip
from typing import Any

from flask import Response, request

from app.blueprint import Blueprint
from app.schemas.stream import StreamQuery
from app.security import PUBLIC
from app.storage import current_storage
from core import stream_links
from media.hls.playlist import CONTENT_TYPE
from pipelines import streams

blp = Blueprint("streams", __name__, url_prefix="/v1/streams", description="What a job makes, to be played.")

_KEPT_S = 60
_TEXT = {"type": "string"}
_HEADERS = {"Cache-Control": {"schema": _TEXT}}


@blp.route("/<job_id>/<name>/<part>.m3u8", needs=PUBLIC)
@blp.arguments(StreamQuery, location="query")
@blp.response(200, content_type=CONTENT_TYPE, schema=_TEXT, headers=_HEADERS, description="A playlist (RFC 8216).")
@blp.problems(403, "signature_invalid", "signature_expired")
@blp.problems(404, "stream_not_found", "object_missing")
@blp.problems(503, "database_unavailable", "storage_unavailable")
def get_playlist(query: dict[str, Any], job_id: str, name: str, part: str) -> Response:  # noqa: ARG001
    """Fetch a playlist by a signed address

    The address is that of the job's `streams`. The segments in it are byte ranges of files in the storage, whose
    addresses are signed as well.
    """
    stream_links.check(job_id, name, request.args.to_dict())
    made = streams.playlist(job_id, name, part, request.query_string.decode(), current_storage())
    response = Response(made.text, content_type=CONTENT_TYPE)
    response.headers["Cache-Control"] = f"private, max-age={_KEPT_S}" if made.whole else "no-cache"
    response.headers["Vary"] = "Accept-Encoding"
    if request.accept_encodings.quality("gzip") > 0:
        # Hundreds of segments of one file: its address again and again.
        response.set_data(gzip.compress(made.text.encode(), 6))
        response.headers["Content-Encoding"] = "gzip"
    return response
