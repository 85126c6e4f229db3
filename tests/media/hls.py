"""What the tests of playlists measure: each byte range by itself, and all of them one after the other."""

from __future__ import annotations

import io
import subprocess
from dataclasses import dataclass
from fractions import Fraction

import av
import imageio_ffmpeg
import m3u8
import numpy as np

from media import barcode

HEAD = Fraction(1)
"""When the first picture of a packaged film is shown."""


@dataclass(frozen=True)
class Piece:
    """One segment as a player has it: what opens it and its own bytes, and what the playlist says of it."""

    data: bytes
    duration: float
    discontinuity: bool

    def pictures(self) -> list[tuple[Fraction, int]]:
        """(time, burnt-in number) of every frame, in the order in which they are shown."""
        with av.open(io.BytesIO(self.data)) as container:
            stream = container.streams.video[0]
            return [(frame.pts * stream.time_base, barcode.read_frame(frame)) for frame in container.decode(stream)]

    def packets(self, kind: str) -> list[tuple[Fraction, Fraction]]:
        """(time, duration) of every packet of sound or picture."""
        with av.open(io.BytesIO(self.data)) as container:
            stream = getattr(container.streams, kind)[0]
            return [
                (packet.pts * stream.time_base, packet.duration * stream.time_base)
                for packet in container.demux(stream)
                if packet.size
            ]

    def decoding(self) -> list[tuple[Fraction, Fraction, Fraction]]:
        """(time shown, time decoded, duration) of every picture, in the order in which they are decoded."""
        with av.open(io.BytesIO(self.data)) as container:
            stream = container.streams.video[0]
            return [
                tuple(time * stream.time_base for time in (packet.pts, packet.dts, packet.duration))
                for packet in container.demux(stream)
                if packet.size
            ]

    def sound(self) -> np.ndarray:
        """Mono samples."""
        with av.open(io.BytesIO(self.data)) as container:
            resampler = av.AudioResampler(format="fltp", layout="mono")
            made = [out.to_ndarray()[0] for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        return np.concatenate(made)

    def complaints(self) -> str:
        """What ffmpeg says when it decodes it all."""
        # By the clock of the file: of a variable rate, which ffmpeg guesses, two pictures could get one time.
        reading = ["-f", "mp4", "-i", "-", "-enc_time_base:v", "demux", "-f", "null", "-"]
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "warning", *reading]
        done = subprocess.run(command, input=self.data, capture_output=True, check=False, timeout=60)
        return done.stderr.decode() or ("" if done.returncode == 0 else "failed")


def pieces(text: str, read) -> list[Piece]:
    """The segments of a media playlist, as an independent parser has it; `read` returns the bytes behind a URI."""
    made = []
    for segment in m3u8.loads(text).segments:
        opening = part(read(segment.init_section.uri), segment.init_section.byterange)
        body = part(read(segment.uri), segment.byterange)
        made.append(Piece(opening + body, segment.duration, bool(segment.discontinuity)))
    return made


def part(data: bytes, byterange: str) -> bytes:
    """The bytes that `size@offset` names."""
    size, offset = (int(number) for number in byterange.split("@"))
    assert 0 <= offset < offset + size <= len(data)
    return data[offset : offset + size]
