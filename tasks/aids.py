"""What helps people to look at a result while it is made, and must never cost them the result.

A fault of the engine in such an aid is logged like any other, and told as a warning of the job, which goes on without.
"""

from __future__ import annotations

import structlog

from media.errors import EngineError
from media.types import Notice

_log = structlog.get_logger(__name__)

SEAMS = Notice(
    "seams_not_made",
    "What plays around the cuts could not be made by a fault of ours; the preview and the result come all the same. "
    "Wait for `preview_hls`, or fetch the output `preview`.",
)
GROWING = Notice(
    "preview_not_growing",
    "Parts of the preview cannot be played while it is made, by a fault of ours. Wait until it is whole.",
)
STREAM = Notice(
    "preview_not_streamed",
    "The preview could not be packed for streaming by a fault of ours. Fetch the output `preview` instead.",
)


def done_without(aid: Notice, fault: EngineError) -> list[dict[str, str]]:
    """Log that an aid could not be made; return the warnings to be stored in its place."""
    _log.error("aid not made", aid=aid.code, code=fault.code, exc_info=fault)
    return [aid.to_dict()]
