"""Which streams of a file are presented, and where its time begins and ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from media.errors import InputError
from media.source import is_picture

FALLBACK_RATE = Fraction(25)
MAX_RATE = Fraction(240)
_USUAL_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}


@dataclass(frozen=True, slots=True)
class Timeline:
    """The presented streams. Times of the engine are seconds from `origin`, which is in the container's own time.

    `video` is the default moving picture, or the first; `audio` are all sound tracks, the default one first. Streams
    without a decoder are not among them.
    """

    video: VideoStream | None
    audio: tuple[AudioStream, ...]
    origin: Fraction
    duration: Fraction

    @property
    def rate(self) -> Fraction:
        """Nominal frames per second: a hint, 25 when the file has no idea."""
        if self.video is None:
            return FALLBACK_RATE
        rates = (self.video.guessed_rate, self.video.average_rate)
        return next((rate for rate in rates if rate and 0 < rate <= MAX_RATE), FALLBACK_RATE)


def timeline(container: InputContainer) -> Timeline:
    """Choose the streams and measure the time of a freshly opened file.

    Time begins with the earliest presented stream, as FFmpeg and players have it; encoder delay that an audio codec
    puts before zero does not move it. Where the container does not know its length, its packets are read once.

    Raises:
        InputError: `unsupported_codec` when neither picture nor sound has a decoder.
    """
    moving = [s for s in container.streams.video if not is_picture(s) and s.codec_context is not None]
    video = min(moving, key=_order, default=None)
    audio = tuple(sorted((s for s in container.streams.audio if s.codec_context is not None), key=_order))
    if video is None and not audio:
        raise InputError("unsupported_codec", "None of the streams of this file can be decoded.")
    starts = [_start(stream) for stream in audio]
    first = _start(video) if video is not None else starts[0]
    floor = min(first, Fraction(0)) if video is not None else first
    origin = min([first, *(max(start, floor) for start in starts)])
    presented: list[Stream] = [*([video] if video is not None else []), *audio]
    return Timeline(video, audio, origin, _end(container, presented) - origin)


def layout_name(stream: AudioStream) -> str:
    """The channel layout by name; where the file only counts its channels, the usual layout of that many."""
    name = stream.layout.name
    return _USUAL_LAYOUTS.get(stream.layout.nb_channels, name) if name.endswith(" channels") else name


def _order(stream: Stream) -> tuple[bool, int]:
    return not stream.disposition & Disposition.default, stream.index


def _start(stream: Stream) -> Fraction:
    return (stream.start_time or 0) * (stream.time_base or Fraction(0))


def _end(container: InputContainer, streams: Sequence[Stream]) -> Fraction:
    # Raw AAC has no clock: FFmpeg guesses its length from the bit rate of the first frames.
    if container.duration is None or container.format.name == "aac":
        return _scan(container, streams)
    ends = [_start(s) + s.duration * s.time_base for s in streams if s.duration is not None and s.time_base]
    if len(ends) == len(streams):
        return max(ends)
    return Fraction((container.start_time or 0) + container.duration, av.time_base)


def _scan(container: InputContainer, streams: Sequence[Stream]) -> Fraction:
    end = Fraction(0)
    for packet in container.demux(*streams):
        if packet.pts is not None:
            end = max(end, (packet.pts + (packet.duration or 0)) * packet.time_base)
    container.seek(0)
    return end
