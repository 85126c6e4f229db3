"""The sound of a proxy: the main track as one stream, copied where it suits a proxy, else encoded in stereo."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

from av.audio.stream import AudioStream
from av.error import InvalidDataError
from av.packet import Packet
from av.stream import Discard

from media.decode import Reader, Sound
from media.encode import AudioSpec, Mp4Writer
from media.errors import InputError
from media.progress import Meter
from media.readahead import announce
from media.resample import Resampler
from media.segments.sound import EncodedSound
from media.smartcut.audio import can_copy
from media.source import open_source
from media.timeline import layout_name, timeline
from media.trim import EARLY
from media.types import DEFAULT_LIMITS, Limits, Notices, Progress, no_progress
from media.watchdog import TIMES_LEAP
from media.written import check_written

RATE, LAYOUT = 48_000, "stereo"
BIT_RATE = 128_000
_MOST_BIT_RATE = 200_000
_AAC_FRAME = 1024
# Where containers round times, packets stand a millisecond off; more than this is a gap.
_TOLERANCE = Fraction(1, 100)
# Decoders are given packets that are not heard: two of them, at the lowest usual rate.
_START = Fraction(1, 8)


def encode_sound(
    source: BinaryIO,
    target: Path,
    duration: Fraction,
    *,
    limits: Limits = DEFAULT_LIMITS,
    on_progress: Progress = no_progress,
) -> tuple[EncodedSound, Fraction]:
    """Write the main sound track of a source as AAC of `duration` seconds into an MP4. Tell besides how many seconds of
    it there were. On any error `target` does not exist afterwards.

    One or two channels of AAC-LC without a gap are copied. Else it becomes stereo, and what is missing silence.

    Raises:
        InputError: as `open_source`, and no_audio, damaged_file (nothing of sound alone decodes).
        EngineError: the encoder failed, certificate_failed.
    """
    copied = _copied(source, target, duration, limits, on_progress)
    if copied:
        return EncodedSound(1, (), False, ()), duration
    source.seek(0)
    meter, notices = Meter(on_progress, duration), Notices()
    with Reader(source, limits=limits, sound="main", pictures="none", on_packet=meter.tick) as reader:
        if not reader.audio:
            raise InputError("no_audio", "The file has no sound.")
        main = reader.audio[0]
        resampler = Resampler((main.rate, layout_name(main)), (RATE, LAYOUT))
        with Mp4Writer(target, index="end") as writer:
            track = writer.audio(AudioSpec(rate=RATE, layout=LAYOUT, bit_rate=BIT_RATE))
            for item in reader.read(Fraction(0), duration):
                if isinstance(item, Sound):
                    track.write(resampler(item.samples))
                    meter.report(Fraction(track.samples, RATE))
            track.write(resampler.rest()[:, : max(round(duration * RATE) - track.samples, 0)])
            heard = Fraction(track.samples, RATE)
            if not heard and reader.timeline.video is None:
                raise InputError("damaged_file", "The file is damaged: none of its sound can be decoded.")
            track.write_silence(max(round(duration * RATE) - track.samples, 0))
            meter.finish()
    if reader.leaped:
        notices.add(*TIMES_LEAP)
    check_written(target, None, audio_tracks=1, duration=Fraction(track.samples, RATE))
    early = (0,) if reader.ended is not None and reader.ended < duration - EARLY else ()
    return EncodedSound(1, early, bool(reader.damaged), tuple(notices)), heard


def _copied(source: BinaryIO, target: Path, duration: Fraction, limits: Limits, on_progress: Progress) -> bool:
    """Copy the packets of the main track into `target`, if they are as they need to be; else it does not exist."""
    meter = Meter(on_progress, duration)
    with open_source(source, limits) as container:
        line = timeline(container)
        if not line.audio or line.video is None or not _suits(line.audio[0]):
            return False
        stream = line.audio[0]
        announce(source, container, line, [(Fraction(0), duration)])
        for other in container.streams:
            other.discard = Discard.default if other is stream else Discard.all
        try:
            with Mp4Writer(target, index="end") as writer:
                track = writer.copy(stream)
                for packet, time in _evenly(container.demux(stream), stream, line.origin, duration):
                    track.write(packet)
                    meter.report(max(time, Fraction(0)))
        except (_NotEven, InvalidDataError):
            return False
    check_written(target, None, audio_tracks=1, duration=duration)
    meter.finish()
    return True


class _NotEven(Exception):
    """Packets do not follow each other without a gap from the start to the end."""


def _suits(stream: AudioStream) -> bool:
    context = stream.codec_context
    return (
        can_copy(stream)
        and context.profile == "LC"
        and stream.layout.nb_channels <= 2
        and (stream.bit_rate or 0) <= _MOST_BIT_RATE
        and bool(context.extradata)
    )


def _evenly(
    packets: Iterator[Packet[Any]], stream: AudioStream, origin: Fraction, duration: Fraction
) -> Iterator[tuple[Packet[Any], Fraction]]:
    """The packets up to `duration`, each right after the one before, and their times in seconds of the source."""
    unit = stream.time_base or Fraction(1, stream.rate)
    length = Fraction(_AAC_FRAME, stream.rate)
    due: Fraction | None = None
    for packet in packets:
        if not packet.size:
            continue
        if packet.pts is None or packet.is_corrupt:
            raise _NotEven
        time = packet.pts * unit - origin
        if due is None:
            due = time
            if not -_START < time < _TOLERANCE:
                raise _NotEven
        if abs(time - due) > _TOLERANCE:
            raise _NotEven
        if due >= duration:
            return
        packet.pts = packet.dts = round(due / unit)
        yield packet, due
        due += length
    if due is None or due < duration - length:
        raise _NotEven
