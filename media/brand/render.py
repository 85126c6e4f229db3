"""Brand: put an intro and an outro around a video and a watermark over it.

The output has the body's size, rotation, pixel shape, colours and frame times; its pictures are encoded as `trim`
does. Every body frame is in the output: outside of crossfades as it is (under the watermark), within them mixed with
the card. The first sound track carries the cards' sound, further ones are silent there, so that all stay in step.
Subtitles and chapters of the body move with it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av

from media import specs
from media.brand.cards import Player, open_card, picture_end
from media.brand.mixing import Mixer
from media.brand.plan import Plan, Segment, card_rate, make_plan
from media.brand.spec import BrandSpec, Card
from media.brand.watermark import Overlay
from media.decode import Picture, Reader, Sound
from media.encode import MAX_TIMESCALE, AudioSpec, AudioTrack, Mp4Writer, VideoSpec, VideoTrack
from media.errors import InputError
from media.fit import Fitter
from media.frames import Canvas, sane_aspect
from media.pixels import mix
from media.progress import Meter
from media.side import Side
from media.types import DEFAULT_LIMITS, Limits, Notice, Notices, Progress, no_progress, seconds

SILENT_BODY_SOUND = (48_000, "stereo")
"""Of a body without sound, when a card has some."""

# Sound may end a little after the picture (AAC comes in blocks); more than this is not cut off for an outro.
_TAIL = Fraction(1, 10)


@dataclass(frozen=True, slots=True)
class BrandResult:
    """What was written: `duration` in seconds, pictures and sound tracks, and what is on when."""

    duration: Fraction
    frames: int
    body_frames: int
    audio_tracks: int
    segments: tuple[Segment, ...]
    warnings: tuple[Notice, ...]
    subtitle_tracks: int = 0
    chapters: int = 0
    covers: int = 0

    def to_dict(self) -> dict[str, Any]:
        """JSON: times as decimal strings."""
        return {
            "duration": seconds(self.duration),
            "frames": self.frames,
            "body_frames": self.body_frames,
            "audio_tracks": self.audio_tracks,
            "subtitle_tracks": self.subtitle_tracks,
            "chapters": self.chapters,
            "covers": self.covers,
            "segments": [
                {"kind": item.kind, "start": seconds(item.start), "end": seconds(item.end)} for item in self.segments
            ],
            "warnings": [warning.to_dict() for warning in self.warnings],
        }


def brand(
    body: BinaryIO,
    target: Path,
    spec: BrandSpec,
    *,
    limits: Limits = DEFAULT_LIMITS,
    threads: int = 0,
    on_progress: Progress = no_progress,
) -> BrandResult:
    """Write `body` with what `spec` adds into the MP4 `target`. On any error `target` does not exist afterwards.

    Raises:
        InputError: as `open_source`, for the body and the cards; no_video, invalid_transition (a crossfade longer than
            a card or half of the body), unsupported_text and other refusals of `make_title`, and of `open_image`.
        EngineError: the encoder failed.
    """
    meter, notices = Meter(on_progress), Notices()
    with ExitStack() as stack:
        reader = stack.enter_context(Reader(body, limits=limits, threads=threads, on_packet=meter.tick))
        side = Side(reader.container, reader.timeline, notices)
        reader.attach(side)
        frame = reader.first_picture()
        if frame is None:
            raise InputError("no_video", "The file has no moving picture; branding needs one.")
        specs.note_losses(reader.container, reader.timeline, notices, side="kept")
        stage = _Stage(reader, specs.video_spec(reader.timeline, frame, notices), spec, limits, stack)
        sounds = stage.sound_specs(reader, notices)
        overlay = Overlay(spec.watermark, stage.canvas, limits) if spec.watermark else None
        meter.total = stage.plan.duration
        title = reader.container.metadata.get("title")
        with Mp4Writer(target, index="end", threads=threads, title=title) as writer:
            show = _Show(stage, overlay, writer.video(stage.video), [writer.audio(sound) for sound in sounds], meter)
            side.open(writer.container, [stage.video.time_base])
            show.play(reader, side)
        _note(stage, reader, notices)
        meter.finish()
    return BrandResult(
        duration=stage.plan.duration,
        frames=show.video.frames,
        body_frames=show.body_frames,
        audio_tracks=len(sounds),
        segments=stage.plan.segments,
        warnings=tuple(notices),
        subtitle_tracks=side.subtitle_tracks,
        chapters=side.chapters,
        covers=side.covers,
    )


class _Stage:
    """The canvas, the cards on it and their plan."""

    def __init__(self, reader: Reader, video: VideoSpec, spec: BrandSpec, limits: Limits, stack: ExitStack) -> None:
        line = reader.timeline
        rate = card_rate(line.rate)
        self.video = replace(video, time_base=_finer(video.time_base, rate))
        self.canvas = Canvas(
            width=video.width,
            height=video.height,
            pixel_format=video.pixel_format,
            sample_aspect=sane_aspect(video.sample_aspect),
            colour=video.colour,
            matrix=video.matrix,
        )

        def opened(card: Card | None) -> Player | None:
            return None if card is None else open_card(card, self.canvas, step=1 / rate, limits=limits, stack=stack)

        self.intro, self.outro = opened(spec.intro), opened(spec.outro)
        end = picture_end(line)
        exact = spec.outro is not None and line.duration - end <= _TAIL
        self.plan: Plan = make_plan(
            body=end if exact else line.duration,
            rate=rate,
            tick=self.video.time_base,
            intro=self.intro.duration if self.intro else None,
            outro=self.outro.duration if self.outro else None,
            transition=spec.transition,
        )
        limits.check_duration(self.plan.duration)

    def sound_specs(self, reader: Reader, notices: Notices) -> list[AudioSpec]:
        """The body's tracks; for a silent body one track if a card has sound."""
        tracks = [specs.audio_spec(stream, notices) for stream in reader.timeline.audio]
        cards = any(card is not None and card.sound_format is not None for card in (self.intro, self.outro))
        if not tracks and cards:
            rate, layout = SILENT_BODY_SOUND
            tracks.append(AudioSpec(rate=rate, layout=layout))
        return tracks


class _Show:
    """Writes the pictures and the sound of a stage in the order of their time."""

    def __init__(
        self, stage: _Stage, overlay: Overlay | None, video: VideoTrack, tracks: Sequence[AudioTrack], meter: Meter
    ) -> None:
        self._plan, self._intro, self._outro = stage.plan, stage.intro, stage.outro
        self._overlay = overlay
        self._fit = Fitter(stage.video.width, stage.video.height, stage.video.pixel_format)
        self._meter = meter
        self._mixers = [
            Mixer(track, stage.plan, intro=None if number else stage.intro, outro=None if number else stage.outro)
            for number, track in enumerate(tracks)
        ]
        self._held: tuple[av.VideoFrame, Fraction] | None = None
        self.video = video
        self.body_frames = 0

    def play(self, reader: Reader, side: Side) -> None:
        """Everything, from the intro to the outro."""
        plan = self._plan
        if self._intro is not None:
            for number in range(plan.intro_frames - plan.intro_overlap):
                self._write(self._intro.picture(number * plan.frame), number * plan.frame)
        side.begin(Fraction(0), plan.body_start)
        bodiless = [] if reader.timeline.audio else self._mixers
        for item in reader.read(Fraction(0), plan.body):
            match item:
                case Picture(frame, time):
                    self._body(frame, plan.body_start + (time if self.body_frames else 0))
                    side.advance(plan.body_start + time)
                    for mixer in bodiless:
                        mixer.fill(plan.body_start + time)
                case Sound(track, samples):
                    self._mixers[track].take(samples)
        if not self.body_frames:
            raise InputError("damaged_file", "The file is damaged: none of its frames can be decoded.")
        self._flush(plan.body_end)
        side.end(plan.body_end)
        side.finish(plan.duration)
        if self._outro is not None:
            for number in range(plan.outro_overlap, plan.outro_frames):
                time = number * plan.frame
                self._write(self._outro.picture(time), plan.outro_start + time)
        for mixer in self._mixers:
            mixer.fill(plan.duration)

    def _body(self, frame: av.VideoFrame, time: Fraction) -> None:
        """Take a body frame; it is written once the time of the next one is known."""
        fitted = self._fit(frame)
        if self._overlay is not None:
            fitted = self._overlay(fitted)
        self._flush(time)
        self._held = (fitted, time)
        self.body_frames += 1

    def _flush(self, until: Fraction) -> None:
        if self._held is None:
            return
        frame, start = self._held
        for time in self._plan.instants(start, until):
            self._write(self._blended(frame, time), time)

    def _blended(self, frame: av.VideoFrame, time: Fraction) -> av.VideoFrame:
        weight = self._plan.weight(time)
        if weight == 1:
            return frame
        if self._intro is not None and time < self._plan.intro_end:
            return mix(self._intro.picture(time), frame, weight)
        if self._outro is not None:
            return mix(self._outro.picture(time - self._plan.outro_start), frame, weight)
        return frame

    def _write(self, frame: av.VideoFrame, time: Fraction) -> None:
        self.video.write(frame, time, self._plan.duration - time)
        if time < self._plan.body_start or time >= self._plan.body_end:
            for mixer in self._mixers:
                mixer.fill(time)
        self._meter.report(time)


def _finer(base: Fraction, rate: Fraction) -> Fraction:
    """A time base that holds the body's times, and the grid of the cards too if that is not too fine."""
    both = math.lcm(base.denominator, rate.numerator)
    return Fraction(1, both) if base.numerator == 1 and both <= MAX_TIMESCALE else base


def _note(stage: _Stage, reader: Reader, notices: Notices) -> None:
    if reader.ended is not None and reader.ended < stage.plan.body - 1:
        notices.add("ends_early", "The file ends before the time that its header names; its last picture stands there.")
    if reader.damaged:
        notices.add("damaged_frames", "Parts of the source are damaged; what could be decoded was kept.")
