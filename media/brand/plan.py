"""The time of a branded video: which card or body is on when, and how strongly. Pure arithmetic.

    intro ........ intro_transition | body | outro_transition ........ outro
    0              body_start               outro_start               duration

Cards run on a grid of frames of the body's rate. In a crossfade the card and the body overlap by a whole number of
those frames, so that a body of constant rate keeps its rhythm across it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
import numpy.typing as npt

from media.brand.spec import Transition
from media.errors import InputError

Kind = Literal["intro", "intro_transition", "body", "outro_transition", "outro"]

_SLOWEST = 12
_FASTEST = 60


@dataclass(frozen=True, slots=True)
class Segment:
    """`[start, end)` in seconds of the output."""

    kind: Kind
    start: Fraction
    end: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Where everything lies. `frame` is the grid's step, `body` the body's length, `body_start` its place, in seconds;
    the other numbers count card frames."""

    frame: Fraction
    body: Fraction
    body_start: Fraction
    intro_frames: int = 0
    intro_overlap: int = 0
    outro_frames: int = 0
    outro_overlap: int = 0

    @property
    def intro_end(self) -> Fraction:
        return self.body_start + self.intro_overlap * self.frame

    @property
    def body_end(self) -> Fraction:
        return self.body_start + self.body

    @property
    def outro_start(self) -> Fraction:
        return self.body_end - self.outro_overlap * self.frame

    @property
    def duration(self) -> Fraction:
        return self.outro_start + self.outro_frames * self.frame if self.outro_frames else self.body_end

    @property
    def segments(self) -> tuple[Segment, ...]:
        """What has a length, in order."""
        edges: list[tuple[Kind, Fraction, Fraction]] = [
            ("intro", Fraction(0), self.body_start),
            ("intro_transition", self.body_start, self.intro_end),
            ("body", self.intro_end, self.outro_start),
            ("outro_transition", self.outro_start, self.body_end),
            ("outro", self.body_end, self.duration),
        ]
        return tuple(Segment(kind, start, end) for kind, start, end in edges if end > start)

    @property
    def changes(self) -> tuple[tuple[Fraction, Fraction], ...]:
        """Where cards and body meet: the start and end of each crossfade, of no length where they are cut."""
        met = [(self.body_start, self.intro_end)] if self.intro_frames else []
        return (*met, *([(self.outro_start, self.body_end)] if self.outro_frames else []))

    def weight(self, time: Fraction) -> Fraction:
        """How much of the body (0..1) is in a picture shown from `time`; cards make up the rest.

        Taken at the middle of the picture's grid step, so that the weights of a crossfade are symmetrical.
        """
        middle = time + self.frame / 2
        fade_in = fade_out = Fraction(1)
        if self.intro_overlap:
            fade_in = (middle - self.body_start) / (self.intro_end - self.body_start)
        if self.outro_overlap:
            fade_out = (self.body_end - middle) / (self.body_end - self.outro_start)
        return max(min(fade_in, fade_out, Fraction(1)), Fraction(0))

    def instants(self, start: Fraction, end: Fraction) -> list[Fraction]:
        """When pictures are shown while one body frame is on, from `start` to `end`.

        Outside of crossfades that is `start` alone. Within one, a body that stands still (slides) still dissolves
        smoothly: the grid's steps are added, but for those within half a step of a body frame. The last one shows it
        whole again.
        """
        found = [start]
        begun = self.intro_frames + bool(self.intro_overlap)
        for first, count in ((Fraction(0), begun), (self.outro_start, self.outro_overlap)):
            low = max(math.ceil((start - first) / self.frame + Fraction(1, 2)), 0)
            high = min(math.ceil((end - first) / self.frame - Fraction(1, 2)), count)
            found += [first + step * self.frame for step in range(low, high)]
        return sorted(found)


def card_rate(rate: Fraction) -> Fraction:
    """Frames per second of cards for a body of nominal `rate`: that, or for odd rates a simple multiple or part."""
    while rate < _SLOWEST:
        rate *= 2
    while rate > _FASTEST:
        rate /= 2
    return rate


def make_plan(
    *,
    body: Fraction,
    rate: Fraction,
    tick: Fraction,
    intro: Fraction | None,
    outro: Fraction | None,
    transition: Transition,
) -> Plan:
    """Lay out cards of `intro` and `outro` seconds around a body of `body` seconds.

    `rate` is that of the cards' frames; the body's place is rounded to `tick` seconds, once, so that its frames keep
    their distances.

    Raises:
        InputError: invalid_transition when it is longer than a card or than half of the body.
    """
    frame = 1 / rate
    given = {name: length for name, length in (("intro", intro), ("outro", outro)) if length is not None}
    counts = {name: max(round(length * rate), 1) for name, length in given.items()}
    overlap = max(round(transition.duration * rate), 1) if transition.type != "cut" else 0
    if overlap and given:
        _check(transition.duration, body=body, cards=given)
        _check(overlap * frame, body=body, cards={name: count * frame for name, count in counts.items()})
    intro_overlap = overlap if "intro" in counts else 0
    place = (counts.get("intro", 0) - intro_overlap) * frame
    return Plan(
        frame=frame,
        body=body,
        body_start=round(place / tick) * tick,
        intro_frames=counts.get("intro", 0),
        intro_overlap=intro_overlap,
        outro_frames=counts.get("outro", 0),
        outro_overlap=overlap if "outro" in counts else 0,
    )


def _check(fade: Fraction, *, body: Fraction, cards: dict[str, Fraction]) -> None:
    """Refuse a transition of `fade` seconds between things of these lengths."""
    for name, length in cards.items():
        if fade > length:
            raise InputError("invalid_transition", f"The transition is longer than the {name}. Shorten it.")
    if fade > body / 2:
        raise InputError("invalid_transition", "The transition is longer than half of the video. Shorten it.")


def equal_power(positions: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Gain of a sound that fades in, at positions 0..1 of the fade; the one that fades out has that of 1 - position.

    The squares of both add up to one, so that unrelated sounds keep their loudness.
    """
    return np.sin(np.clip(positions, 0, 1) * (math.pi / 2)).astype(np.float32)
