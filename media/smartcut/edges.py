"""The frames between a cut and the pictures that can be copied: decoded, and encoded like the source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import chain
from typing import Any

import av
from av.error import ArgumentError, FFmpegError, InvalidDataError
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.stream import VideoStream

from media.encode import engine_errors
from media.smartcut.codec import ENCODERS, Codec
from media.smartcut.errors import NotCuttable
from media.source import decoder_options
from media.watchdog import Watchdog


def decode(packets: Iterable[Packet[Any]], stream: VideoStream, threads: int) -> Iterator[av.VideoFrame]:
    """Decode packets of `stream`, the first of which is an entry, apart from the stream's own decoder.

    What does not decode is missing from the result: callers count.

    Raises:
        InputError: no_progress.
    """
    decoder = decoder_of(stream, threads)
    watchdog = Watchdog()
    for packet in chain(packets, [None]):
        frames: list[av.VideoFrame] = []
        with suppress(InvalidDataError, ArgumentError):
            frames = decoder.decode(packet)
        watchdog.decoded(packet, len(frames))
        yield from frames


def decoder_of(stream: VideoStream, threads: int, *, headers: bytes | None = None) -> VideoCodecContext:
    """A decoder of what `stream` holds, or of the same under other `headers`."""
    context = stream.codec_context
    decoder: VideoCodecContext = av.CodecContext.create(context.name, "r")  # type: ignore[assignment]
    decoder.extradata = context.extradata if headers is None else headers
    decoder.options = decoder_options(stream)
    decoder.thread_count = threads
    decoder.thread_type = "AUTO"
    # A fresh decoder does not know yet how far frames are reordered, and would let the first ones out too early.
    decoder.reorder_depth = context.reorder_depth
    return decoder


class EdgeEncoder:
    """Encodes stretches of frames; each begins with a picture that decoding can be entered at."""

    def __init__(
        self, stream: VideoStream, codec: Codec, *, time_base: Fraction, rate: Fraction, crf: int, threads: int
    ) -> None:
        self._stream, self._codec = stream, codec
        self._time_base, self._rate = time_base, rate
        self._crf, self.threads = crf, threads
        self._encoder: VideoCodecContext | None = None

    def headers(self) -> bytes:
        """The parameter sets that every stretch is encoded under.

        Raises:
            NotCuttable: profile_not_supported, when no encoder takes the source's format.
        """
        if self._encoder is None:
            self._encoder = self._open()
        return self._encoder.extradata or b""

    def encode(self, frame: av.VideoFrame, pts: int) -> Iterator[tuple[bytes, int, bool]]:
        """Encode a frame shown at `pts` ticks; yields `(sample, pts, is entry)` in order."""
        if self._encoder is None:
            self._encoder = self._open()
        frame.pts, frame.time_base = pts, self._time_base
        # Left as decoded, the picture type would force the source's I-frames on the encoder.
        frame.pict_type = PictureType.NONE
        with engine_errors():
            packets = self._encoder.encode(frame)
        yield from self._samples(packets)

    def finish(self) -> Iterator[tuple[bytes, int, bool]]:
        """End the stretch."""
        if self._encoder is None:
            return
        encoder, self._encoder = self._encoder, None
        with engine_errors():
            packets = encoder.encode(None)
        yield from self._samples(packets)

    def _samples(self, packets: list[Packet[Any]]) -> Iterator[tuple[bytes, int, bool]]:
        for packet in packets:
            if packet.pts is not None:
                yield self._codec.edge(bytes(packet)), packet.pts, packet.is_keyframe

    def _open(self) -> VideoCodecContext:
        source = self._stream.codec_context
        encoder: VideoCodecContext = av.CodecContext.create(ENCODERS[source.name], "w")  # type: ignore[assignment]
        encoder.width, encoder.height, encoder.pix_fmt = source.width, source.height, source.pix_fmt
        encoder.time_base, encoder.framerate = self._time_base, self._rate
        encoder.sample_aspect_ratio = self._stream.sample_aspect_ratio or Fraction(1)
        encoder.color_primaries, encoder.color_trc = source.color_primaries, source.color_trc
        encoder.colorspace, encoder.color_range = source.colorspace, source.color_range
        encoder.thread_count = self.threads
        encoder.thread_type = "AUTO"
        try:
            self._codec.open_encoder(encoder, self._crf)
        except FFmpegError as error:
            raise NotCuttable(
                "profile_not_supported", f"Nothing here encodes {source.pix_fmt} as the source does."
            ) from error
        return encoder
