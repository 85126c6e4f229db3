"""Finished files of every kind that the engine makes, each with the picture that has to be seen at each place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import av
import numpy as np

from media.barcode import luma_plane
from media.brand import BrandSpec, TitleCard, Transition, VideoCard, brand
from media.preview import cut_ranges, render
from media.proxy.plan import plan_proxy
from media.proxy.whole import make_proxy
from media.sample import make_sample
from media.smartcut import smart_cut
from media.trim import trim
from media.types import Range
from tests.media.measure import pictures
from tests.media.smartcut.variants import make

SIZE = (320, 180)
RATE = Fraction(30)
# A clip with a keyframe each second. Edges within a GOP, at and just before a keyframe; a range in one GOP; the end.
LENGTH = Fraction(26, 5)
KEEP = [("0.8", "1.2"), ("2.3", "2.6"), ("3", "3.966"), ("4.8", None)]
# In frames.
INTRO, OUTRO, FADE = 20, 15, 8


@dataclass(frozen=True)
class Film:
    """A file. `numbers` are the burnt-in ones, frame by frame, None where none can be read; `seams` are the frames that
    begin something new; `duration` is what the engine says, in seconds."""

    path: Path
    numbers: list[int | None]
    seams: list[int]
    duration: Fraction
    has_sound: bool = True

    def frames(self) -> list[tuple[Fraction, Fraction, np.ndarray]]:
        """(start, end, luma from 0 to 255) of every frame, as FFmpeg decodes it."""
        with av.open(str(self.path)) as container:
            stream = container.streams.video[0]
            found = [(frame.pts * stream.time_base, _full_range(frame)) for frame in container.decode(stream)]
        ends = [time for time, _ in found[1:]] + [max(self.duration, found[-1][0])]
        return [(time, end, luma) for (time, luma), end in zip(found, ends, strict=True)]


class Studio:
    """Makes the films in `folder`, from one clip."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._clip = folder / "clip.mp4"
        make_sample(self._clip, seconds=LENGTH, fps=RATE, size=SIZE, keyframe_every=30)

    def smart(self) -> Film:
        """Closed groups of pictures, cut by copying."""
        return self._cut(smart_cut, self._clip, "smart.mp4")

    def open_groups(self) -> Film:
        """The same cut of open groups of pictures."""
        return self._cut(smart_cut, make(self._clip, self._folder, "open.mp4"), "smart_open.mp4")

    def variable_rate(self) -> Film:
        """The same cut of a clip with frames at uneven distances."""
        return self._cut(smart_cut, make(self._clip, self._folder, "vfr.mp4"), "smart_vfr.mp4")

    def silent(self) -> Film:
        """The same cut of a clip without sound."""
        path = self._folder / "silent.mp4"
        make_sample(path, seconds=LENGTH, fps=RATE, size=SIZE, keyframe_every=30, audio_tracks=0)
        return self._cut(smart_cut, path, "smart_silent.mp4", has_sound=False)

    def exact(self) -> Film:
        """The same cut, encoded anew."""
        return self._cut(trim, self._clip, "exact.mp4")

    def branded(self) -> Film:
        """The smart cut with a video before it, a title after it, and crossfades between."""
        body = self.smart()
        card, path = self._folder / "card.mp4", self._folder / "branded.mp4"
        make_sample(card, seconds=INTRO / RATE, fps=RATE, size=SIZE)
        with body.path.open("rb") as file, card.open("rb") as first:
            intro, outro = VideoCard(first), TitleCard(title="The end", duration=OUTRO / RATE)
            fade = Transition("dissolve", FADE / RATE)
            result = brand(file, path, BrandSpec(intro=intro, outro=outro, transition=fade))
        assert result.copied > 0
        begin = INTRO - FADE
        end = begin + len(body.numbers)
        mixed = [None] * FADE
        numbers = [*range(begin), *mixed, *body.numbers[FADE:-FADE], *mixed, *[None] * (OUTRO - FADE)]
        seams = [begin, INTRO, *(begin + seam for seam in body.seams), end - FADE, end]
        return Film(path, numbers, seams, result.duration)

    def preview(self) -> Film:
        """The same ranges of the recording's proxy."""
        cut, small = self.smart(), self._folder / "small.mp4"
        keep = [Range(Fraction(start), None if end is None else Fraction(end)) for start, end in KEEP]
        with self._clip.open("rb") as file:
            make_proxy(file, small, plan_proxy(file, None, height=144))
            with small.open("rb") as proxy:
                result = render(proxy, file, self._folder, cut_ranges(file, keep))
        return Film(result.files["preview"], cut.numbers, cut.seams, result.duration)

    def _cut(self, way: Callable, source: Path, name: str, *, has_sound: bool = True) -> Film:
        path = self._folder / name
        ranges = [Range(Fraction(start), None if end is None else Fraction(end)) for start, end in KEEP]
        with source.open("rb") as file:
            result = way(file, path, ranges)
        shown = pictures(source)
        kept = [
            [number for time, number in shown if start <= time and (end is None or time < end)]
            for start, end in ((item.start, item.end) for item in ranges)
        ]
        numbers = [number for group in kept for number in group]
        return Film(path, numbers, [*accumulate(map(len, kept[:-1]))], result.duration, has_sound)


def _full_range(frame: av.VideoFrame) -> np.ndarray:
    return np.clip((luma_plane(frame).astype(np.float32) - 16) * (255 / 219), 0, 255)
