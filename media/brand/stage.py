"""The canvas of a branded video, the cards on it, and their plan."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction

import av

from media import specs
from media.brand.cards import Heard, Player, open_card, picture_end
from media.brand.paint import Paint
from media.brand.plan import Plan, card_rate, make_plan
from media.brand.spec import BrandSpec, Card
from media.brand.transitions import Blend
from media.encode import AudioSpec, VideoSpec
from media.frames import Canvas, sane_aspect
from media.smartcut.errors import NotCuttable
from media.timeline import Timeline
from media.types import Limits, Notices

NO_PICTURE = "The file has no moving picture; branding needs one."
SILENT_BODY_SOUND = (48_000, "stereo")
"""Of a body without sound, when a card has some."""

# Sound may end a little after the picture (AAC comes in blocks); more than this is not cut off for an outro.
_TAIL = Fraction(1, 10)


class Stage:
    """The cards of `spec`, opened on a canvas, around a body that is placed on a tick of the output; `stack` closes it.

    Raises:
        InputError: as `open_card` and `make_plan`; too_long.
    """

    def __init__(
        self, line: Timeline, canvas: Canvas, spec: BrandSpec, stack: ExitStack, *, tick: Fraction, limits: Limits
    ) -> None:
        rate = card_rate(line.rate)

        def opened(card: Card | None) -> Player | None:
            return None if card is None else open_card(card, canvas, step=1 / rate, limits=limits, stack=stack)

        self.intro, self.outro = opened(spec.intro), opened(spec.outro)
        self.plan: Plan = make_plan(
            body=body_length(line, spec),
            rate=rate,
            tick=tick,
            intro=self.intro.duration if self.intro else None,
            outro=self.outro.duration if self.outro else None,
            transition=spec.transition,
        )
        limits.check_duration(self.plan.duration)
        self._blend = Blend(spec.transition, canvas)
        self.paint = Paint(spec, canvas, duration=self.plan.body, limits=limits)

    def blended(self, frame: av.VideoFrame, time: Fraction) -> av.VideoFrame:
        """The body's frame as it is shown at `time` of the output: as it is, or mixed with a card."""
        weight = self.plan.weight(time)
        if weight == 1:
            return frame
        if self.intro is not None and time < self.plan.intro_end:
            return self._blend(self.intro.picture(time), frame, weight)
        if self.outro is not None:
            return self._blend(frame, self.outro.picture(time - self.plan.outro_start), 1 - weight)
        return frame


def sound_specs(line: Timeline, cards: Sequence[Heard | None], notices: Notices) -> list[AudioSpec]:
    """The body's tracks; for a silent body one track if a card has sound."""
    tracks = [specs.audio_spec(stream, notices) for stream in line.audio]
    if not tracks and any(card is not None and card.sound_format is not None for card in cards):
        rate, layout = SILENT_BODY_SOUND
        tracks.append(AudioSpec(rate=rate, layout=layout))
    return tracks


def body_length(line: Timeline, spec: BrandSpec) -> Fraction:
    """How many seconds of a body are shown: to the end of its picture where an outro follows, else of all."""
    end = picture_end(line)
    exact = spec.outro is not None and line.duration - end <= _TAIL
    return end if exact else line.duration


def stored_canvas(line: Timeline, frame: av.VideoFrame) -> Canvas:
    """The canvas of a body's pictures as they are stored, by the first of them.

    Raises:
        NotCuttable: profile_not_supported, where their sides are odd.
    """
    canvas = canvas_of(specs.video_spec(line, frame, Notices()))
    if (canvas.width, canvas.height) != (frame.width, frame.height):
        raise NotCuttable("profile_not_supported", "Pictures with odd sides cannot be drawn on.")
    return replace(canvas, pixel_format=frame.format.name)


def canvas_of(video: VideoSpec) -> Canvas:
    """How the pictures of a video are stored."""
    return Canvas(
        width=video.width,
        height=video.height,
        pixel_format=video.pixel_format,
        sample_aspect=sane_aspect(video.sample_aspect),
        colour=video.colour,
        matrix=video.matrix,
    )
