"""Why a source cannot be cut smartly."""

from __future__ import annotations

from media.errors import MediaError


class NotCuttable(MediaError):
    """This source, or these ranges of it, cannot be cut by copying: the caller re-encodes instead and says why.

    Stable codes: no_video, codec_not_supported, profile_not_supported, interlaced, missing_headers, too_many_headers,
    headers_change, no_timestamps, sparse_pictures, no_entry_point, keyframes_too_far, edited_timeline, reorder_changes,
    damaged_pictures, little_to_copy, certificate_failed.
    """


def failed(reason: str) -> NotCuttable:
    """The error that says that a promise does not hold."""
    return NotCuttable("certificate_failed", f"The cut did not pass its check: {reason}.")


class CoarseEdges(NotCuttable):
    """Encoded pictures are not as close to their source as promised: certificate_failed, unless finer ones are."""
