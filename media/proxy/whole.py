"""A proxy put together of its parts, or made of a source in one go."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from media.progress import Meter
from media.proxy.pictures import encode_pictures
from media.proxy.plan import GRID, ProxyPlan, segment
from media.proxy.sound import encode_sound
from media.segments.join import join
from media.segments.pictures import EncodedSegment
from media.segments.sound import EncodedSound
from media.source import open_source
from media.types import DEFAULT_LIMITS, NO_LIMITS, Limits, Notice, Progress, no_progress, seconds

NAME = "proxy.mp4"
# Of the work of a proxy.
_SOUND_SHARE = Fraction(1, 10)


@dataclass(frozen=True, slots=True)
class ProxyResult:
    """What was made: `size` is its width and height in pixels (None for sound alone), `duration` in seconds."""

    duration: Fraction
    size: tuple[int, int] | None
    frames: int
    has_sound: bool
    warnings: tuple[Notice, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON: times as decimal strings, the size as `[width, height]`."""
        return {
            "duration": seconds(self.duration),
            "size": None if self.size is None else list(self.size),
            "frames": self.frames,
            "has_sound": self.has_sound,
            "keyframe_grid": seconds(GRID),
            "warnings": [warning.to_dict() for warning in self.warnings],
        }


def join_proxy(
    plan: ProxyPlan,
    pictures: Iterable[tuple[EncodedSegment, BinaryIO]],
    sound: tuple[EncodedSound, BinaryIO] | None,
    target: Path,
    *,
    on_progress: Progress = no_progress,
) -> ProxyResult:
    """Put the pictures of `plan`'s segments, in order, and the sound together; on any error `target` does not exist.

    Raises:
        NotSplittable, EngineError: as `media.segments.join.join`.
    """
    made = join(plan.segments, pictures, sound, target, on_progress=on_progress)
    with target.open("rb") as file, open_source(file, NO_LIMITS) as container:
        context = container.streams.video[0].codec_context
        size = (context.width, context.height)
    return ProxyResult(made.duration, size, made.frames, bool(made.audio_tracks), made.warnings)


def make_proxy(
    source: BinaryIO,
    target: Path,
    plan: ProxyPlan,
    *,
    limits: Limits = DEFAULT_LIMITS,
    threads: int = 0,
    on_progress: Progress = no_progress,
) -> ProxyResult:
    """Make the proxy of a source in one go, whatever parts it was planned in; on any error `target` does not exist.

    Raises:
        InputError: as `encode_pictures` and `encode_sound`.
        EngineError: as `join_proxy`.
    """
    if not plan.segments:
        return _sound_alone(source, target, plan.duration, limits, on_progress)
    meter, share = Meter(on_progress), Fraction(1) if not plan.has_sound else 1 - _SOUND_SHARE
    duration = plan.duration
    with TemporaryDirectory(dir=target.parent) as name, ExitStack() as files:
        film, track = Path(name, "video.mp4"), Path(name, "sound.m4a")
        whole = segment(0, Fraction(0), duration, duration)
        pictures = encode_pictures(
            source,
            film,
            whole,
            plan.look,
            limits=limits,
            threads=threads,
            on_progress=lambda done: meter.report(done * share),
        )
        sound = None
        if plan.has_sound:
            source.seek(0)
            sound, heard = encode_sound(
                source,
                track,
                duration,
                limits=limits,
                on_progress=lambda done: meter.report(share + done * (1 - share)),
            )
            if pictures.early and sound.early:
                # The file ends before the time that its header names, and the proxy with it.
                pictures, duration = _ended(pictures, film, heard)
                source.seek(0)
                sound, _ = encode_sound(source, track, duration, limits=limits)
                sound = replace(sound, early=())
        elif pictures.early:
            pictures, duration = _ended(pictures, film, Fraction(0))
        whole = segment(0, Fraction(0), duration, duration)
        given = None if sound is None else (sound, files.enter_context(track.open("rb")))
        file = files.enter_context(film.open("rb"))
        return join_proxy(replace(plan, segments=(whole,)), [(pictures, file)], given, target)


def _sound_alone(
    source: BinaryIO, target: Path, duration: Fraction, limits: Limits, on_progress: Progress
) -> ProxyResult:
    made, heard = encode_sound(source, target, duration, limits=limits, on_progress=on_progress)
    if made.early:
        source.seek(0)
        made, heard = encode_sound(source, target, heard, limits=limits)
    return ProxyResult(min(heard, duration), None, 0, True, made.warnings)


def _ended(pictures: EncodedSegment, film: Path, heard: Fraction) -> tuple[EncodedSegment, Fraction]:
    """The pictures with the end that they have, or the sound if that is later, and that end in seconds."""
    with film.open("rb") as file, open_source(file, NO_LIMITS) as container:
        base = container.streams.video[0].time_base or Fraction(1, 90_000)
    end = max(pictures.last + pictures.step, round(heard / base))
    return replace(pictures, end=end, early=()), end * base
