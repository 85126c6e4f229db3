"""Cards at work: each gives pictures placed on the body's canvas and sound in the output's format, as time goes on."""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack
from fractions import Fraction
from typing import Protocol

import av
import numpy as np
from PIL import Image, ImageOps

from media.brand.look import look_of
from media.brand.spec import Card, ImageCard, TitleCard, VideoCard
from media.decode import Picture, Reader, Sound
from media.errors import InputError
from media.frames import Canvas, Placer, sane_aspect
from media.images import open_image
from media.resample import Resampler, channel_count
from media.timeline import Timeline, layout_name
from media.titling import card
from media.types import Limits, Samples

SoundFormat = tuple[int, str]
"""Rate in hertz and channel layout by name."""


class Heard(Protocol):
    """What a card sounds like, once, from its start; `duration` in seconds."""

    duration: Fraction
    sound_format: SoundFormat | None
    """Of its own sound; None for a silent card."""

    def sound(self, count: int, wanted: SoundFormat) -> Samples:
        """The next `count` samples in the format wanted, which never changes; silence after the end."""
        ...


class Player(Heard, Protocol):
    """A card that plays."""

    def picture(self, time: Fraction) -> av.VideoFrame:
        """The picture at `time`, which never goes back; placed on the canvas, not to be changed."""
        ...


def open_card(asked: Card, canvas: Canvas, *, step: Fraction, limits: Limits, stack: ExitStack) -> Player:
    """Make a card play on `canvas`; `step` is the distance of the moments it will be asked for. `stack` closes it.

    Raises:
        InputError: the file cannot be read; no_video (a sound file); the text cannot be set.
    """
    match asked:
        case TitleCard():
            return TitlePlayer(asked, canvas, limits)
        case ImageCard():
            return ImagePlayer(asked, canvas, limits)
        case VideoCard():
            reader = stack.enter_context(Reader(asked.file, limits=limits, threads=1, sound="main"))
            return VideoPlayer(reader, canvas, step)


def listen_to(asked: Card, *, limits: Limits, stack: ExitStack) -> Heard:
    """A card of which only the sound is wanted. `stack` closes it.

    Raises:
        InputError: the file cannot be read.
    """
    match asked:
        case TitleCard() | ImageCard():
            return _Mute(asked.duration)
        case VideoCard():
            return VideoSound(stack.enter_context(Reader(asked.file, limits=limits, sound="main", pictures="none")))


class _Silent:
    """What has no sound."""

    sound_format: SoundFormat | None = None

    def sound(self, count: int, wanted: SoundFormat) -> Samples:
        return np.zeros((channel_count(wanted[1]), count), np.float32)


class _Mute(_Silent):
    """A still of which nothing is wanted but its time."""

    def __init__(self, duration: Fraction) -> None:
        self.duration = duration


class TitlePlayer(_Silent):
    """A drawn title; once everything has come, every picture is the same."""

    def __init__(self, title: TitleCard, canvas: Canvas, limits: Limits) -> None:
        self.duration = title.duration
        self._title = card(
            title.template,
            title.title,
            title.subtitle,
            look_of(title, limits),
            size=canvas.shown,
            duration=title.duration,
        )
        self._placer = Placer(canvas)
        self._settled: av.VideoFrame | None = None

    def picture(self, time: Fraction) -> av.VideoFrame:
        if self._settled is not None:
            return self._settled
        placed = self._placer(_frame(self._title.at(time)))
        if time >= self._title.settled:
            self._settled = placed
        return placed


class ImagePlayer(_Silent):
    """A still image, upright, on black."""

    def __init__(self, card: ImageCard, canvas: Canvas, limits: Limits) -> None:
        self.duration = card.duration
        image = ImageOps.exif_transpose(open_image(card.file, limits))
        if image.mode.startswith("I"):  # 16 bits of grey: Pillow would clip them, not scale them
            image = Image.fromarray((np.asarray(image).clip(0, 65535) // 257).astype(np.uint8))
        image.thumbnail(canvas.shown, Image.Resampling.LANCZOS)
        ground = Image.new("RGBA", image.size, (0, 0, 0, 255))
        ground.alpha_composite(image.convert("RGBA"))
        self._picture = Placer(canvas)(_frame(ground.convert("RGB")))

    def picture(self, time: Fraction) -> av.VideoFrame:  # noqa: ARG002 - a still is the same at any time
        return self._picture


class VideoSound:
    """The main sound track of a video, decoded as far as it is asked for."""

    def __init__(self, reader: Reader) -> None:
        line = reader.timeline
        self.duration = picture_end(line)
        main = next(iter(line.audio), None)
        self.sound_format = None if main is None else (main.rate, layout_name(main))
        self._items = reader.read(Fraction(0), self.duration) if main is not None or reader.video else iter(())
        self._sound = _Queue(self.sound_format)

    def sound(self, count: int, wanted: SoundFormat) -> Samples:
        while self._sound.ready(wanted) < count and self._pull():
            pass
        return self._sound.take(count, wanted)

    def _pull(self) -> bool:
        """Decode one item more; False at the end."""
        item = next(self._items, None)
        if item is None:
            self._sound.end()
            return False
        self._take(item)
        return True

    def _take(self, item: Picture | Sound) -> None:
        if isinstance(item, Sound):
            self._sound.put(item.samples)


class VideoPlayer(VideoSound):
    """A video with its main sound track, decoded as far as it is asked for.

    A picture is asked for every `step` seconds; the frame that is nearest before the middle of the step is given.
    """

    def __init__(self, reader: Reader, canvas: Canvas, step: Fraction) -> None:
        line = reader.timeline
        if line.video is None or reader.first_picture() is None:
            raise InputError("no_video", "A card is a sound file. Cards need a picture.")
        super().__init__(reader)
        self._placer = Placer(canvas, sample_aspect=sane_aspect(line.video.sample_aspect_ratio))
        self._half = step / 2
        self._waiting: deque[Picture] = deque()
        self._shown: av.VideoFrame | None = None

    def picture(self, time: Fraction) -> av.VideoFrame:
        latest: av.VideoFrame | None = None
        while (following := self._next_picture()) is not None:
            if following.time > time + self._half and (latest is not None or self._shown is not None):
                break
            latest = self._waiting.popleft().frame
        if latest is not None:
            self._shown = self._placer(latest)
        if self._shown is None:
            raise InputError("damaged_file", "A card is damaged: none of its frames can be decoded.")
        return self._shown

    def _next_picture(self) -> Picture | None:
        while not self._waiting and self._pull():
            pass
        return self._waiting[0] if self._waiting else None

    def _take(self, item: Picture | Sound) -> None:
        if isinstance(item, Picture):
            self._waiting.append(item)
        else:
            super()._take(item)


class _Queue:
    """Sound on its way from a card to the output, resampled."""

    def __init__(self, given: SoundFormat | None) -> None:
        self._given = given
        self._raw: list[Samples] = []
        self._made: list[Samples] = []
        self._resampler: Resampler | None = None
        self._ended = False

    def put(self, samples: Samples) -> None:
        self._raw.append(samples)

    def end(self) -> None:
        self._ended = True

    def ready(self, wanted: SoundFormat) -> int:
        """Samples that can be taken."""
        if self._given is None:
            return 0
        if self._resampler is None:
            self._resampler = Resampler(self._given, wanted)
        self._made += [self._resampler(samples) for samples in self._raw]
        self._raw.clear()
        if self._ended:
            self._made.append(self._resampler.rest())
            self._given = None
        return sum(samples.shape[1] for samples in self._made)

    def take(self, count: int, wanted: SoundFormat) -> Samples:
        """`count` samples, silence after the end."""
        self.ready(wanted)
        silence = np.zeros((channel_count(wanted[1]), 0), np.float32)
        joined = np.concatenate([silence, *self._made], axis=1)
        self._made = [joined[:, count:]]
        return np.pad(joined[:, :count], ((0, 0), (0, max(count - joined.shape[1], 0))))


def picture_end(line: Timeline) -> Fraction:
    """When the last picture ends, in seconds from the presentation start; the file's end where it does not say."""
    video = line.video
    if video is None or video.duration is None or video.time_base is None:
        return line.duration
    return ((video.start_time or 0) + video.duration) * video.time_base - line.origin


def _frame(picture: Image.Image) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
