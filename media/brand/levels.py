"""The loudness of a branded film: what it would be, what is done about it, and what has come of it.

The first pass hears what the film will sound like, cards and crossfades included, without looking at its pictures. The
second is the film itself. What was written is listened to again.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

from media.brand.cards import Heard, listen_to
from media.brand.mixing import Mixer
from media.brand.plan import card_rate, make_plan
from media.brand.spec import BrandSpec, Card
from media.brand.stage import body_length, sound_specs
from media.decode import Reader, Sound
from media.loudness import Ear, Level, Loudness
from media.progress import Meter
from media.timeline import layout_name
from media.types import NO_LIMITS, Limits, Notice, Notices

_FAR = 1.0
"""LU from the target that are told as a warning."""


@dataclass(frozen=True, slots=True)
class LoudnessReport:
    """One sound track: LUFS and dBTP before and after, None of silence, and what was done."""

    target: int
    level: Level
    after: Loudness

    def to_dict(self) -> dict[str, Any]:
        """JSON: numbers to a tenth."""
        return {
            "target_lufs": self.target,
            "before_lufs": _tenths(self.level.before.integrated),
            "after_lufs": _tenths(self.after.integrated),
            "before_peak_dbtp": _tenths(self.level.before.peak),
            "after_peak_dbtp": _tenths(self.after.peak),
            "gain_db": _tenths(self.level.gain),
            "limited": self.level.limited,
        }


def levels_for(body: BinaryIO, spec: BrandSpec, *, limits: Limits, meter: Meter) -> tuple[Level, ...]:
    """The first pass: the level of each sound track of the film; none where loudness is left as it is.

    Raises:
        InputError: as `media.brand.brand`.
    """
    if spec.loudness is None:
        return ()
    target = spec.loudness
    with ExitStack() as stack:
        reader = stack.enter_context(Reader(body, limits=limits, pictures="none", on_packet=meter.tick))
        line = reader.timeline

        def opened(card: Card | None) -> Heard | None:
            return None if card is None else listen_to(card, limits=limits, stack=stack)

        intro, outro = opened(spec.intro), opened(spec.outro)
        plan = make_plan(
            body=body_length(line, spec),
            rate=card_rate(line.rate),
            tick=Fraction(1, 90_000),
            intro=intro.duration if intro else None,
            outro=outro.duration if outro else None,
            transition=spec.transition,
        )
        ears = [Ear(sound.rate, sound.layout) for sound in sound_specs(line, (intro, outro), Notices())]
        mixers = [
            Mixer(ear, plan, intro=None if number else intro, outro=None if number else outro)
            for number, ear in enumerate(ears)
        ]
        if line.audio:
            for item in reader.read(Fraction(0), plan.body):
                if isinstance(item, Sound):
                    mixers[item.track].take(item.samples)
        for mixer in mixers:
            mixer.fill(plan.duration)
        body.seek(0)
        return tuple(Level.to(target, ear.heard()) for ear in ears)


def reports(target: Path, spec: BrandSpec, levels: Sequence[Level]) -> tuple[LoudnessReport, ...]:
    """Listen to each sound track of the finished film."""
    if spec.loudness is None or not levels:
        return ()
    with target.open("rb") as file, Reader(file, limits=NO_LIMITS, pictures="none") as reader:
        ears = [Ear(stream.rate, layout_name(stream)) for stream in reader.timeline.audio]
        for item in reader.read(Fraction(0), reader.timeline.duration):
            if isinstance(item, Sound):
                ears[item.track].write(item.samples)
        goal = spec.loudness
        return tuple(LoudnessReport(goal, level, ear.heard()) for level, ear in zip(levels, ears, strict=True))


def notices(told: Sequence[LoudnessReport]) -> tuple[Notice, ...]:
    """What is to be said of tracks that did not come to the target."""
    unmeasured = [report.level.before for report in told if report.level.before.integrated is None]
    if any(before.peak is None for before in unmeasured):
        return (Notice("silent_track", "A sound track is silent; its loudness was left as it is."),)
    if unmeasured:
        message = "A sound track is shorter than 0.4 s, too short to measure; its loudness was left as it is."
        return (Notice("too_short_to_measure", message),)
    far = [report for report in told if abs((report.after.integrated or -70) - report.target) > _FAR]
    if far:
        return (Notice("loudness_missed", "The loudness asked for was not reached: see the result of brand."),)
    return ()


def _tenths(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
