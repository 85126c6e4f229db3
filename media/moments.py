"""The moments of a film that are worth showing, found by looking at few of its pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import BinaryIO

from media.errors import InputError
from media.glimpses import Glimpses
from media.interest import LITTLE, SIDE, interest
from media.progress import Meter
from media.shots import Sign, sign_of
from media.types import DEFAULT_LIMITS, Limits, Progress, no_progress
from media.upright import Upright, within

LOOKS = 30
_ENOUGH = 10
_WORTH = 1.05


@dataclass(frozen=True, slots=True)
class Moment:
    """A picture of a film: on show at `time` seconds; `score` as `media.interest` has it, `sign` as `media.shots`."""

    time: Fraction
    score: float
    sign: Sign | None = field(default=None, compare=False, repr=False)


def scout(
    source: BinaryIO, *, limits: Limits = DEFAULT_LIMITS, threads: int = 1, on_progress: Progress = no_progress
) -> list[Moment]:
    """Look at up to `LOOKS` pictures, spread evenly, and return them in order; there is at least one.

    Keyframes are enough where there are some and one of them is worth showing. Otherwise the pictures between them are
    looked at too, which costs a pass over the source at most.

    Raises:
        InputError: as `open_source`, and no_video, unsupported_codec, damaged_file (nothing decodes).
    """
    meter = Meter(on_progress, Fraction(LOOKS))
    found: list[Moment] = []
    for exact in (False, True):
        source.seek(0)
        with Glimpses(source, limits=limits, threads=threads, on_packet=meter.tick) as glimpses:
            found = _look(glimpses, meter, exact=exact)
        if len(found) >= _ENOUGH and max(moment.score for moment in found) >= LITTLE:
            break
    if not found:
        raise InputError("damaged_file", "The file is damaged: none of its frames can be decoded.")
    meter.finish()
    return found


def best(moments: Sequence[Moment]) -> Moment:
    """The one with the highest score; a later one has to be better by more than chance, since viewers see an early one
    first."""
    chosen = moments[0]
    for moment in moments[1:]:
        if moment.score > chosen.score * _WORTH:
            chosen = moment
    return chosen


def _look(glimpses: Glimpses, meter: Meter, *, exact: bool) -> list[Moment]:
    duration = max(glimpses.timeline.duration, 1 / glimpses.timeline.rate)
    step = duration / LOOKS
    image = Upright(glimpses.video, within(SIDE, SIDE))
    found: dict[Fraction, Moment] = {}
    for number in range(LOOKS):
        # A film begins and ends with what it has least of.
        shown = glimpses.near(step * number + step / 2, step / 2 if exact else None)
        if shown is not None and shown.time not in found:
            time = max(shown.time, Fraction(0))
            picture = image(shown.frame)
            found[shown.time] = Moment(time, interest(picture), sign_of(picture))
        meter.report(Fraction(number + 1))
    return sorted(found.values(), key=lambda moment: moment.time)
