"""Branding by encoding every picture: under a watermark, and where the body cannot be copied.

The output has the body's size, rotation, pixel shape, colours and frame times; its pictures are encoded as `trim` does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av

from media import specs
from media.brand.mixing import Mixer
from media.brand.plan import card_rate
from media.brand.result import BrandResult
from media.brand.spec import BrandSpec
from media.brand.stage import NO_PICTURE, Stage, canvas_of, sound_specs
from media.decode import Picture, Reader, Sound
from media.encode import MAX_TIMESCALE, Mp4Writer, VideoSpec, VideoTrack
from media.errors import InputError
from media.fit import Fitter
from media.loudness import Level, Levelled, Writable, levelled
from media.progress import Meter
from media.side import Side
from media.types import Limits, Notices
from media.written import check_written

ENDS_EARLY = "ends_early", "The file ends before the time that its header names; its last picture stands there."
EARLY = Fraction(1)
"""Seconds by which a body ends before its announced end when it was cut off."""


def encode(
    body: BinaryIO,
    target: Path,
    spec: BrandSpec,
    *,
    limits: Limits,
    threads: int,
    meter: Meter,
    levels: Sequence[Level] = (),
) -> BrandResult:
    """Write `body` with what `spec` adds into the MP4 `target`; errors as of `media.brand.brand`.

    `levels` are what each sound track is brought to, none to leave them.
    """
    notices = Notices()
    with ExitStack() as stack:
        reader = stack.enter_context(Reader(body, limits=limits, threads=threads, on_packet=meter.tick))
        side = Side(reader.container, reader.timeline, notices)
        reader.attach(side)
        frame = reader.first_picture()
        if frame is None:
            raise InputError("no_video", NO_PICTURE)
        specs.note_losses(reader.container, reader.timeline, notices, side="kept")
        video = _on_grid(specs.video_spec(reader.timeline, frame, notices))
        canvas = canvas_of(video)
        stage = Stage(reader.timeline, canvas, spec, stack, tick=video.time_base, limits=limits)
        sounds = sound_specs(reader.timeline, (stage.intro, stage.outro), notices)
        meter.total = stage.plan.duration
        title = reader.container.metadata.get("title")
        with Mp4Writer(target, index="end", threads=threads, title=title) as writer:
            tracks = levelled([writer.audio(sound) for sound in sounds], levels)
            show = _Show(stage, video, meter, track=writer.video(video), sounds=tracks)
            side.open(writer.container, [video.time_base])
            show.play(reader, side)
            for track in tracks:
                if isinstance(track, Levelled):
                    track.flush()
        _note(stage, reader, notices)
    check_written(target, show.track.shown, audio_tracks=len(sounds), duration=stage.plan.duration)
    return BrandResult(
        duration=stage.plan.duration,
        frames=show.track.frames,
        body_frames=show.body_frames,
        audio_tracks=len(sounds),
        segments=stage.plan.segments,
        copied=Fraction(0),
        reencoded=stage.plan.duration,
        warnings=tuple(notices),
        subtitle_tracks=side.subtitle_tracks,
        chapters=side.chapters,
        covers=side.covers,
    )


class _Show:
    """Writes the pictures and the sound of a stage in the order of their time."""

    def __init__(
        self,
        stage: Stage,
        video: VideoSpec,
        meter: Meter,
        *,
        track: VideoTrack,
        sounds: Sequence[Writable],
    ) -> None:
        self._stage, self._plan = stage, stage.plan
        self._fit = Fitter(video.width, video.height, video.pixel_format)
        self._meter = meter
        self._mixers = [
            Mixer(sound, stage.plan, intro=None if number else stage.intro, outro=None if number else stage.outro)
            for number, sound in enumerate(sounds)
        ]
        self._held: tuple[av.VideoFrame, Fraction] | None = None
        self.track = track
        self.body_frames = 0

    def play(self, reader: Reader, side: Side) -> None:
        """Everything, from the intro to the outro."""
        plan = self._plan
        if self._stage.intro is not None:
            for number in range(plan.intro_frames - plan.intro_overlap):
                self._write(self._stage.intro.picture(number * plan.frame), number * plan.frame)
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
        if self._stage.outro is not None:
            for number in range(plan.outro_overlap, plan.outro_frames):
                time = number * plan.frame
                self._write(self._stage.outro.picture(time), plan.outro_start + time)
        for mixer in self._mixers:
            mixer.fill(plan.duration)

    def _body(self, frame: av.VideoFrame, time: Fraction) -> None:
        """Take a body frame; it is written once the time of the next one is known."""
        fitted = self._stage.paint(self._fit(frame), time - self._plan.body_start)
        self._flush(time)
        self._held = (fitted, time)
        self.body_frames += 1

    def _flush(self, until: Fraction) -> None:
        if self._held is None:
            return
        frame, start = self._held
        for time in self._plan.instants(start, until):
            self._write(self._stage.blended(frame, time), time)

    def _write(self, frame: av.VideoFrame, time: Fraction) -> None:
        self.track.write(frame, time, self._plan.duration - time)
        if time < self._plan.body_start or time >= self._plan.body_end:
            for mixer in self._mixers:
                mixer.fill(time)
        self._meter.report(time)


def _on_grid(video: VideoSpec) -> VideoSpec:
    """With a time base that holds the body's times, and the grid of the cards too if that is not too fine."""
    base, rate = video.time_base, card_rate(video.rate)
    both = math.lcm(base.denominator, rate.numerator)
    fine = base.numerator == 1 and both <= MAX_TIMESCALE
    return replace(video, time_base=Fraction(1, both)) if fine else video


def _note(stage: Stage, reader: Reader, notices: Notices) -> None:
    if reader.ended is not None and reader.ended < stage.plan.body - EARLY:
        notices.add(*ENDS_EARLY)
    if reader.damaged:
        notices.add("damaged_frames", "Parts of the source are damaged; what could be decoded was kept.")
