"""A made-up recording to try the engine on: `python -m media.sample OUT.mp4`.

Every frame carries its number twice: in figures for people and as a barcode (`media.barcode`) for machines. The first
frame of each second flashes white exactly while a click sounds, so that drift of sound against picture can be measured.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from media import barcode
from media.encode import AudioSpec, Mp4Writer, VideoSpec
from media.types import Progress, Samples, no_progress

SOUND_RATE = 48_000
CLICK_HZ = 1_000
CLICK_SECONDS = Fraction(1, 50)
HUM_HZ = 220

Plane = npt.NDArray[np.uint8]


class Painter:
    """Draws 4:2:0 frames of `size` (width, height; even numbers) at `rate` frames per second."""

    def __init__(self, size: tuple[int, int], rate: Fraction) -> None:
        self._width, self._height = size
        self._rate = rate
        across = np.linspace(0, 2 * np.pi, self._width, endpoint=False)
        down = np.linspace(0, 3, self._height)[:, None]
        wave = 70 + 24 * np.sin(across + down)
        # Twice as wide, so that any horizontal shift is one slice.
        self._scenery = np.hstack([wave, wave]).astype(np.uint8)
        self._font = ImageFont.load_default(max(self._height // 8, 10))
        self._glyphs = {figure: self._glyph(figure) for figure in "0123456789:. "}

    def frame(self, number: int) -> av.VideoFrame:
        """Frame `number` (from 0) as yuv420p, without a time."""
        canvas = np.empty((self._height * 3 // 2, self._width), np.uint8)
        luma = canvas[: self._height]
        shift = number * 4 % self._width
        luma[:] = self._scenery[:, shift : shift + self._width]
        canvas[self._height :] = 128 + int(40 * np.sin(number / 40))
        self._ball(luma, number)
        if is_flash(number, self._rate):
            luma[self._height * 3 // 4 :] = 235
        self._write(luma, self._timecode(number), self._height * 7 // 16)
        self._write(luma, f"{number:06d}", self._height * 10 // 16)
        barcode.draw(luma, number)
        return av.VideoFrame.from_ndarray(canvas, format="yuv420p")

    def _ball(self, luma: Plane, number: int) -> None:
        side = self._height // 8
        travel = self._width - side
        left = abs(number * 6 % (2 * travel) - travel)
        luma[side // 4 : side // 4 + side, left : left + side] = 200

    def _write(self, luma: Plane, text: str, top: int) -> None:
        row = np.hstack([self._glyphs[figure] for figure in text])[: self._height - top, : self._width]
        left = (self._width - row.shape[1]) // 2
        luma[top : top + row.shape[0], left : left + row.shape[1]] = row

    def _glyph(self, figure: str) -> Plane:
        # All figures share one box, so that the row does not dance.
        _, _, right, _ = self._font.getbbox(figure if figure in ":." else "0")
        _, _, _, bottom = self._font.getbbox("0")
        image = Image.new("L", (int(right) + 2, int(bottom) + 4), 16)
        ImageDraw.Draw(image).text((1, 0), figure, fill=235, font=self._font)
        return np.asarray(image, np.uint8)

    def _timecode(self, number: int) -> str:
        whole = int(number / self._rate)
        within = number - -(-whole * self._rate // 1)
        return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}.{int(within):02d}"


def is_flash(number: int, rate: Fraction) -> bool:
    """Whether a frame is the first at or after a whole second."""
    return int(number / rate) != int((number - 1) / rate) or number == 0


def sound(count: int, rate: Fraction) -> Iterator[Samples]:
    """Mono sound for `count` frames, one second at a time: a quiet hum, and a click with each flash."""
    total = round(count / rate * SOUND_RATE)
    click = np.sin(2 * np.pi * CLICK_HZ * np.arange(int(CLICK_SECONDS * SOUND_RATE)) / SOUND_RATE) * 0.8
    starts = [round(number / rate * SOUND_RATE) for number in range(count) if is_flash(number, rate)]
    for begin in range(0, total, SOUND_RATE):
        time = np.arange(begin, min(begin + SOUND_RATE, total)) / SOUND_RATE
        chunk = 0.01 * np.sin(2 * np.pi * HUM_HZ * time)
        for start in starts:
            if begin <= start < begin + len(time):
                part = click[: len(time) - (start - begin)]
                chunk[start - begin : start - begin + len(part)] += part
        yield chunk.astype(np.float32)[None, :]


def make_sample(
    target: Path,
    *,
    seconds: Fraction = Fraction(60),
    fps: Fraction = Fraction(30),
    size: tuple[int, int] = (1280, 720),
    keyframe_every: int = 60,
    audio_tracks: int = 1,
    on_progress: Progress = no_progress,
) -> None:
    """Write a sample MP4 (H.264, mono AAC) of `seconds` at `fps`; frame n is shown at n / fps.

    Raises:
        ValueError: a side of `size` is odd, or there would be no frame.
    """
    count = round(seconds * fps)
    if count < 1 or size[0] % 2 or size[1] % 2:
        raise ValueError("a sample needs even sides and at least one frame")
    painter = Painter(size, fps)
    with Mp4Writer(target, title="Cutwork sample") as writer:
        spec = VideoSpec(
            width=size[0],
            height=size[1],
            time_base=Fraction(1, 90_000),
            rate=fps,
            keyframe_every=keyframe_every,
        )
        video = writer.video(spec)
        tracks = [writer.audio(AudioSpec(rate=SOUND_RATE, layout="mono")) for _ in range(audio_tracks)]
        chunks = sound(count, fps)
        for number in range(count):
            if number / fps * SOUND_RATE >= (tracks[0].samples if tracks else 0):
                for chunk in _next(chunks):
                    for track in tracks:
                        track.write(chunk)
            video.write(painter.frame(number), number / fps, 1 / fps)
            on_progress(Fraction(number + 1, count))


def _next(chunks: Iterator[Samples]) -> list[Samples]:
    chunk = next(chunks, None)
    return [] if chunk is None else [chunk]


def main() -> None:
    """Write the sample that `OUT` names."""
    parser = argparse.ArgumentParser(prog="python -m media.sample", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seconds", type=Fraction, default=Fraction(60))
    parser.add_argument("--fps", type=Fraction, default=Fraction(30))
    options = parser.parse_args()
    make_sample(options.out, seconds=options.seconds, fps=options.fps)


if __name__ == "__main__":
    main()
