"""What the engine's tests measure on finished files: frame numbers, flashes, clicks, sound lengths."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from media import barcode


def pictures(path: Path, index: int = 0) -> list[tuple[Fraction, int]]:
    """(time, burnt-in frame number) of every frame, in presentation order."""
    with av.open(str(path)) as container:
        stream = container.streams.video[index]
        return [(frame.pts * stream.time_base, barcode.read_frame(frame)) for frame in container.decode(stream)]


def numbers(path: Path) -> list[int]:
    """The burnt-in frame numbers, in presentation order."""
    return [number for _, number in pictures(path)]


def flashes(path: Path) -> list[Fraction]:
    """Times of the frames whose lower quarter is white."""
    found = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        for frame in container.decode(stream):
            luma = barcode.luma_plane(frame)
            if luma[luma.shape[0] * 7 // 8 :].mean() > 0.8 * luma.max():
                found.append(frame.pts * stream.time_base)
    return found


def sound(path: Path, index: int = 0) -> tuple[Fraction, int, np.ndarray]:
    """Start time, rate and mono samples of one audio track, placed by their timestamps."""
    pieces: dict[int, np.ndarray] = {}
    with av.open(str(path)) as container:
        stream = container.streams.audio[index]
        resampler = av.AudioResampler(format="fltp", layout="mono")
        for frame in container.decode(stream):
            start = round(frame.pts * frame.time_base * frame.sample_rate)
            pieces[start] = np.concatenate([out.to_ndarray()[0] for out in resampler.resample(frame)])
        rate = stream.rate
    first = min(pieces)
    whole = np.zeros(max(start + len(piece) for start, piece in pieces.items()) - first, np.float32)
    for start, piece in pieces.items():
        whole[start - first : start - first + len(piece)] = piece
    return Fraction(first, rate), rate, whole


def clicks(path: Path, index: int = 0, level: float = 0.25) -> list[Fraction]:
    """Times at which sound first rises above `level` after a tenth of a second below it."""
    start, rate, samples = sound(path, index)
    loud = np.nonzero(np.abs(samples) > level)[0]
    onsets = [n for i, n in enumerate(loud) if i == 0 or n - loud[i - 1] > rate // 10]
    return [start + Fraction(int(n), rate) for n in onsets]


def remux(source: Path, target: Path, *, kinds: tuple[str, ...] = ("video", "audio"), **options) -> Path:
    """Copy the packets of some streams into another container."""
    with av.open(str(source)) as given, av.open(str(target), "w", **options) as made:
        streams = {s.index: made.add_stream_from_template(s) for s in given.streams if s.type in kinds}
        for packet in given.demux(*(given.streams[index] for index in streams)):
            if packet.dts is not None:
                packet.stream = streams[packet.stream_index]
                made.mux(packet)
    return target
