"""Why a source cannot be encoded in segments."""

from __future__ import annotations

from media.errors import MediaError


class NotSplittable(MediaError):
    """This source, or these ranges of it, must be encoded in one piece: the caller does that with `media.trim.trim`.

    Stable codes: no_timestamps, empty_part, ends_early, segments_differ.
    """
