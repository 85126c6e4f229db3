"""Which sources can be cut by copying."""

from __future__ import annotations

from av.video.stream import VideoStream

from media.smartcut.avc import Avc
from media.smartcut.codec import Codec
from media.smartcut.errors import NotCuttable
from media.smartcut.hvc import Hvc
from media.source import check_pixels

_CODECS: dict[str, type[Avc] | type[Hvc]] = {"h264": Avc, "hevc": Hvc}
_INTERLACED = {2, 3, 4, 5}


def codec_of(stream: VideoStream) -> Codec:
    """The codec of a stream that can be cut.

    Raises:
        NotCuttable: codec_not_supported, interlaced, missing_headers, too_many_headers, profile_not_supported.
        InputError: too_many_pixels.
    """
    context = stream.codec_context
    codec = _CODECS.get(context.name)
    if codec is None:
        raise NotCuttable("codec_not_supported", f"Pictures in {context.name} cannot be copied into a cut.")
    if context.field_order in _INTERLACED:
        raise NotCuttable("interlaced", "The source is interlaced.")
    try:
        found = codec(context.extradata or b"")
    except (ValueError, IndexError) as error:
        raise NotCuttable("missing_headers", "The parameter sets of the source cannot be read.") from error
    check_pixels(stream, found.pixels)
    return found
