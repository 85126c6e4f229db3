"""How far copied sound is from its picture, measured on the finished file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from statistics import median_low
from typing import TYPE_CHECKING, BinaryIO

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Discard

from media.smartcut.errors import failed
from media.smartcut.index import Table, sample_table
from media.tables import Ints
from media.timeline import Timeline

if TYPE_CHECKING:
    from media.smartcut.certificate import Claim

LISTEN = Fraction(1, 2)
_MARGIN = Fraction(1, 5)
_ENOUGH = 4


@dataclass(frozen=True, slots=True)
class Opened:
    """A file, opened, its timeline, and when its pictures are shown, in ticks, if its index tells; where samples are to
    be copied as bytes, also the file itself and the pictures in its index."""

    container: InputContainer
    line: Timeline
    shown: Ints | None = None
    file: BinaryIO | None = None
    table: Table | None = None


def sound_tracks(made: Opened, ids: Mapping[int, int]) -> dict[int, AudioStream]:
    """The sound tracks of a finished file by what their `ids` are given for: an empty one takes no place in it.

    Raises:
        NotCuttable: certificate_failed, when there are others than these.
    """
    there = {stream.id: stream for stream in made.line.audio}
    if there.keys() != set(ids.values()):
        raise failed("the sound tracks are others than were written")
    return {number: there[track] for number, track in ids.items()}


def heard_ticks(source: Opened, stream: AudioStream) -> Ints | None:
    """The ticks of all packets of a sound track by the index of the file; None where it has none of all of it."""
    if not source.container.format.name.startswith("mov,"):
        return None
    table = sample_table(stream)
    return table.ticks[~table.hidden] if len(table.ticks) == stream.frames else None


def sound_before(source: Opened, stream: AudioStream, start: Fraction, read: Ints, packet: Fraction) -> bool:
    """Whether a track has more than one packet from `start`, in the container's own time, to the first one that was
    `read` of it."""
    unit = stream.time_base or Fraction(1)
    first = int(read.min()) * unit if len(read) else None
    if first is not None and first <= start + packet:
        return False
    end = start + LISTEN if first is None else min(first, start + LISTEN)
    return any(time + packet < end for time, _ in _packets(source.container, stream, start, end))


def sound_offset(source: Opened, made: Opened, claim: Claim, number: int, at: int) -> Fraction | None:
    """Seconds by which the sound of copied track `number` comes after its picture, right after tick `at` of the
    output; the median of half a second, because silence repeats itself. None where the source has too few packets.

    Raises:
        NotCuttable: certificate_failed, when the source has packets there that are not found again.
    """
    start, line = at * claim.unit, source.line
    span = max((span for span in claim.spans if span.at <= start), key=lambda span: span.at)
    unit = line.video.time_base if line.video is not None and line.video.time_base else Fraction(1)
    moved = span.at - span.first * unit
    # The last packets before a joint are those with which the range after it begins.
    lead = 2 * claim.copied_sound[number]
    close = span.at + (span.stop - span.first) * unit
    end = min([start + LISTEN, close, *(other.at - lead for other in claim.spans if other.at > start)])
    track = sound_tracks(made, claim.sound)[number]
    found = _track(source.container, line.audio[number], start - moved)
    inside = start - moved + lead, end - moved - lead
    expected = sum(inside[0] <= time < inside[1] for times in found.values() for time in times)
    offsets = []
    for time, data in _packets(made.container, track, start, end):
        if data in found:
            offsets.append(min((time - origin - moved for origin in found[data]), key=abs))
    if len(offsets) < min(expected, _ENOUGH):
        raise failed(f"sound at {float(start):.3f} s is not that of the source")
    return median_low(offsets) if len(offsets) >= _ENOUGH else None


def _track(container: InputContainer, stream: AudioStream, start: Fraction) -> dict[bytes, list[Fraction]]:
    found: dict[bytes, list[Fraction]] = {}
    for time, data in _packets(container, stream, start - _MARGIN, start + LISTEN + _MARGIN):
        found.setdefault(data, []).append(time)
    return found


def _packets(
    container: InputContainer, stream: AudioStream, start: Fraction, end: Fraction
) -> Iterator[tuple[Fraction, bytes]]:
    """Packets of one track within a stretch of the container's own time; silence between packets is passed over."""
    for other in container.streams:
        other.discard = Discard.default if other is stream else Discard.all
    unit = stream.time_base or Fraction(1)
    try:
        container.seek(int(start / unit), stream=stream)
    except FFmpegError:
        return
    for packet in container.demux(stream):
        if not packet.size or packet.pts is None:
            continue
        time = packet.pts * unit
        if time >= end:
            return
        if time >= start:
            yield time, _payload(bytes(packet))


def _payload(data: bytes) -> bytes:
    """An AAC packet without the ADTS header that MPEG-TS has and MP4 has not (ISO/IEC 14496-3, 1.A.2.2)."""
    if len(data) > 9 and data[0] == 0xFF and data[1] & 0xF6 == 0xF0:
        return data[7 if data[1] & 1 else 9 :]
    return data
