"""All the sound of a track in few large pieces, for what only wants to look at it: no cut, no seek, no second track.

`media.decode.Reader` gives out each frame of a decoder by itself, some twenty milliseconds, and what Python does for
each of them costs more than decoding it.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import ArgumentError, EOFError, InvalidDataError
from av.packet import Packet

from media.errors import InputError
from media.packets import packets
from media.samples import MAX_CHANNELS, float_format, to_array
from media.timeline import Timeline, layout_name
from media.types import Samples
from media.watchdog import Watchdog

_AT_ONCE = 1 << 15
_TOLERANCE = Fraction(1, 100)
"""Seconds: timestamps of some containers are rounded to a millisecond; only a larger gap than this is a gap."""


def sound_of(container: InputContainer, line: Timeline) -> Iterator[Samples]:
    """The main track from the presentation start to its end (`line.duration`), contiguous, of shape (channels, count).

    Gaps become silence, also one at the end, and overlaps are dropped, as `media.sound` has it. The container is a
    freshly opened one, of which only this track is read.

    Raises:
        InputError: too_many_channels, no_progress, times_jump_back, damaged_file (nothing decodes).
    """
    left = round(line.duration * line.audio[0].rate)
    for samples in _pieces(container, line):
        yield samples[:, :left]
        left = max(left - samples.shape[1], 0)
    yield from _silence(line.audio[0].layout.nb_channels, left)


def _pieces(container: InputContainer, line: Timeline) -> Iterator[Samples]:
    track = line.audio[0]
    if track.layout.nb_channels > MAX_CHANNELS:
        raise InputError("too_many_channels", f"A sound track has more than {MAX_CHANNELS} channels.")
    joiner = _Joiner(track)
    unit, heard = track.time_base or Fraction(1, track.rate), False
    # In whole numbers: a fraction for each frame would cost as much as all the rest.
    ticks, samples = (unit * track.rate).as_integer_ratio()[::-1]
    origin, tolerance = round(line.origin * track.rate), int(_TOLERANCE * track.rate)
    for frame in _frames(container, track):
        stamp = frame.dts if frame.pts is None else frame.pts
        gap = 0 if stamp is None else (stamp * samples + ticks // 2) // ticks - origin - joiner.count
        yield from joiner.take(frame, gap if abs(gap) > tolerance or not heard else 0)
        heard = True
    if not heard:
        raise InputError("damaged_file", "The file is damaged: none of its sound can be decoded.")
    yield from joiner.rest()


class _Joiner:
    """Joins frames to large pieces; `count` samples have been taken."""

    def __init__(self, track: AudioStream) -> None:
        self._channels, self._rate, self._layout = track.layout.nb_channels, track.rate, layout_name(track)
        self._resampler = self._made()
        self.count = 0

    def take(self, frame: av.AudioFrame, gap: int) -> Iterator[Samples]:
        """The frame comes `gap` samples after what was taken, or so many before its end."""
        frame.pts = None
        if gap:
            yield from self.rest()
            self.count += max(gap, 0)
            yield from _silence(self._channels, gap)
        if gap >= 0:
            self.count += frame.samples
            yield from (to_array(out) for out in self._resampler.resample(frame))
            return
        pieces = [to_array(out) for out in (*self._resampler.resample(frame), *self._resampler.resample(None))]
        self._resampler = self._made()
        for piece in pieces:
            late = piece[:, max(-gap, 0) :]
            gap = min(gap + piece.shape[1], 0)
            self.count += late.shape[1]
            yield late

    def rest(self) -> Iterator[Samples]:
        """What waits to be joined to more."""
        yield from (to_array(out) for out in self._resampler.resample(None))
        self._resampler = self._made()

    def _made(self) -> av.AudioResampler:
        return av.AudioResampler(float_format(self._channels), self._layout, self._rate, frame_size=_AT_ONCE)


def _silence(channels: int, count: int) -> Iterator[Samples]:
    while count > 0:
        yield np.zeros((channels, min(count, _AT_ONCE)), np.float32)
        count -= _AT_ONCE


def _frames(container: InputContainer, track: AudioStream) -> Iterator[av.AudioFrame]:
    watchdog = Watchdog()
    for packet in packets(container, track):
        # The decoder is drained at the end.
        if not packet.size:
            continue
        watchdog.read(packet)
        frames = _decoded(track, packet)
        watchdog.decoded(packet, len(frames))
        yield from frames
    yield from _decoded(track, None)


def _decoded(track: AudioStream, packet: Packet[Any] | None) -> list[av.AudioFrame]:
    try:
        return track.decode(packet)
    except (InvalidDataError, ArgumentError, EOFError):
        return []
