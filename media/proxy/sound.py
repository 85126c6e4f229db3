"""The sound of a proxy: the main track in stereo, as one stream."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from media.decode import Reader, Sound
from media.encode import AudioSpec, Mp4Writer
from media.errors import InputError
from media.progress import Meter
from media.resample import Resampler
from media.segments.sound import EncodedSound
from media.timeline import layout_name
from media.trim import EARLY
from media.types import DEFAULT_LIMITS, Limits, Notices, Progress, no_progress
from media.watchdog import TIMES_LEAP
from media.written import check_written

RATE, LAYOUT = 48_000, "stereo"
BIT_RATE = 128_000


def encode_sound(
    source: BinaryIO,
    target: Path,
    duration: Fraction,
    *,
    limits: Limits = DEFAULT_LIMITS,
    on_progress: Progress = no_progress,
) -> tuple[EncodedSound, Fraction]:
    """Write the main sound track of a source as stereo AAC of `duration` seconds into an MP4; what is missing of it is
    silence. Tell besides how many seconds there were. On any error `target` does not exist afterwards.

    Raises:
        InputError: as `open_source`, and no_audio, damaged_file (nothing of sound alone decodes).
        EngineError: the encoder failed, certificate_failed.
    """
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
