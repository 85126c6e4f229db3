"""Streams: the playlists of a job, by addresses that players can use."""

from __future__ import annotations

import gzip
import hashlib
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
_HEADERS = {name: {"schema": _TEXT} for name in ("Cache-Control", "ETag", "Vary")}


@blp.route("/<job_id>/<name>/<part>.m3u8", needs=PUBLIC)
@blp.arguments(StreamQuery, location="query")
@blp.response(200, content_type=CONTENT_TYPE, schema=_TEXT, headers=_HEADERS, description="A playlist (RFC 8216).")
@blp.alt_response(304, schema={}, description="Nothing has come to the one that the player has.")
@blp.problems(403, "signature_invalid", "signature_expired")
@blp.problems(404, "stream_not_found", "object_missing")
@blp.problems(503, "database_unavailable", "storage_unavailable")
def get_playlist(query: dict[str, Any], job_id: str, name: str, part: str) -> Response:
    """Fetch a playlist by a signed address

    The address is that of the job's `streams`. The segments in it are byte ranges of files in the storage, whose
    addresses are signed as well; by one address of the playlist they stay the same.
    """
    stream_links.check(job_id, name, request.args.to_dict())
    signed = request.query_string.decode()
    made = streams.playlist(job_id, name, part, signed, current_storage(), expires=query["expires"])
    response = Response(content_type=CONTENT_TYPE)
    response.headers["Cache-Control"] = f"private, max-age={_KEPT_S}" if made.whole else "private, no-cache"
    response.vary.add("Accept-Encoding")
    text = made.text.encode()
    # Weak, for it stands for the text however that is sent.
    response.set_etag(hashlib.sha256(text).hexdigest()[:32], weak=True)
    if request.if_none_match.contains_weak(response.get_etag()[0] or ""):
        response.status_code = 304
        return response
    if request.accept_encodings.quality("gzip") > 0:
        # Hundreds of segments of one file: its address again and again.
        text = gzip.compress(text, 6, mtime=0)
        response.headers["Content-Encoding"] = "gzip"
    response.set_data(text)
    return response
