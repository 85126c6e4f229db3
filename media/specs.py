"""How a source is written again: the nearest MP4 can come to it, with a notice for whatever it cannot keep."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import DataStream, Stream
from av.video.format import VideoFormat

from media.encode import AudioSpec, Colour, VideoSpec, aac_layout, timescale
from media.errors import InputError
from media.probe import display_matrix
from media.side.tags import language_of, title_of
from media.source import is_picture
from media.timeline import Timeline, layout_name
from media.types import Notices

_KEYFRAME_SECONDS = 4
_BT709 = Colour(1, 1, 1)
HDR_SIDE_DATA = ("MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL", "DYNAMIC_HDR_PLUS", "DOVI_METADATA")
_SIDE = {
    "subtitle": ("subtitles_dropped", "Subtitle tracks are not carried over."),
    "picture": ("cover_dropped", "The attached picture is not carried over."),
    "chapters": ("chapters_dropped", "Chapter marks are not carried over."),
}
SIDE_LOSSES = frozenset(code for code, _ in _SIDE.values())
"""Codes of notices about what `media.side` carries over."""
_LOSSES = {
    "data": ("data_dropped", "Data tracks (such as timecode) are not carried over."),
    "attachment": ("data_dropped", "Attached files are not carried over."),
}


def video_spec(time: Timeline, frame: av.VideoFrame, notices: Notices) -> VideoSpec:
    """H.264 for 8 bits, HEVC Main 10 for more; 4:2:0, even sides; colour, aspect, rotation and scan kept.

    Raises:
        InputError: too_small when the picture has no even side of two pixels.
    """
    if time.video is None or frame.width < 2 or frame.height < 2:
        raise InputError("unsupported_format", "The picture is too small to be encoded.")
    if frame.width % 2 or frame.height % 2:
        notices.add("odd_size", "The picture lost a row or column of pixels: encoders need even sides.")
    if frame.interlaced_frame:
        notices.add("interlaced", "The source is interlaced; it is kept so.")
    if any(kind in frame.side_data for kind in HDR_SIDE_DATA):
        notices.add("hdr_metadata_dropped", "HDR mastering data is not carried over; the colour tags are.")
    deep = frame.format.components[0].bits > 8
    scan: Literal["progressive", "interlaced"] = "interlaced" if frame.interlaced_frame else "progressive"
    return VideoSpec(
        width=frame.width // 2 * 2,
        height=frame.height // 2 * 2,
        time_base=timescale(time.video.time_base or Fraction(1, 90_000)),
        rate=time.rate,
        codec="hevc" if deep else "h264",
        pixel_format=_pixel_format(frame.format, notices),
        colour=_colour(frame),
        sample_aspect=time.video.sample_aspect_ratio or Fraction(1),
        matrix=display_matrix(frame),
        scan=scan,
        keyframe_every=max(round(time.rate * _KEYFRAME_SECONDS), 12),
    )


def audio_spec(stream: AudioStream, notices: Notices) -> AudioSpec:
    """One AAC track with the rate, layout, language and title of the source's."""
    layout = layout_name(stream)
    if aac_layout(layout) is None:
        notices.add("audio_downmixed", f"Sound in the layout “{layout}” is mixed down to stereo.")
    return AudioSpec(rate=stream.rate, layout=layout, language=language_of(stream), title=title_of(stream))


def note_losses(
    container: InputContainer, time: Timeline, notices: Notices, *, side: Literal["kept", "dropped"] = "dropped"
) -> None:
    """Notice every stream that will not be written.

    Subtitles, attached pictures and chapters are among them unless they are `kept`: then what carries them over tells
    what it cannot.
    """
    used = {stream.index for stream in (time.video, *time.audio) if stream is not None}
    chapters = len(container.chapters())
    for stream in container.streams:
        if stream.index in used or _holds_chapters(container, stream, chapters):
            continue
        kind = "picture" if stream.type == "video" and is_picture(stream) else stream.type
        if kind == "video":
            notices.add("video_dropped", "Only the main picture is kept; further video tracks are not.")
        elif kind == "audio":
            notices.add("audio_dropped", "A sound track in an unknown format is not carried over.")
        elif kind not in _SIDE:
            notices.add(*_LOSSES.get(kind, _LOSSES["data"]))
        elif side == "dropped":
            notices.add(*_SIDE[kind])
    if chapters and side == "dropped":
        notices.add(*_SIDE["chapters"])


def _holds_chapters(container: InputContainer, stream: Stream, count: int) -> bool:
    """Whether this is the text track in which MP4 and MOV keep the titles of their chapters."""
    return (
        isinstance(stream, DataStream)
        and stream.name == "bin_data"
        and stream.frames == count > 0
        and (container.format.name.startswith("mov"))
    )


def _pixel_format(shape: VideoFormat, notices: Notices) -> str:
    bits = shape.components[0].bits
    colour = len(shape.components) > 2 or shape.has_palette
    subsampled = shape.chroma_width(2) == 1 and shape.chroma_height(2) == 1
    if bits > 10 or (colour and not subsampled) or any(part.is_alpha for part in shape.components):
        notices.add("pixel_format_converted", f"The pixel format {shape.name} is converted to 4:2:0.")
    if bits > 8:
        return "yuv420p10le"
    # The “j” formats are FFmpeg's old way to say full range.
    return "yuvj420p" if shape.name.startswith("yuvj") else "yuv420p"


def _colour(frame: av.VideoFrame) -> Colour:
    if frame.format.is_rgb or frame.format.has_palette:
        return _BT709
    full = frame.color_range == 2 or frame.format.name.startswith("yuvj")
    return Colour(frame.color_primaries, frame.color_trc, frame.colorspace, full)
