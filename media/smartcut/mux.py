"""Writes finished samples into one MP4: copied and encoded pictures in one track, sound beside them."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
from av.audio.stream import AudioStream
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from media.encode import AudioSpec, AudioTrack, engine_errors, timescale
from media.side.tags import language_of, title_of
from media.smartcut.errors import NotCuttable

# Sound may lag behind an edge that is encoded while no sound is read.
_INTERLEAVE_MICROSECONDS = 60_000_000
# Fine enough for the edit lists that hide decoder delays.
_MOVIE_TIMESCALE = 90_000
_WRITE_BUFFER = 1 << 20


class Output:
    """A context manager that writes one MP4 file, whole or not at all; add every track before the first sample.

    Raises:
        EngineError: `encode_failed` when the muxer refuses.
        OSError: the disk is full or the target cannot be written.
    """

    def __init__(self, target: Path, *, title: str | None = None) -> None:
        self._target = target
        self._file = target.open("wb", buffering=0)
        self.container = av.open(
            self._file,
            "w",
            format="mp4",
            container_options={
                "movie_timescale": str(_MOVIE_TIMESCALE),
                "max_interleave_delta": str(_INTERLEAVE_MICROSECONDS),
            },
            buffer_size=_WRITE_BUFFER,
        )
        if title:
            self.container.metadata["title"] = title

    def pictures(
        self, template: VideoStream, *, tag: str, extradata: bytes, delay: int, rate: Fraction
    ) -> PictureTrack:
        """Add the picture track: like `template`, with its display matrix, under one sample entry."""
        return PictureTrack(self.container, template, tag=tag, extradata=extradata, delay=delay, rate=rate)

    def sound(self, template: AudioStream) -> SoundTrack:
        """Add a sound track of copied packets."""
        return SoundTrack(self.container, template)

    def encoded_sound(self, spec: AudioSpec) -> AudioTrack:
        """Add a sound track that is encoded."""
        return AudioTrack(self.container, spec)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        finished = False
        try:
            if error is None:
                with engine_errors():
                    self.container.close()
                finished = True
        finally:
            # A closed file makes PyAV skip the trailer of a file that is given up.
            self._file.close()
            if not finished:
                self.container.close()
                self._target.unlink(missing_ok=True)


class PictureTrack:
    """Samples in decoding order with presentation times; decoding times are the sorted presentation times, `delay`
    frames early, which is the least any player needs."""

    def __init__(
        self,
        container: av.container.OutputContainer,
        template: VideoStream,
        *,
        tag: str,
        extradata: bytes,
        delay: int,
        rate: Fraction,
    ) -> None:
        self._container = container
        self.time_base = unit_of(template)
        self._stream = container.add_stream_from_template(template)
        context = self._stream.codec_context
        context.extradata = extradata
        context.codec_tag = tag
        aspect = template.sample_aspect_ratio
        if aspect:
            context.sample_aspect_ratio = aspect
        self._stream.time_base = self.time_base
        self._delay = delay
        self._step = max(round(1 / rate / self.time_base), 1)
        self._waiting: list[int] = []
        self.frames = 0

    def write(self, data: bytes, pts: int, duration: int, *, key: bool) -> None:
        """Write a sample shown from `pts` for `duration` ticks of `time_base`.

        Raises:
            NotCuttable: reorder_changes when pictures are reordered further than the source said.
        """
        dts = self._decoding_time(pts)
        if dts > pts:
            raise NotCuttable("reorder_changes", "The source reorders its pictures further than it declares.")
        packet = sample(data, self._stream, pts, duration)
        packet.dts, packet.is_keyframe, packet.time_base = dts, key, self.time_base
        _mux(self._container, packet)
        self.frames += 1

    def _decoding_time(self, pts: int) -> int:
        if self.frames < self._delay:
            heapq.heappush(self._waiting, pts)
            return self._waiting[0] - (self._delay - self.frames) * self._step
        return heapq.heappushpop(self._waiting, pts)


class SoundTrack:
    """Copied packets at sample-exact times; what lies before 0 is hidden by the edit list."""

    def __init__(self, container: av.container.OutputContainer, template: AudioStream) -> None:
        self._container = container
        self._stream = container.add_stream_from_template(template)
        self.time_base = Fraction(1, template.rate)
        self._stream.time_base = self.time_base
        language, title = language_of(template), title_of(template)
        if language:
            self._stream.metadata["language"] = language
        if title:
            self._stream.metadata.update(title=title, handler_name=title)

    def write(self, data: bytes, pts: int, duration: int) -> None:
        """Write a packet that begins at sample `pts` and lasts `duration` samples."""
        packet = sample(data, self._stream, pts, duration)
        packet.time_base = self.time_base
        _mux(self._container, packet)


@contextmanager
def removed_on_error(target: Path) -> Iterator[None]:
    """Remove a finished file that turns out to be no good."""
    with ExitStack() as undo:
        undo.callback(target.unlink, missing_ok=True)
        yield
        undo.pop_all()


def unit_of(stream: VideoStream) -> Fraction:
    """The time base in which pictures of `stream` are written."""
    return timescale(stream.time_base or Fraction(1, 90_000))


def _mux(container: av.container.OutputContainer, packet: Packet[Any]) -> None:
    # Entering a context manager for each of a hundred thousand packets would cost as much as the muxer itself.
    try:
        container.mux_one(packet)
    except FFmpegError:
        with engine_errors():
            raise


def sample(data: bytes, stream: VideoStream | AudioStream, pts: int, duration: int) -> Packet[Any]:
    """A packet for the muxer, without the side data that the source's packet had for its decoder."""
    packet: Packet[Any] = Packet(data)
    packet.stream = stream
    packet.pts = packet.dts = pts
    packet.duration = duration
    packet.is_keyframe = True
    return packet
