"""How much of a source's pictures is decoded, where they are only to be looked at in small."""

from __future__ import annotations

from typing import Literal

from av.video.stream import VideoStream

from media.source import decoder_options

Effort = Literal["full", "rough", "sparse"]
"""`rough` leaves out the filter that smooths the borders of blocks, of which little is seen once a picture is a third
as large; `sparse` leaves out as well the pictures that no other one is built on. Codecs that know neither are decoded
as usual."""

_OPTIONS: dict[Effort, dict[str, str]] = {
    "full": {},
    "rough": {"skip_loop_filter": "all"},
    "sparse": {"skip_loop_filter": "all", "skip_frame": "noref"},
}


def spare(video: VideoStream, effort: Effort) -> None:
    """Have a stream that has not been decoded yet decoded with that effort."""
    video.codec_context.options = decoder_options(video) | _OPTIONS[effort]
