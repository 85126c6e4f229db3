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
import numpy as np
from av.audio.stream import AudioStream
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from media.encode import AudioSpec, AudioTrack, engine_errors, timescale
from media.side.tags import language_of, title_of
from media.smartcut.bulk.layout import STAND_IN, Layout
from media.smartcut.bulk.moov import Run
from media.smartcut.errors import NotCuttable
from media.tables import Flags, Ints

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

    def __init__(self, target: Path, *, title: str | None = None, bulk: bool = False) -> None:
        self._target = target
        self._layout = Layout(target) if bulk else None
        self._file = target.open("wb", buffering=0) if self._layout is None else self._layout.muxed
        options = {
            "movie_timescale": str(_MOVIE_TIMESCALE),
            "max_interleave_delta": str(_INTERLEAVE_MICROSECONDS),
        }
        self.container = av.open(
            self._file,
            "w",
            format="mp4",
            # What is laid beside the muxer begins as the muxer has begun, which must have been written by then.
            container_options=options | ({"flush_packets": "1"} if bulk else {}),
            buffer_size=_WRITE_BUFFER,
        )
        if title:
            self.container.metadata["title"] = title
        self._pictures: list[PictureTrack] = []

    def pictures(
        self, template: VideoStream, *, tag: str, extradata: bytes, delay: int, rate: Fraction
    ) -> PictureTrack:
        """Add the picture track: like `template`, with its display matrix, under one sample entry."""
        track = PictureTrack(self, template, tag=tag, extradata=extradata, delay=delay, rate=rate)
        self._pictures.append(track)
        return track

    def sound(self, template: AudioStream) -> SoundTrack:
        """Add a sound track of copied packets."""
        return SoundTrack(self, template)

    def encoded_sound(self, spec: AudioSpec) -> AudioTrack:
        """Add a sound track that is encoded."""
        return AudioTrack(self.container, spec)

    def put(self, data: memoryview) -> int:
        """Lay a run of samples into a file in `bulk`, behind all samples before it; return its place."""
        assert self._layout is not None
        return self._layout.put(data)

    def runs(self, stream: Stream) -> list[Run]:
        """The list of the runs of a track, to be added to."""
        return [] if self._layout is None else self._layout.runs(track_id(stream))

    @property
    def ready(self) -> bool:
        """Whether runs can be laid: in `bulk`, and when the muxer has begun."""
        return self._layout is not None and self._layout.begun

    def muxed(self, data: bytes) -> bytes:
        """What the muxer is to get for a sample."""
        return data if self._layout is None else STAND_IN

    def lay(self, stream: Stream, time: float, data: bytes) -> None:
        """Lay a sample, which is decoded at `time` seconds, when the muxer has got what it is to get for it."""
        if self._layout is not None:
            self._layout.add(track_id(stream), time, data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        finished = False
        try:
            if error is None:
                with engine_errors():
                    for track in self._pictures:
                        track.finish()
                    self.container.close()
                if self._layout is not None:
                    self._layout.finish()
                finished = True
        finally:
            # A closed file makes PyAV skip the trailer of a file that is given up.
            self._file.close()
            if self._layout is not None:
                self._layout.close()
            if not finished:
                self.container.close()
                self._target.unlink(missing_ok=True)


class PictureTrack:
    """Samples in decoding order with presentation times; decoding times are the sorted presentation times, `delay`
    frames early, which is the least any player needs. The last sample waits for `finish`."""

    def __init__(
        self,
        output: Output,
        template: VideoStream,
        *,
        tag: str,
        extradata: bytes,
        delay: int,
        rate: Fraction,
    ) -> None:
        self._container, self._output = output.container, output
        self.time_base = unit_of(template)
        self._stream = self._container.add_stream_from_template(template)
        self._runs, self._muxed, self._first = output.runs(self._stream), 0, 0
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
        self._held: Packet[Any] | None = None
        self._start, self._before, self._end = 0, -(1 << 62), -(1 << 62)
        self.frames = 0

    def write(self, data: bytes, pts: int, duration: int, *, key: bool) -> None:
        """Write a sample shown from `pts` for `duration` ticks of `time_base`.

        Raises:
            NotCuttable: reorder_changes when pictures are reordered further than the source said.
        """
        dts = self._decoding_time(pts)
        if dts > pts:
            raise NotCuttable("reorder_changes", "The source reorders its pictures further than it declares.")
        packet = sample(self._output.muxed(data), self._stream, pts, duration)
        packet.dts, packet.is_keyframe, packet.time_base = dts, key, self.time_base
        self._flush()
        if not self.frames:
            self._first, self._start = dts, pts
        self._held, self._end = packet, max(self._end, pts + duration)
        self._output.lay(self._stream, dts * float(self.time_base), data)
        self._muxed += 1
        self.frames += 1

    @property
    def steady(self) -> bool:
        """Whether as many pictures are there as are reordered, so that runs may follow."""
        return self.frames > self._delay

    def carry(self, shown: Ints, keys: Flags, places: Ints, sizes: Ints) -> None:
        """Samples that are in the file follow: shown at ticks of `time_base`, all of them after those before them.

        Raises:
            NotCuttable: as `write`.
        """
        self._flush()
        waiting = np.sort(np.concatenate([np.array(self._waiting, np.int64), shown]))
        decoded, self._waiting = waiting[: len(shown)], waiting[len(shown) :].tolist()
        if (decoded > shown).any():
            raise NotCuttable("reorder_changes", "The source reorders its pictures further than it declares.")
        self._runs.append(Run(self._muxed, decoded - self._first, shown - self._first, keys, places, sizes))
        self._before = int(decoded[-1])
        self.frames += len(shown)

    def finish(self) -> None:
        """Write the last sample.

        Readers take the length of a track from the distances of its samples in decoding order, and pictures shown
        beyond it for lost. Where they are far apart at the end, or the last one stays, that is too short unless the
        last sample is decoded as late as it is shown, less the delay with which the track began.
        """
        packet = self._held
        if packet is None:
            return
        pts, dts, shown = packet.pts or 0, packet.dts or 0, packet.duration or 1
        missing = (self._end - self._start) - (dts - self._first) - shown
        packet.dts = min(max(dts + missing, self._before + 1), pts)
        if pts + shown < self._end:
            # Others are shown after it.
            packet.duration = max(shown + missing - (packet.dts - dts), 1)
        self._flush()

    def _flush(self) -> None:
        if self._held is not None:
            packet, self._held = self._held, None
            self._before = packet.dts or 0
            _mux(self._container, packet)

    def _decoding_time(self, pts: int) -> int:
        if self.frames < self._delay:
            heapq.heappush(self._waiting, pts)
            return self._waiting[0] - (self._delay - self.frames) * self._step
        return heapq.heappushpop(self._waiting, pts)


class SoundTrack:
    """Copied packets at sample-exact times; what lies before 0 is hidden by the edit list."""

    def __init__(self, output: Output, template: AudioStream) -> None:
        self._container, self._output = output.container, output
        self._stream = self._container.add_stream_from_template(template)
        self._runs, self._muxed, self._first = output.runs(self._stream), 0, 0
        self.samples = 0
        self.time_base = Fraction(1, template.rate)
        self._stream.time_base = self.time_base
        language, title = language_of(template), title_of(template)
        if language:
            self._stream.metadata["language"] = language
        if title:
            self._stream.metadata.update(title=title, handler_name=title)

    def write(self, data: bytes, pts: int, duration: int) -> None:
        """Write a packet that begins at sample `pts` and lasts `duration` samples."""
        packet = sample(self._output.muxed(data), self._stream, pts, duration)
        packet.time_base = self.time_base
        _mux(self._container, packet)
        self._output.lay(self._stream, pts * float(self.time_base), data)
        self._first = self._first if self._muxed else pts
        self._muxed += 1
        self.samples += 1

    def carry(self, shown: Ints, places: Ints, sizes: Ints) -> None:
        """Packets that are in the file follow: they begin at samples `shown`."""
        times = shown - self._first
        self._runs.append(Run(self._muxed, times, times, np.ones(len(times), np.bool_), places, sizes))
        self.samples += len(times)


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


def track_id(stream: Stream) -> int:
    """The number that the muxer gives to a track: it counts them as they are added, those it leaves out too."""
    return stream.index + 1


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
