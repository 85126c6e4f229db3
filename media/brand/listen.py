"""How far encoded sound is from where it was in its source, found by correlation."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.error import FFmpegError
from av.stream import Discard

from media.resample import Resampler
from media.smartcut.sync import Opened
from media.sound import SoundCutter

_RATE = 16_000
_FARTHEST = _RATE // 10
_QUIET = 1e-3
"""Root mean square of what is too quiet to be told from silence."""
_ALIKE = 0.5
_AS_ALIKE = 0.98
_RUN_UP = Fraction(3, 10)

Track = tuple[Opened, AudioStream]
Wave = npt.NDArray[np.float32]


def sound_offset(given: Track, made: Track, start: Fraction, end: Fraction, *, shift: Fraction) -> Fraction | None:
    """Seconds by which what is heard in `made` from second `start` to `end` comes later than `shift` seconds after
    `given`; at most a tenth of one. None where there is too little sound, or other sound.
    """
    one, other = _mono(*made, start, end), _mono(*given, start - shift, end - shift)
    count = min(len(one), len(other))
    return None if count < 2 * _FARTHEST else _lag(one[:count], other[:count])


def _lag(one: Wave, other: Wave) -> Fraction | None:
    size = 2 * len(one)
    energy = math.sqrt(float((one**2).sum()) * float((other**2).sum()))
    if energy < _QUIET**2 * len(one):
        return None
    spectrum = np.fft.rfft(one, size) * np.conj(np.fft.rfft(other, size))
    scores = np.roll(np.fft.irfft(spectrum, size), _FARTHEST)[: 2 * _FARTHEST + 1] / energy
    best = scores.max()
    if best < _ALIKE:
        return None
    # A hum is like itself after every wave of it.
    lags = np.flatnonzero(scores >= best * _AS_ALIKE) - _FARTHEST
    return Fraction(int(min(lags, key=abs)), _RATE)


def _mono(file: Opened, stream: AudioStream, start: Fraction, end: Fraction) -> Wave:
    """What a track sounds like from second `start` to `end`; shorter where it ends, empty where it cannot be read."""
    container, unit, origin = file.container, stream.time_base or Fraction(1, stream.rate), file.line.origin
    for other in container.streams:
        other.discard = Discard.default if other is stream else Discard.all
    stream.codec_context.flush_buffers()
    cutter = SoundCutter(stream, start, end)
    resampler = Resampler((stream.rate, cutter.layout), (_RATE, "mono"))
    pieces: list[Wave] = [np.zeros((1, 0), np.float32)]
    try:
        container.seek(math.floor((start - _RUN_UP + origin) / unit), stream=stream)
        for packet in container.demux(stream):
            for frame in stream.decode(packet):
                if frame.pts is not None:
                    frame.time_base = unit
                    pieces += [resampler(part) for part in cutter.feed(frame, frame.pts * unit - origin)]
            if cutter.done:
                break
    except FFmpegError:
        return np.zeros(0, np.float32)
    wave: Wave = np.concatenate([*pieces, resampler.rest()], axis=1)[0]
    return wave
