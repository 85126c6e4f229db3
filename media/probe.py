"""Probe: what a file is, from its headers and one decoded frame."""

from __future__ import annotations

import os
import struct
from fractions import Fraction
from itertools import pairwise
from typing import Any, BinaryIO, cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import ArgumentError, InvalidDataError
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from media import images
from media.errors import InputError
from media.facts import (
    MATRICES,
    PRIMARIES,
    RANGES,
    TRANSFERS,
    AudioFacts,
    Hdr,
    MediaInfo,
    StreamFacts,
    VideoFacts,
)
from media.source import is_image, is_picture, open_source
from media.timeline import Timeline, layout_name, timeline
from media.types import DEFAULT_LIMITS, Limits

_HDR: dict[int, Hdr] = {16: "PQ", 18: "HLG"}
_WEB_CODECS = {"vp8", "vp9", "av1", "vorbis", "opus"}
_DECODERS = {"libdav1d": "av1", "libvpx": "vp8", "libvpx-vp9": "vp9", "mp3float": "mp3", "libopus": "opus"}
# Frames whose distances decide whether the rate is variable.
_RATE_SAMPLE = 5_000
# How far to look for a first frame that decodes.
_FIRST_FRAME_PACKETS = 500
_INTERLACED_ORDERS = {2, 3, 4, 5}


def probe(source: BinaryIO, limits: Limits = DEFAULT_LIMITS) -> MediaInfo:
    """Read the facts of a video, a sound file, or an image.

    Decodes one frame of the main stream, so that a file that probes well can be worked on.

    Raises:
        InputError: as `open_source`, and unsupported_codec, damaged_file (nothing decodes).
    """
    if is_image(source):
        return images.probe(source, limits)
    with open_source(source, limits) as container:
        time = timeline(container)
        limits.check_duration(time.duration)
        frame = first_frame(container, time.video) if time.video is not None else None
        if time.video is None:
            first_frame(container, time.audio[0])
        return MediaInfo(
            kind="audio" if time.video is None else "video",
            container=_container_name(container),
            size=source.seek(0, os.SEEK_END),
            duration=time.duration,
            start_time=time.origin,
            bit_rate=container.bit_rate or None,
            title=container.metadata.get("title"),
            video=None if time.video is None else time.video.index,
            audio=time.audio[0].index if time.audio else None,
            streams=tuple(_facts(stream, time, frame) for stream in container.streams),
        )


def first_frame(container: InputContainer, stream: VideoStream | AudioStream) -> av.VideoFrame | None:
    """Decode the first frame of a stream; the container is left somewhere after it. None for sound.

    Raises:
        InputError: damaged_file when none of the first packets decodes.
    """
    for count, packet in enumerate(container.demux(stream)):
        try:
            frames = packet.decode()
        except (InvalidDataError, ArgumentError):
            frames = []
        for frame in frames:
            return frame if isinstance(frame, av.VideoFrame) else None
        if count > _FIRST_FRAME_PACKETS:
            break
    raise InputError("damaged_file", "The file is damaged: none of its frames can be decoded.")


def display_matrix(frame: av.VideoFrame) -> tuple[int, ...] | None:
    """The nine integers of the display matrix, row by row (ISO/IEC 14496-12, 8.3.2), or None when there is none."""
    data = frame.side_data.get("DISPLAYMATRIX")
    return None if data is None else struct.unpack("=9i", bytes(cast(Any, data)))


def _facts(stream: Stream, time: Timeline, frame: av.VideoFrame | None) -> StreamFacts:
    context = stream.codec_context
    unit = stream.time_base or Fraction(0)
    common: dict[str, Any] = {
        "index": stream.index,
        "type": stream.type,
        "codec": None if context is None else _DECODERS.get(context.name, context.name),
        "profile": stream.profile,
        "language": None if stream.language in {None, "und"} else stream.language,
        "title": stream.metadata.get("title") or _handler(stream.metadata.get("handler_name")),
        "default": bool(stream.disposition & Disposition.default),
        "start_time": None if stream.start_time is None else stream.start_time * unit,
        "duration": None if stream.duration is None else stream.duration * unit,
        "bit_rate": (context.bit_rate or None) if context is not None else None,
    }
    if isinstance(stream, VideoStream) and context is not None:
        return _video_facts(stream, frame if stream is time.video else None, common)
    if isinstance(stream, AudioStream) and context is not None:
        return AudioFacts(
            **common,
            sample_rate=stream.rate,
            channels=stream.layout.nb_channels,
            layout=layout_name(stream),
        )
    return StreamFacts(**common)


def _video_facts(stream: VideoStream, frame: av.VideoFrame | None, common: dict[str, Any]) -> VideoFacts:
    context = stream.codec_context
    matrix = display_matrix(frame) if frame is not None else None
    rotation = -frame.rotation % 360 if frame is not None else 0
    aspect = stream.sample_aspect_ratio or Fraction(1)
    shown = (round(context.width * aspect), context.height)
    shape = frame.format if frame is not None else context.format
    transfer = (frame.color_trc if frame is not None else 2) if context.color_trc == 2 else context.color_trc
    return VideoFacts(
        **common,
        width=context.width,
        height=context.height,
        display_width=shown[rotation % 180 == 90],
        display_height=shown[rotation % 180 != 90],
        rotation=rotation,
        mirrored=matrix is not None and matrix[0] * matrix[4] - matrix[1] * matrix[3] < 0,
        sample_aspect=aspect,
        frame_rate=stream.average_rate,
        nominal_rate=stream.guessed_rate,
        variable=None if is_picture(stream) else _is_variable(stream),
        frames=stream.frames or None,
        pixel_format=None if shape is None else shape.name,
        bit_depth=None if shape is None else shape.components[0].bits,
        colour_primaries=PRIMARIES.get(context.color_primaries),
        colour_transfer=TRANSFERS.get(transfer),
        colour_matrix=MATRICES.get(context.colorspace),
        colour_range=RANGES.get(context.color_range),
        hdr=_HDR.get(transfer),
        interlaced=context.field_order in _INTERLACED_ORDERS or (frame is not None and frame.interlaced_frame),
        attached_picture=is_picture(stream),
    )


def _is_variable(stream: VideoStream) -> bool | None:
    """Compare the distances of the container's index; without one, the average rate with the nominal rate."""
    entries = stream.index_entries
    if len(entries) > 2 and len(entries) >= stream.frames > 0:
        times = [entry.timestamp for entry in entries[:_RATE_SAMPLE]]
        steps = [later - earlier for earlier, later in pairwise(times)]
        # A tick of rounding is no variation.
        return max(steps) - min(steps) > 1
    if not stream.average_rate or not stream.base_rate:
        return None
    return abs(stream.average_rate / stream.base_rate - 1) > Fraction(1, 100)


def _container_name(container: InputContainer) -> str:
    name = container.format.name
    if name.startswith("mov,"):
        return "mov" if container.metadata.get("major_brand", "qt  ").strip() == "qt" else "mp4"
    if name.startswith("matroska"):
        codecs = {
            _DECODERS.get(s.codec_context.name, s.codec_context.name) for s in container.streams if s.codec_context
        }
        return "webm" if codecs <= _WEB_CODECS else "matroska"
    return name


def _handler(name: str | None) -> str | None:
    """MP4 keeps track titles in the handler name, where most writers leave their own."""
    return None if name is None or "handler" in name.lower() or not name.isprintable() else name
