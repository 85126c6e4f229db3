"""Signed addresses of a job's streams: players send no keys, and fetch a playlist as often as it grows.

One signature stands for all playlists of a stream.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime

from core import link_signature
from core.link_signature import EXPIRES
from core.settings import get_settings

FIRST = "index"
"""The playlist that a player begins with, once all is there."""
GROWING = "growing"
"""That of what is there by now: a player stays with the one that it began with."""
_PURPOSE = "stream"


def address(job_id: str, name: str, playlist: str, *, expires_s: int) -> tuple[str, datetime]:
    """Return the address of a playlist of a stream, and when it ends."""
    ends = int(time.time()) + expires_s
    query = link_signature.signed(_PURPOSE, _subject(job_id, name), {EXPIRES: str(ends)})
    url = f"{get_settings().public_url.rstrip('/')}/v1/streams/{job_id}/{name}/{playlist}.m3u8?{query}"
    return url, datetime.fromtimestamp(ends, UTC)


def check(job_id: str, name: str, given: Mapping[str, str]) -> None:
    """Raise ForbiddenError `signature_invalid` or `signature_expired` unless the query was signed for the stream."""
    link_signature.check(_PURPOSE, _subject(job_id, name), given)


def _subject(job_id: str, name: str) -> str:
    return f"{job_id}/{name}"
