"""How the encoders of pictures are set up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext

from media.x264 import repeatable

if TYPE_CHECKING:
    from media.encode import VideoSpec

CRF = {"h264": 20, "hevc": 22}
PRESET = {"h264": "veryfast", "hevc": "ultrafast"}
ENCODER = {"h264": "libx264", "hevc": "libx265"}
TAG = {"h264": "avc1", "hevc": "hvc1"}


def encoder_options(spec: VideoSpec, threads: int) -> dict[str, str]:
    """What an encoder is told by name."""
    options = {
        "crf": str(CRF[spec.codec] if spec.crf is None else spec.crf),
        "preset": spec.preset or PRESET[spec.codec],
    }
    if spec.codec == "hevc":
        # With B-frames x265 leaves the decoding times of a clip of one or two frames uninitialised. Its info would put
        # the processor and the number of threads into the file's header.
        options["x265-params"] = f"log-level=none:info=0:bframes=0:pools={threads or '*'}"
    else:
        options |= repeatable()
    if spec.max_rate is not None:
        options |= {"maxrate": str(spec.max_rate), "bufsize": str(spec.max_rate)}
    if spec.keyframes == "told":
        options["sc_threshold"] = "0"
    if spec.scan == "interlaced" and spec.codec == "h264":
        options["flags"] = "+ilme+ildct"
    return options


def configure(context: VideoCodecContext, spec: VideoSpec, threads: int) -> None:
    """Set what an encoder is told by its fields."""
    context.time_base = spec.time_base
    context.width, context.height, context.pix_fmt = spec.width, spec.height, spec.pixel_format
    context.sample_aspect_ratio = spec.sample_aspect
    context.color_primaries, context.color_trc = spec.colour.primaries, spec.colour.transfer
    context.colorspace, context.color_range = spec.colour.matrix, 2 if spec.colour.full_range else 1
    context.codec_tag = TAG[spec.codec]
    context.gop_size = spec.keyframe_every
    context.thread_count = threads
    # PyAV's default of slice threads would cut each picture into slices that predict nothing from each other.
    context.thread_type = "AUTO"
    context.flags |= Flags.frame_duration
