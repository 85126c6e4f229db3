"""Writers of MP4: H.264 or HEVC pictures and AAC sound, on exact times, whole or not at all.

    with Mp4Writer(target) as writer:
        video = writer.video(VideoSpec(width=1280, height=720, time_base=Fraction(1, 90000), rate=Fraction(30)))
        audio = writer.audio(AudioSpec(rate=48000, layout="stereo"))
        video.write(frame, time)     # any size and pixel format; constant or variable rate
        audio.write(samples)         # contiguous from 0

Pictures and sound start at 0; the AAC encoder's priming (1024 samples) lies before 0 and the MP4 edit list hides it,
so that sample n plays at n / rate. When the block is left by an exception the target file is removed.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal, Self, cast

import av
import numpy as np
from av.audio.stream import AudioStream
from av.error import FFmpegError
from av.packet import Packet
from av.video.frame import PictureType
from av.video.stream import VideoStream

from media.encoders import ENCODER, TAG, configure, encoder_options
from media.errors import EngineError, InputError
from media.fit import Fitter
from media.samples import to_frame
from media.shown import Shown
from media.types import Samples

AUDIO_BIT_RATE = 80_000
"""Bits per second and channel."""
MIN_TIMESCALE = 10_000
MAX_TIMESCALE = 1_000_000
AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_AAC_LAYOUTS = {name: name for name in ("mono", "stereo", "3.0", "4.0", "5.0", "5.1", "7.1", "7.1(wide)")}
# AC-3 calls its surrounds side channels, AAC calls the same ones back channels.
_AAC_LAYOUTS |= {"5.0(side)": "5.0", "5.1(side)": "5.1"}
_WRITE_BUFFER = 1 << 20


@dataclass(frozen=True, slots=True)
class Colour:
    """Colour description as H.273 code points (2 is “unspecified”); `full` range or not."""

    primaries: int = 2
    transfer: int = 2
    matrix: int = 2
    full_range: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoSpec:
    """How pictures are written.

    `width` and `height` are even, as stored (before rotation). `time_base` is the unit frame times are rounded to,
    `rate` the nominal frames per second (a hint to the encoder, not a constraint). `matrix` is the nine-integer
    display matrix of the MP4 track header, when the picture is shown turned or mirrored. H.264 takes at most `max_rate`
    bits a second, and those of one second more at once; then it is repeatable with one thread alone. Keyframes stand
    where the encoder finds a new scene, unless all of them are told to it.
    """

    width: int
    height: int
    time_base: Fraction
    rate: Fraction
    codec: Literal["h264", "hevc"] = "h264"
    pixel_format: str = "yuv420p"
    colour: Colour = field(default_factory=Colour)
    sample_aspect: Fraction = Fraction(1)
    matrix: tuple[int, ...] | None = None
    scan: Literal["progressive", "interlaced"] = "progressive"
    crf: int | None = None
    preset: str | None = None
    keyframe_every: int = 250
    keyframes: Literal["found", "told"] = "found"
    max_rate: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioSpec:
    """One AAC track; `rate` and `layout` are those of the samples given, converted where AAC has no such thing."""

    rate: int
    layout: str = "stereo"
    bit_rate: int | None = None
    language: str | None = None
    title: str | None = None


def timescale(time_base: Fraction) -> Fraction:
    """A time base that holds every multiple of `time_base` exactly and is fine enough to place cuts (≥ 1/10000 s)."""
    ticks = time_base.denominator * math.ceil(MIN_TIMESCALE / time_base.denominator)
    return Fraction(1, ticks if ticks <= MAX_TIMESCALE else 90_000)


class Mp4Writer:
    """A context manager that writes one MP4 file; add every track before the first write.

    Raises:
        EngineError: `encode_failed` when the encoder or the muxer refuses.
        OSError: the disk is full or the target cannot be written.
    """

    def __init__(
        self, target: Path, *, index: Literal["front", "end"] = "front", threads: int = 0, title: str | None = None
    ) -> None:
        self._target = target
        self._threads = threads
        self._tracks: list[VideoTrack | AudioTrack | CopyTrack] = []
        self._file = target.open("wb")
        self.container = av.open(
            _Sink(self._file),
            "w",
            format="mp4",
            # Edit lists count in the movie's time scale, a thousandth of a second by default.
            # A subtitle on show for long must not part sound from picture.
            container_options={"movie_timescale": "90000", "max_interleave_delta": "30000000"}
            | ({"movflags": "+faststart"} if index == "front" else {}),
            buffer_size=_WRITE_BUFFER,
            io_open=self._read_back,
        )
        if title:
            self.container.metadata["title"] = title

    def video(self, spec: VideoSpec) -> VideoTrack:
        """Add a video track."""
        track = VideoTrack(self.container, spec, self._threads)
        self._tracks.append(track)
        return track

    def audio(self, spec: AudioSpec) -> AudioTrack:
        """Add an AAC track."""
        track = AudioTrack(self.container, spec)
        self._tracks.append(track)
        return track

    def copy(self, stream: VideoStream | AudioStream) -> CopyTrack:
        """Add a track that takes the packets of `stream` as they are.

        Raises:
            InputError: `unsupported_codec` when MP4 has no place for its codec.
        """
        track = CopyTrack(self.container, stream)
        self._tracks.append(track)
        return track

    def _read_back(self, url: str, flags: int, options: dict[str, str]) -> BinaryIO:  # noqa: ARG002
        # Moving the index to the front reads the file while it is written.
        self._file.flush()
        return self._target.open("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        finished = False
        try:
            if error is None:
                with engine_errors():
                    for track in self._tracks:
                        track.finish()
                    self.container.close()
                self._file.close()
                finished = True
        finally:
            if not finished:
                self._give_up()

    def _give_up(self) -> None:
        try:
            # Closed, it makes PyAV skip the trailer.
            self._file.close()
        finally:
            self.container.close()
            self._target.unlink(missing_ok=True)


class VideoTrack:
    """Pictures in presentation order, at times rounded to `base` (seconds)."""

    def __init__(self, container: av.container.OutputContainer, spec: VideoSpec, threads: int) -> None:
        self._container = container
        self.base, self._nominal = spec.time_base, 1 / spec.rate
        stream = container.add_stream(ENCODER[spec.codec], rate=spec.rate, options=encoder_options(spec, threads))
        self._stream = cast(av.VideoStream, stream)
        self._stream.time_base = spec.time_base
        configure(self._stream.codec_context, spec, threads)
        if spec.matrix is not None:
            self._stream.set_display_matrix(spec.matrix)
        self._fit = Fitter(spec.width, spec.height, spec.pixel_format)
        self._last, self._end = -1, 0
        self._ticks = array("q")
        self._held: av.Packet[Any] | None = None
        self._span: tuple[int, int] | None = None
        self._decoded = -(1 << 62)
        self.packets = self.frames = 0

    @property
    def shown(self) -> Shown:
        """When the pictures that were written are shown."""
        return Shown(self._ticks, self._end)

    def write(
        self,
        frame: av.VideoFrame,
        time: Fraction,
        duration: Fraction | None = None,
        *,
        kind: Literal["any", "key"] = "any",
    ) -> None:
        """Encode a frame shown from `time` (seconds from 0, rising), as a keyframe if `kind` says so.

        A frame lasts until the next one; `duration` counts for the last frame (default: one frame of the nominal rate).
        A frame that would round onto its predecessor moves one tick on.
        """
        pts = max(round(time / self.base), self._last + 1)
        self._last = pts
        self._ticks.append(pts)
        self._end = max(round((time + (duration or self._nominal)) / self.base), pts + 1)
        with engine_errors():
            frame.pts, frame.time_base = pts, self.base
            fitted = self._fit(frame)
            fitted.pts, fitted.time_base = pts, self.base
            # Left as decoded, the picture type would force the source's I-frames on the encoder.
            fitted.pict_type = PictureType.I if kind == "key" else PictureType.NONE
            self._mux(self._stream.encode(fitted))
        self.frames += 1

    def finish(self) -> None:
        """Flush the encoder."""
        if not self.frames:
            return
        self._mux(self._stream.encode(None))
        if self._held is not None:
            self._emit(self._held, is_end=True)
        if self.packets != self.frames:
            raise EngineError("frame_count", f"{self.frames} frames went in, {self.packets} came out of the encoder.")

    def _mux(self, packets: list[av.Packet[Any]]) -> None:
        # One packet is held back, so that the last one is known.
        for packet in packets:
            if self._held is not None:
                self._emit(self._held)
            self._held = packet

    def _emit(self, packet: av.Packet[Any], *, is_end: bool = False) -> None:
        # MP4 takes the length of the edit list from the last frame, and that of the track from the distances in
        # decoding order. Encoders derive decoding times from frame times some frames apart; where these are uneven
        # (slides), the track would come out too long or too short. Both ends are therefore set to one fixed delay.
        pts, dts = packet.pts or 0, packet.dts or 0
        first = pts if self._span is None else self._span[0]
        ahead = self._stream.codec_context.reorder_depth - self.packets
        if ahead > 0:
            dts = max(dts, first - ahead * max(round(self._nominal / self.base), 1))
        if self._span is None:
            self._span = (pts, dts)
        shown = self._end - pts
        if is_end:
            left = (self._end - self._span[0]) - (dts - self._span[1])
            shown = shown if pts == self._last else min(max(left, 1), shown)
            dts = max(self._decoded + 1, dts + left - shown)
        if is_end or pts == self._last:
            packet.duration = shown
        packet.dts = self._decoded = dts
        self._container.mux(packet)
        self.packets += 1


def aac_layout(layout: str) -> str | None:
    """The layout in which AAC holds the channels of one, all of them in their places; None where it cannot."""
    return _AAC_LAYOUTS.get(layout)


class AudioTrack:
    """Sound as contiguous samples from time 0."""

    def __init__(self, container: av.container.OutputContainer, spec: AudioSpec) -> None:
        self._container = container
        self.rate, self.layout = spec.rate, spec.layout
        rate = spec.rate if spec.rate in AAC_RATES else 48_000
        self._stream = container.add_stream("aac", rate=rate)
        context = self._stream.codec_context
        context.layout = aac_layout(spec.layout) or "stereo"
        context.bit_rate = spec.bit_rate or AUDIO_BIT_RATE * context.channels
        context.time_base = self._stream.time_base = Fraction(1, rate)
        self._stream.metadata.update(_tags(spec))
        self.samples = 0

    def write(self, samples: Samples) -> None:
        """Append float samples in -1 … 1 of shape (channels, count), at the rate and layout of the spec."""
        if samples.shape[1] == 0:
            return
        with engine_errors():
            frame = to_frame(samples, self.layout)
            frame.sample_rate = self.rate
            frame.pts, frame.time_base = self.samples, Fraction(1, self.rate)
            self._container.mux(self._stream.encode(frame))
        self.samples += samples.shape[1]

    def write_silence(self, count: int) -> None:
        """Append `count` samples of silence."""
        channels = av.AudioLayout(self.layout).nb_channels
        while count > 0:
            chunk = min(count, self.rate)
            self.write(np.zeros((channels, chunk), np.float32))
            count -= chunk

    def finish(self) -> None:
        """Flush the encoder."""
        if self.samples:
            self._container.mux(self._stream.encode(None))


class CopyTrack:
    """Packets as they were, on the clock they had; decoding order, as a demuxer gives them."""

    def __init__(self, container: av.container.OutputContainer, stream: VideoStream | AudioStream) -> None:
        self._container = container
        try:
            self._stream = container.add_stream_from_template(stream, opaque=True)
        except ValueError as error:
            name = stream.codec_context.name
            raise InputError("unsupported_codec", f"MP4 cannot hold {stream.type} in the format {name}.") from error
        self._stream.metadata.update(stream.metadata)
        self._stream.disposition = stream.disposition
        if isinstance(self._stream, VideoStream):
            self._stream.codec_context.codec_tag = TAG.get(stream.codec_context.name, "\0\0\0\0")

    def write(self, packet: Packet[Any]) -> None:
        """Append a packet."""
        packet.stream = self._stream
        with engine_errors():
            self._container.mux(packet)

    def finish(self) -> None:
        """Nothing is held back."""


@contextmanager
def engine_errors() -> Iterator[None]:
    """Tell FFmpeg's trouble with what we write from its trouble with what the user gave us."""
    try:
        yield
    except FFmpegError as error:
        raise EngineError("encode_failed", f"The encoder gave up: {error.strerror}.") from error


class _Sink:
    """The target file without its name, so that FFmpeg cannot print it."""

    def __init__(self, file: Any) -> None:
        self._file: BinaryIO = file
        self.write, self.seek, self.tell = file.write, file.seek, file.tell

    @property
    def closed(self) -> bool:
        return self._file.closed


def _tags(spec: AudioSpec) -> dict[str, str]:
    return {key: value for key, value in (("language", spec.language), ("handler_name", spec.title)) if value}
