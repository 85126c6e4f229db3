"""A part of a proxy as fragments that can be played before the rest of it is made.

The pictures are those of the part, one group to a segment. The sound of a proxy is encoded in one go and comes when it
comes; until then that of the source is heard: its own packets where they are AAC in stereo or mono, at their own times,
else a stretch of it encoded for this.
"""

from __future__ import annotations

import math
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from av.container import InputContainer
from av.stream import Discard

from media.decode import Reader, Sound
from media.encode import AudioSpec, Mp4Writer
from media.errors import EngineError
from media.hls.index import Rendition
from media.hls.order import GRID
from media.hls.package import Clip, package
from media.hls.tracks import read_tracks
from media.proxy.sound import BIT_RATE, LAYOUT, RATE
from media.resample import Resampler
from media.smartcut.audio import RUN_UP, can_copy
from media.source import open_source
from media.timeline import Timeline, layout_name, timeline
from media.types import DEFAULT_LIMITS, Limits

_AHEAD = Fraction(1)
"""By how much the clock of copied sound is ahead: no packet of it begins before 0."""
_LATE = Fraction(1)
_STEREO = 2


def pack_part(
    source: BinaryIO, film: Path, start: int, end: Fraction, target: Path, *, limits: Limits = DEFAULT_LIMITS
) -> Rendition:
    """Pack the pictures of a part, in `film`, with the sound of the source beside them; files beside `target` come and
    go meanwhile.

    `start` is when the first picture is shown, in ticks of the film's track, `end` when the part ends, in seconds; what
    is packed has the times of the source. On any error `target` does not exist afterwards.

    Raises:
        InputError: as `media.source.open_source`.
        EngineError: the sound could not be encoded, `bad_layout`.
    """
    heard = target.with_suffix(".sound")
    try:
        with film.open("rb") as pictures:
            at = Fraction(start, read_tracks(pictures)[1][0].scale)
            ahead = _write_sound(source, heard, at, end, limits)
            if ahead is None:
                return package([Clip(pictures, at)], target, segment=GRID)
            with heard.open("rb") as sound:
                return package([Clip(pictures, at, (sound, ahead))], target, segment=GRID)
    finally:
        heard.unlink(missing_ok=True)


def _write_sound(source: BinaryIO, target: Path, start: Fraction, end: Fraction, limits: Limits) -> Fraction | None:
    """Write the main sound of a stretch; return by how much its clock is ahead of one that begins at `start`.

    None stands for a source without sound.
    """
    source.seek(0)
    with open_source(source, limits) as container:
        line = timeline(container)
        if not line.audio:
            return None
        main = line.audio[0]
        plain = can_copy(main) and main.layout.nb_channels <= _STEREO
        # What turns out not to be copied is encoded.
        with suppress(EngineError):
            if plain and _copied(container, line, target, start=start, end=end):
                return _AHEAD
    source.seek(0)
    _encoded(source, target, start, end, limits)
    return Fraction(0)


def _copied(container: InputContainer, line: Timeline, target: Path, *, start: Fraction, end: Fraction) -> int:
    """Copy the packets that begin in a stretch, or less than half of one before; return how many there are."""
    main = line.audio[0]
    for stream in container.streams:
        if stream is not main:
            stream.discard = Discard.all
    unit = main.time_base or Fraction(1, main.rate)
    container.seek(max(math.floor((start - RUN_UP + line.origin) / unit), 0), stream=main)
    shift = round((_AHEAD - line.origin - start) / unit)
    count = 0
    with Mp4Writer(target, index="end") as writer:
        track = writer.copy(main)
        for packet in container.demux(main):
            if packet.pts is None or not packet.size:
                continue
            time, half = packet.pts * unit - line.origin, (packet.duration or 0) * unit / 2
            if time > end + _LATE:
                break
            if start - half <= time < end - half:
                packet.pts = packet.dts = packet.pts + shift
                track.write(packet)
                count += 1
    return count


def _encoded(source: BinaryIO, target: Path, start: Fraction, end: Fraction, limits: Limits) -> None:
    """Encode a stretch; what is missing of it is silence."""
    with (
        Reader(source, limits=limits, sound="main", pictures="none") as reader,
        Mp4Writer(target, index="end") as writer,
    ):
        main = reader.audio[0]
        resampler = Resampler((main.rate, layout_name(main)), (RATE, LAYOUT))
        track = writer.audio(AudioSpec(rate=RATE, layout=LAYOUT, bit_rate=BIT_RATE))
        for item in reader.read(start, end):
            if isinstance(item, Sound):
                track.write(resampler(item.samples))
        track.write(resampler.rest())
        track.write_silence(max(round((end - start) * RATE) - track.samples, 0))
