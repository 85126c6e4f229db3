"""Long recordings to measure on: one block of pictures and sound is encoded once, and its packets repeated.

A block is 64 s of 1080p30 H.264 (x264 medium, 4 Mb/s, B-pyramid, closed groups of 2 to 5 s) with stereo AAC, of moving
pictures that bear barcodes (`media.sample`) under grain, so that they cost bits as a camera's do. A recording repeats
the packets of the block with times that go on, and has its index at the end, as recorders write it. The packets are
real and all different within a block; frame n of the recording bears the number n modulo 1,920.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.packet import Packet
from av.video.frame import PictureType

from media.sample import SOUND_RATE, Painter, sound

CACHE = Path("bench/.cache")
RATE = Fraction(30)
SIZE = (1920, 1080)
BIT_RATE = 4_000_000
# A whole number of AAC packets (1,024 samples at 48 kHz) and of frames.
BLOCK_SECONDS = 64
PERIOD = int(BLOCK_SECONDS * RATE)
"""Frames after which barcodes start anew."""
GROUPS = (3, 5, 2, 4, 2, 5, 3, 4, 4)
"""Seconds of each group of pictures, over and over. Every eighth second is a border."""
_BORDER_SECONDS = 8
_VERSION = 1


def recording(minutes: int) -> Path:
    """A recording of so many minutes (rounded down to 8 s), from the cache or made now."""
    target = CACHE / f"recording-{minutes}min-v{_VERSION}.mp4"
    if not target.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        block = _block(CACHE / f"block-v{_VERSION}.mp4")
        print(f"Making {target} …", file=sys.stderr)
        draft = target.with_suffix(".part.mp4")
        _repeat(block, draft, minutes * 60 // _BORDER_SECONDS * _BORDER_SECONDS)
        draft.rename(target)
    return target


def warm(path: Path) -> None:
    """Read a file once, so that every measurement finds it in the page cache alike."""
    with path.open("rb") as file:
        while file.read(1 << 24):
            pass


def _block(target: Path) -> Path:
    """64 s of picture, and twice as much sound: its second half goes on from itself when repeated."""
    if target.exists():
        return target
    print(f"Encoding {target} …", file=sys.stderr)
    draft = target.with_suffix(".part.mp4")
    with av.open(str(draft), "w") as output:
        video = output.add_stream(
            "libx264",
            rate=RATE,
            options={"preset": "medium", "x264-params": "keyint=600:scenecut=0", "forced-idr": "1"},
        )
        video.width, video.height, video.pix_fmt, video.bit_rate = *SIZE, "yuv420p", BIT_RATE
        audio = output.add_stream("aac", rate=SOUND_RATE, layout="stereo", bit_rate=128_000)
        keys = set(_key_frames())
        for number, frame in enumerate(_pictures()):
            frame.pts, frame.time_base = number, 1 / RATE
            frame.pict_type = PictureType.I if number in keys else PictureType.NONE
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        for samples in _sounds():
            output.mux(audio.encode(samples))
        output.mux(audio.encode(None))
    draft.rename(target)
    return target


def _key_frames() -> Iterator[int]:
    at = 0
    while True:
        for seconds in GROUPS:
            if at >= PERIOD:
                return
            yield at
            at += int(seconds * RATE)


def _pictures() -> Iterator[av.VideoFrame]:
    painter = Painter(SIZE, RATE)
    random = np.random.default_rng(1)
    grain = [random.normal(0, 3, (SIZE[1], SIZE[0])).round().astype(np.int16) for _ in range(7)]
    for number in range(PERIOD):
        planes = painter.frame(number).to_ndarray()
        luma = planes[: SIZE[1]]
        luma[:] = np.clip(luma + np.roll(grain[number % 7], number * 37, axis=1), 0, 255)
        yield av.VideoFrame.from_ndarray(planes, format="yuv420p")


def _sounds() -> Iterator[av.AudioFrame]:
    at = 0
    for _ in range(2):
        for samples in sound(PERIOD, RATE):
            frame = av.AudioFrame.from_ndarray(np.vstack([samples, samples]), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, at, Fraction(1, SOUND_RATE)
            at += frame.samples
            yield frame


@dataclass(frozen=True)
class _Piece:
    """A packet of the block: ticks from the block's begin, in `unit`; in order of `time` seconds."""

    kind: str
    time: Fraction
    data: bytes
    pts: int
    dts: int
    duration: int
    unit: Fraction
    is_keyframe: bool


def _repeat(block: Path, target: Path, seconds: int) -> None:
    with av.open(str(block)) as given, av.open(str(target), "w") as output:
        streams = {
            "video": output.add_stream_from_template(given.streams.video[0]),
            "audio": output.add_stream_from_template(given.streams.audio[0]),
        }
        pieces = sorted(_pieces(given), key=lambda piece: piece.time)
        for start in range(0, seconds, BLOCK_SECONDS):
            for piece in pieces:
                # Borders lie on the frame; nothing before one in decoding order is shown after it.
                if start + piece.pts * piece.unit < seconds:
                    output.mux(_packet(piece, start, streams[piece.kind]))


def _pieces(block: Any) -> Iterator[_Piece]:
    """Packets of one period: the picture's all, the sound's of the second half."""
    for packet in block.demux():
        if not packet.size:
            continue
        unit, kind = packet.time_base, packet.stream.type
        shift = round(BLOCK_SECONDS / unit) if kind == "audio" else 0
        pts = packet.pts - shift
        if 0 <= pts * unit < BLOCK_SECONDS:
            yield _Piece(
                kind,
                (packet.dts - shift) * unit,
                bytes(packet),
                pts,
                packet.dts - shift,
                packet.duration,
                unit,
                packet.is_keyframe,
            )


def _packet(piece: _Piece, start: int, stream: Any) -> Packet[Any]:
    packet: Packet[Any] = Packet(piece.data)
    shift = round(start / piece.unit)
    packet.pts, packet.dts = piece.pts + shift, piece.dts + shift
    packet.duration, packet.time_base = piece.duration, piece.unit
    packet.is_keyframe, packet.stream = piece.is_keyframe, stream
    return packet


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        print(recording(int(wanted)))
