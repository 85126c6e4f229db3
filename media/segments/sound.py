"""All the sound of the result, in one go: an encoder's delay is hidden at the start of a track only, so that pieces
encoded apart would drift by 1024 samples at each joint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

from media import specs
from media.decode import Reader, Sound
from media.encode import AudioTrack, Mp4Writer
from media.errors import InputError
from media.progress import Meter
from media.ranges import resolve
from media.smartcut.audio import can_copy
from media.timeline import Timeline
from media.trim import EARLY
from media.types import DEFAULT_LIMITS, Limits, Notice, Notices, Progress, Range, no_progress
from media.watchdog import TIMES_LEAP
from media.written import check_written


@dataclass(frozen=True, slots=True)
class EncodedSound:
    """What was written: the number of tracks, the places of ranges at whose end all sound of the source had long ended,
    and whether some of it did not decode."""

    tracks: int
    early: tuple[int, ...]
    damaged: bool
    warnings: tuple[Notice, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "tracks": self.tracks,
            "early": list(self.early),
            "damaged": self.damaged,
            "warnings": [warning.to_dict() for warning in self.warnings],
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> EncodedSound:
        """Read what `to_dict` wrote."""
        warnings = tuple(Notice(**warning) for warning in document["warnings"])
        return cls(document["tracks"], tuple(document["early"]), document["damaged"], warnings)


@dataclass(frozen=True, slots=True)
class SourceSound:
    """The tracks of a source as they are, to be copied: when each `ends`, in seconds of the source, and by how many of
    its ticks each is moved so that the presentation starts at 0."""

    ends: tuple[Fraction, ...]
    shifts: tuple[int, ...]

    @property
    def tracks(self) -> int:
        """How many there are."""
        return len(self.ends)


def source_sound(line: Timeline) -> SourceSound | None:
    """What of an opened source's sound may be copied along with all of its pictures; None where it is to be encoded, or
    where there is none."""
    if not line.audio or not all(can_copy(stream) and stream.duration is not None for stream in line.audio):
        return None
    units = [stream.time_base or Fraction(1, stream.rate) for stream in line.audio]
    ends = [
        ((stream.start_time or 0) + (stream.duration or 0)) * unit - line.origin
        for stream, unit in zip(line.audio, units, strict=True)
    ]
    return SourceSound(tuple(ends), tuple(round(line.origin / unit) for unit in units))


def encode_sound(
    source: BinaryIO,
    target: Path,
    keep: Sequence[Range],
    *,
    limits: Limits = DEFAULT_LIMITS,
    on_progress: Progress = no_progress,
) -> EncodedSound:
    """Write every sound track of the ranges, in the order given, as one continuous AAC track each.

    Sound is cut to the sample; what is missing of a range is silence. On any error `target` does not exist afterwards.

    Raises:
        InputError: as `open_source`, and no_audio, unsupported_codec, invalid_range, range_past_end.
        EngineError: the encoder failed, certificate_failed.
    """
    meter, notices = Meter(on_progress), Notices()
    early = []
    with Reader(source, limits=limits, pictures="none", on_packet=meter.tick) as reader:
        line = reader.timeline
        if not line.audio:
            raise InputError("no_audio", "The file has no sound.")
        ranges = resolve(keep, line.duration, 1 / line.rate)
        meter.total = sum((end - start for start, end in ranges), Fraction(0))
        with Mp4Writer(target, index="end") as writer:
            tracks = [writer.audio(specs.audio_spec(stream, notices)) for stream in line.audio]
            at = Fraction(0)
            for index, (start, end) in enumerate(ranges):
                at += end - start
                for item in reader.read(start, end):
                    if isinstance(item, Sound):
                        track = tracks[item.track]
                        track.write(item.samples[:, : _room(track, at)])
                        meter.report(Fraction(track.samples, track.rate))
                if reader.ended is not None and reader.ended < max(end - EARLY, start):
                    early.append(index)
                for track in tracks:
                    track.write_silence(_room(track, at))
            meter.finish()
    if reader.leaped:
        notices.add(*TIMES_LEAP)
    check_written(target, None, audio_tracks=len(tracks), duration=at)
    return EncodedSound(len(tracks), tuple(early), bool(reader.damaged), tuple(notices))


def _room(track: AudioTrack, until: Fraction) -> int:
    """How many samples of the track are missing up to a time of the result."""
    return max(round(until * track.rate) - track.samples, 0)
