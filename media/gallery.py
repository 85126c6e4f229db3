"""Draws what a preview consists of, for docs/preview.md: `python -m media.gallery docs/gallery/preview`.

The film is made up: it begins and ends in black, fades, whips round, and shows six places at four hours of the day.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from media import moments, sprites, teaser, waveform
from media.encode import AudioSpec, Colour, Mp4Writer, VideoSpec
from media.fonts import FAMILIES, truetype
from media.glimpses import Glimpses
from media.image.sample import scene
from media.types import Samples
from media.upright import Upright, within

RATE = Fraction(25)
SIZE = (640, 360)
_SOUND_RATE = 48_000
_PLACES = 6
_SECONDS = 7
"""Of one place."""
_BLACK = 3
_LIGHTS = ((255, 255, 255), (255, 206, 160), (150, 170, 230), (255, 232, 205))
_COLUMNS, _GAP = 5, 6
_CHOSEN = (242, 169, 59)


def draw(folder: Path) -> None:
    """Write every picture into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        film = Path(scratch) / "film.mp4"
        record(film)
        with film.open("rb") as file:
            sprites.draw(file, Path(scratch) / "sprite.jpg", Path(scratch) / "thumbnails.vtt")
            Image.open(Path(scratch) / "sprite.jpg").save(folder / "sprite.webp", quality=72, method=6)
            _looks(film).save(folder / "poster.webp", quality=78, method=6)
            teaser.draw(file, folder / "teaser.webp")
            peaks = waveform.measure(file)
            assert peaks is not None
            _waves(peaks, Path(scratch)).save(folder / "waveform.webp", quality=85, method=6)


def record(path: Path) -> None:
    """Write the film, with something like speech as its sound."""
    spec = VideoSpec(
        width=SIZE[0],
        height=SIZE[1],
        time_base=Fraction(1, 12_800),
        rate=RATE,
        colour=Colour(1, 1, 1),
        keyframe_every=50,
        crf=18,
    )
    with Mp4Writer(path) as writer:
        track = writer.video(spec)
        sound = writer.audio(AudioSpec(rate=_SOUND_RATE, layout="mono"))
        words = _speech(2 * _BLACK + _PLACES * _SECONDS)
        for number, picture in enumerate(_pictures()):
            if number % RATE == 0:
                sound.write(next(words))
            frame = av.VideoFrame.from_ndarray(np.asarray(picture.convert("RGB")), format="rgb24")
            track.write(frame, number / RATE, 1 / RATE)


def _pictures() -> Iterator[Image.Image]:
    black = Image.new("RGB", SIZE)
    yield from [black] * int(_BLACK * RATE)
    count = int(_SECONDS * RATE)
    for place in range(_PLACES):
        wide = scene(SIZE[0] * 2, SIZE[1], seed=place + 3)
        light = Image.new("RGB", wide.size, _LIGHTS[place % len(_LIGHTS)])
        wide = Image.blend(wide, Image.composite(light, Image.new("RGB", wide.size), wide.convert("L")), 0.45)
        wide = ImageEnhance.Contrast(wide).enhance(1.2)
        for number in range(count):
            left = round(number / count * SIZE[0] * 0.7) + 60
            picture = wide.crop((left, 0, left + SIZE[0], SIZE[1]))
            if number >= count - RATE / 2:
                picture = picture.filter(ImageFilter.BoxBlur(float(number - count + RATE / 2 + 2)))
            ends = [number if place == 0 else count, count - number if place == _PLACES - 1 else count]
            yield Image.blend(black, picture, min(min(ends) / float(RATE), 1.0))
    yield from [black] * int(_BLACK * RATE)


def _speech(count: int) -> Iterator[Samples]:
    """Seconds of noise in syllables, words and pauses; silence where the film is black."""
    rng = np.random.default_rng(12)
    for second in range(count):
        time = np.arange(_SOUND_RATE) / _SOUND_RATE + second
        syllables = np.abs(np.sin(2 * np.pi * 2.1 * time)) ** 1.5
        phrases = np.clip(np.sin(2 * np.pi * time / 5.3) + 0.75, 0, 1)
        loud = 0.5 * syllables * phrases * (0.6 + 0.4 * np.sin(2 * np.pi * time / 17))
        on = 1.0 if _BLACK <= second < count - _BLACK else 0.004
        yield (rng.standard_normal(_SOUND_RATE).clip(-2, 2) / 2 * loud * on).astype(np.float32)[None]


def _looks(film: Path) -> Image.Image:
    """Every second picture that was looked at, with its score; the one that was chosen is framed."""
    with film.open("rb") as file:
        found = moments.scout(file)
        chosen = moments.best(found)
        shown = sorted({*found[1::2], chosen}, key=lambda moment: moment.time)[: 3 * _COLUMNS]
        file.seek(0)
        with Glimpses(file) as glimpses:
            image = Upright(glimpses.video, within(256, 256))
            tiles = []
            for moment in shown:
                picture = glimpses.near(moment.time, Fraction(1, 100))
                assert picture is not None
                tiles.append(image(picture.frame))
    width, height = tiles[0].size
    rows = -(-len(tiles) // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * (width + _GAP) + _GAP, rows * (height + _GAP) + _GAP), (255, 255, 255))
    pen, face = ImageDraw.Draw(sheet), truetype(FAMILIES["sans"][0], 14, 600)
    for number, (tile, moment) in enumerate(zip(tiles, shown, strict=True)):
        left, top = _GAP + number % _COLUMNS * (width + _GAP), _GAP + number // _COLUMNS * (height + _GAP)
        if moment == chosen:
            pen.rectangle((left - 5, top - 5, left + width + 4, top + height + 4), fill=_CHOSEN)
        sheet.paste(tile, (left, top))
        label = f"{moment.score:.2f}"
        pen.rounded_rectangle((left + 6, top + height - 26, left + 52, top + height - 6), 5, fill=(16, 24, 32))
        pen.text((left + 29, top + height - 16), label, fill=(255, 255, 255), font=face, anchor="mm")
    return sheet


def _waves(peaks: waveform.Peaks, scratch: Path) -> Image.Image:
    """The picture on dark and on light."""
    width, height = waveform.SIZE
    sheet = Image.new("RGB", (width, 2 * (height + 40)), (16, 24, 32))
    sheet.paste((250, 250, 248), (0, height + 40, width, 2 * (height + 40)))
    for row, color in enumerate((waveform.COLOR, "#2f6f8f")):
        waveform.save_picture(peaks, scratch / "wave.png", color=color)
        with Image.open(scratch / "wave.png") as picture:
            sheet.paste(picture, (0, row * (height + 40) + 20), picture)
    return sheet.resize((width // 2, height + 40), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
