"""The teaser: a few seconds of a film as an animated WebP, for lists of films in which one moves under the pointer.

A film is shown in moments of a second, the most interesting one of each part of it, dissolved into each other and the
last into the first, so that it runs for ever without a break. They are of different shots where there are some, and
lie within one: where a cut falls into a moment, it is moved aside. A film of a few seconds is shown whole.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from media.decode import Picture, Reader
from media.errors import InputError
from media.interest import LITTLE
from media.moments import Moment, scout
from media.progress import Meter
from media.shots import OTHER, distance, hard_cuts
from media.types import DEFAULT_LIMITS, Limits, Progress, no_progress, seconds
from media.upright import Upright, within

MOMENTS = 5
RATE = 12
"""Pictures a second."""
SHOWN = 12
"""Pictures of a moment by itself."""
DISSOLVE = 3
"""Pictures in which one moment becomes the next."""
WHOLE = Fraction(6)
"""Seconds of a film that is shown as it is."""
WIDTH, HEIGHT = 320, 426
MOST_BYTES = 1_500_000
_NEARLY = 0.6
"""By how much less interesting another shot may be."""
_LENGTH = Fraction(SHOWN + 2 * DISSOLVE, RATE)
_TRIES = ((68, 1), (50, 1), (34, 1), (20, 1), (20, 2), (10, 3))
"""Quality, and every how many-th picture is kept: the first that is small enough counts."""


@dataclass(frozen=True, slots=True)
class Teaser:
    """What was made: `size` in pixels, `duration` in seconds, `moments` where in the film it shows what."""

    size: tuple[int, int]
    duration: Fraction
    moments: tuple[Fraction, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON: times as decimal strings."""
        return {
            "size": list(self.size),
            "duration": seconds(self.duration),
            "moments": [seconds(time) for time in self.moments],
        }


def draw(
    source: BinaryIO,
    target: Path,
    *,
    moments: Sequence[Moment] | None = None,
    limits: Limits = DEFAULT_LIMITS,
    threads: int = 1,
    on_progress: Progress = no_progress,
) -> Teaser:
    """Write the teaser of `source` to `target`; at most 320 × 426 pixels and `MOST_BYTES` bytes.

    `moments` are those that `media.moments.scout` has found in it; None looks for them.

    Raises:
        InputError: as `open_source`, and no_video, unsupported_codec, damaged_file (nothing decodes).
    """
    moments = moments or scout(source, limits=limits, threads=threads)
    source.seek(0)
    meter = Meter(on_progress)
    with Reader(source, limits=limits, threads=threads, sound="none", on_packet=meter.tick) as reader:
        if reader.video is None:
            raise InputError("no_video", "The file has no moving picture.")
        duration = max(reader.timeline.duration, 1 / reader.timeline.rate)
        image = Upright(reader.video, within(WIDTH, HEIGHT))
        stretches = choose(moments, duration)
        meter.total = Fraction(len(stretches))
        scenes: list[list[Image.Image]] = []
        starts: list[Fraction] = []
        for number, (start, end) in enumerate(stretches):
            following = stretches[number + 1][0] if number + 1 < len(stretches) else duration
            room = (starts[-1] + _LENGTH if starts else Fraction(0), following)
            at, pictures = _within_a_shot(reader, image, (start, end), room)
            if pictures:
                scenes.append(pictures)
                starts.append(at)
            meter.report(Fraction(number + 1))
    if not scenes:
        raise InputError("damaged_file", "The file is damaged: none of its frames can be decoded.")
    pictures = joined(scenes) if len(scenes) > 1 else scenes[0]
    _save(pictures, target)
    meter.finish()
    return Teaser(pictures[0].size, Fraction(len(pictures), RATE), tuple(starts))


def choose(moments: Sequence[Moment], duration: Fraction) -> list[tuple[Fraction, Fraction]]:
    """The stretches to show, in order and apart from each other: the best moment of each part that is not of a shot
    that is shown already, if there is one nearly as good, and none that is black.

    A film of `WHOLE` seconds or less is one stretch.
    """
    if duration <= WHOLE:
        return [(Fraction(0), duration)]
    parts = min(MOMENTS, int(duration / _LENGTH))
    latest, chosen = duration - _LENGTH, list[Moment]()
    for number in range(parts):
        first = max([duration * number / parts, *(one.time + _LENGTH for one in chosen[-1:])])
        within_part = [one for one in moments if first <= one.time < duration * (number + 1) / parts]
        fitting = [replace(one, time=min(one.time, latest)) for one in within_part if min(one.time, latest) >= first]
        if fitting:
            chosen.append(_newest(fitting, chosen))
    lively = [one for one in chosen if one.score >= LITTLE] or chosen[:1] or [Moment(Fraction(0), 0)]
    return [(one.time, one.time + _LENGTH) for one in lively]


def _newest(moments: Sequence[Moment], shown: Sequence[Moment]) -> Moment:
    """The best of some moments, or the best of those that show something else than what is shown already."""
    best = max(moments, key=lambda one: one.score)
    signs = [one.sign for one in shown if one.sign is not None]
    new = [
        one
        for one in moments
        if one.score >= max(best.score * _NEARLY, LITTLE)
        and one.sign is not None
        and all(distance(one.sign, sign) >= OTHER for sign in signs)
    ]
    return max(new, key=lambda one: one.score, default=best)


def _within_a_shot(
    reader: Reader, image: Upright, stretch: tuple[Fraction, Fraction], room: tuple[Fraction, Fraction]
) -> tuple[Fraction, list[Image.Image]]:
    """Where a moment begins, and its pictures: those of a stretch, or where a cut falls into it, of one beside the cut.

    It stays within `room`. First comes what ends with the shot that the stretch begins in, then what begins with the
    next one; where cuts are too close to each other for either, the stretch stays as it is.
    """
    start, end = stretch
    pictures = [image(frame) for frame in _taken(reader, start, end)]
    cuts = hard_cuts(pictures) if end - start == _LENGTH else []
    if not cuts:
        return start, pictures
    # A tick of the teaser more or less: where between two of them the cut is, is not known.
    for begin in (start + Fraction(cuts[0] - 1, RATE) - _LENGTH, start + Fraction(cuts[-1], RATE)):
        if room[0] <= begin and begin + _LENGTH <= room[1]:
            moved = [image(frame) for frame in _taken(reader, begin, begin + _LENGTH)]
            if moved and not hard_cuts(moved):
                return begin, moved
    return start, pictures


def joined(scenes: Sequence[Sequence[Image.Image]]) -> list[Image.Image]:
    """Scenes one after the other in a ring: the end of each is dissolved into the beginning of the next."""
    ring: list[Image.Image] = []
    for scene, following in pairwise([*scenes, scenes[0]]):
        ring += scene[DISSOLVE:-DISSOLVE]
        pairs = zip(scene[-DISSOLVE:], following[:DISSOLVE], strict=True)
        ring += [Image.blend(one, other, (step + 1) / (DISSOLVE + 1)) for step, (one, other) in enumerate(pairs)]
    return ring


def _taken(reader: Reader, start: Fraction, end: Fraction) -> Iterator[Any]:
    """The picture on show at every tick of the teaser; the last one stays if there are no more."""
    count = max(int((end - start) * RATE), 1)
    held, taken = None, 0
    for item in reader.read(start, end, never_empty=True):
        if not isinstance(item, Picture):
            continue
        while held is not None and taken < count and start + Fraction(taken, RATE) < item.time:
            taken += 1
            yield held
        held = item.frame
    if held is not None:
        yield from [held] * (count - taken)


def _save(pictures: Sequence[Image.Image], target: Path) -> None:
    made = b""
    for quality, every in _TRIES:
        made = _encoded(pictures[::every], quality, every)
        if len(made) <= MOST_BYTES:
            break
    target.write_bytes(made)


def _encoded(pictures: Sequence[Image.Image], quality: int, every: int) -> bytes:
    ticks = [round(number * every * 1000 / RATE) for number in range(len(pictures) + 1)]
    file = io.BytesIO()
    pictures[0].save(
        file,
        "WEBP",
        save_all=True,
        append_images=pictures[1:],
        duration=[later - tick for tick, later in pairwise(ticks)],
        loop=0,
        quality=quality,
        method=4,
    )
    return file.getvalue()
