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
from media.trim import EARLY
from media.types import DEFAULT_LIMITS, Limits, Notice, Notices, Progress, Range, no_progress
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
    check_written(target, None, audio_tracks=len(tracks), duration=at)
    return EncodedSound(len(tracks), tuple(early), bool(reader.damaged), tuple(notices))


def _room(track: AudioTrack, until: Fraction) -> int:
    """How many samples of the track are missing up to a time of the result."""
    return max(round(until * track.rate) - track.samples, 0)
