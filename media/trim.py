"""Trim: keep ranges of a source, to the frame and to the sample.

Kept are exactly the frames whose time t, counted from the presentation start, satisfies start ≤ t < end. Where frames
follow each other without a pause, a range is taken from its first frame to the frame after its last one (`media.grid`).
The sound of every track is cut at the same instants to the sample. A frame's distance from the start of its range does
not change; only the first frame of a range is shown from the cut on. A range in which no frame begins shows the frame
that was on show.
Sound that is missing within a range is silence, so that picture and sound stay together over every cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av

from media import specs
from media.decode import Picture, Reader, Sound
from media.encode import AudioTrack, Mp4Writer, VideoTrack
from media.errors import InputError
from media.film import Film
from media.progress import Meter
from media.ranges import Cuts, resolve
from media.side import Side
from media.types import DEFAULT_LIMITS, Limits, Notices, Progress, Range, no_progress, seconds
from media.watchdog import TIMES_FALL, TIMES_LEAP
from media.written import check_written

# A source whose streams all end this much before its announced end was cut off.
EARLY = Fraction(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrimResult(Film):
    """What was written: the ranges as they were cut, and how many seconds of it were encoded anew."""

    ranges: tuple[Range, ...]
    reencoded: Fraction

    def to_dict(self) -> dict[str, Any]:
        """JSON: times as decimal strings."""
        return Film.to_dict(self) | {
            "ranges": [item.to_dict() for item in self.ranges],
            "reencoded_s": seconds(self.reencoded),
        }


def trim(
    source: BinaryIO,
    target: Path,
    keep: Sequence[Range],
    *,
    cuts: Cuts = "frames",
    limits: Limits = DEFAULT_LIMITS,
    threads: int = 0,
    on_progress: Progress = no_progress,
) -> TrimResult:
    """Write the ranges of `source`, in the order given, one after the other into the MP4 `target`.

    Pictures become H.264 (8 bits) or HEVC (10 bits) with their colour, aspect and rotation; every sound track becomes
    AAC. `threads` 0 means one per core. On any error `target` does not exist afterwards.

    Raises:
        InputError: as `open_source`, and invalid_range, range_past_end, unsupported_codec, damaged_file (nothing in the
            ranges decodes).
        EngineError: the encoder failed, certificate_failed.
    """
    meter = Meter(on_progress)
    notices = Notices()
    with Reader(source, limits=limits, threads=threads, on_packet=meter.tick) as reader:
        line, title = reader.timeline, reader.container.metadata.get("title")
        asked = resolve(keep, line.duration, 1 / line.rate)
        specs.note_losses(reader.container, line, notices, side="kept")
        side = Side(reader.container, line, notices)
        reader.attach(side)
        frame = reader.first_picture()
        ranges = reader.on_frames(asked) if cuts == "frames" else asked
        meter.total = sum((end - start for start, end in ranges), Fraction(0))
        with Mp4Writer(target, index="end", threads=threads, title=title) as writer:
            video = None if frame is None else writer.video(specs.video_spec(line, frame, notices))
            tracks = [writer.audio(specs.audio_spec(stream, notices)) for stream in line.audio]
            joint = _Joint(video, tracks)
            side.open(writer.container, [Fraction(1, 1000) if video is None else video.base])
            for number, (start, end) in enumerate(ranges, 1):
                joint.begin(start, end)
                side.begin(start, joint.start)
                for item in reader.read(start, end, never_empty=True):
                    joint.take(item)
                    side.advance(joint.time)
                    meter.report(joint.time)
                if reader.ended is not None and reader.ended < max(end - EARLY, start):
                    notices.add(
                        "ends_early", "The file ends before the time that its header names; the cut ends there."
                    )
                    joint.shorten(end - max(reader.ended, start))
                joint.finish(number, damaged=bool(reader.damaged))
                side.end(joint.time)
            side.finish()
            meter.finish()
        shown = None if video is None else video.shown
        check_written(target, shown, audio_tracks=len(tracks), duration=joint.time)
        if len(joint.sizes) > 1:
            notices.add("size_changed", "The picture changes its size on the way; all of it has the size of the start.")
        if joint.squeezed:
            notices.add(*TIMES_FALL)
        if reader.leaped:
            notices.add(*TIMES_LEAP)
        if reader.damaged:
            notices.add("damaged_frames", "Parts of the source are damaged; what could be decoded was kept.")
    return TrimResult(
        duration=joint.time,
        frames=0 if video is None else video.frames,
        audio_tracks=len(tracks),
        ranges=tuple(joint.ranges),
        reencoded=joint.time,
        warnings=tuple(notices),
        subtitle_tracks=side.subtitle_tracks,
        chapters=side.chapters,
        covers=side.covers,
    )


class _Joint:
    """Puts ranges one after the other; each begins exactly where the one before ends, in every track."""

    def __init__(self, video: VideoTrack | None, tracks: Sequence[AudioTrack]) -> None:
        self._video, self._tracks = video, tracks
        self.start = self._shift = self._end = Fraction(0)
        self._pending: tuple[av.VideoFrame, Fraction] | None = None
        self._empty = True
        self.time = Fraction(0)
        self.ranges: list[Range] = []
        self.sizes: set[tuple[int, int]] = set()
        self.squeezed = False

    def begin(self, start: Fraction, end: Fraction) -> None:
        """The next range of the source."""
        self.start = self._end
        self._shift = self.start - start
        self._end += end - start
        self._empty = True

    def take(self, item: Picture | Sound) -> None:
        """Write a picture or samples of the current range."""
        match item:
            case Picture(frame, at):
                self._flush(None)
                time = self.start if self._empty else at + self._shift
                self.squeezed = self.squeezed or (not self._empty and time <= self.time)
                self.time = time
                self._pending = (frame, self.time)
                self._empty = False
                self.sizes.add((frame.width, frame.height))
            case Sound(number, samples):
                track = self._tracks[number]
                track.write(samples[:, : self._room(track)])
                if self._video is None:
                    self.time = Fraction(track.samples, track.rate)
                    self._empty = False

    def shorten(self, by: Fraction) -> None:
        """The current range ends earlier than announced."""
        self._end -= by

    def finish(self, number: int, *, damaged: bool) -> None:
        """Close the current range: its last frame lasts, and its sound is silent, to the end."""
        if self._empty and (damaged or self._end == self.start):
            raise InputError(
                "damaged_file", f"The file is damaged or cut off: nothing of range {number} can be decoded."
            )
        if self._empty and self._video is not None:
            raise InputError("invalid_range", f"No picture is on show in range {number}.")
        self._flush(self._end)
        for track in self._tracks:
            track.write_silence(self._room(track))
        self.time = self._end
        self.ranges.append(Range(self.start - self._shift, self._end - self._shift))

    def _flush(self, end: Fraction | None) -> None:
        if self._pending is not None and self._video is not None:
            frame, at = self._pending
            self._video.write(frame, at, None if end is None else end - at)
        self._pending = None

    def _room(self, track: AudioTrack) -> int:
        return max(round(self._end * track.rate) - track.samples, 0)
