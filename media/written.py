"""What a finished file must hold, read back from its index: cheap, and asked of everything that was encoded.

An encoder that loses a picture, a muxer that moves one, sound that ends before its picture: all show in the index.
Whether pictures decode to what they were made from does not; the certificate of a smart cut asks that as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np
from av.container import InputContainer

from media.errors import EngineError, InputError
from media.shown import Shown
from media.smartcut.index import shown_ticks
from media.smartcut.mux import removed_on_error
from media.source import is_picture, open_source
from media.types import NO_LIMITS

_APART = Fraction(1, 10)
"""Seconds by which the picture may end before or after the time that was asked for: pictures do not end at cuts."""
_PACKETS = 3
"""Packets of AAC by which sound may: the encoder's delay, and the last one that is not full."""
_AAC_FRAME = 1024


def check_written(
    target: Path,
    shown: Shown | None,
    *,
    audio_tracks: int,
    duration: Fraction,
    sound_ends: Sequence[Fraction] | None = None,
) -> None:
    """Check the index of the MP4 `target`: every picture is there, at its time, and sound and picture have one length.

    `shown` is None for sound alone; `duration` is in seconds, and that at which each sound track ends unless
    `sound_ends` names others. Where the pictures of a source stand evenly, so do those
    of the result, as each has its own time. On any error `target` does not exist afterwards.

    Raises:
        EngineError: certificate_failed, with what does not hold.
    """
    with removed_on_error(target), target.open("rb") as file, _opened(file) as container:
        if shown is not None:
            _check_pictures(file, container, shown, duration)
        if len(container.streams.audio) != audio_tracks:
            raise _failed(f"it has {len(container.streams.audio)} sound tracks instead of {audio_tracks}")
        for stream, end in zip(container.streams.audio, sound_ends or [duration] * audio_tracks, strict=True):
            length = (stream.start_time or 0) + (stream.duration or 0)
            off = length * (stream.time_base or Fraction(0)) - end
            if abs(off) > Fraction(_PACKETS * _AAC_FRAME, stream.rate):
                raise _failed(f"a sound track ends {float(off):+.3f} s from where it should")


def _check_pictures(file: BinaryIO, container: InputContainer, shown: Shown, duration: Fraction) -> None:
    video = next((stream for stream in container.streams.video if not is_picture(stream)), None)
    if video is None:
        raise _failed("it has no picture")
    decoded = np.array([entry.timestamp for entry in video.index_entries], np.int64)
    if len(decoded) != len(shown.ticks):
        raise _failed(f"it has {len(decoded)} pictures instead of {len(shown.ticks)}")
    if (np.diff(decoded) <= 0).any():
        raise _failed("decoding times do not rise")
    times = shown_ticks(file, container, video)
    if times is None or not np.array_equal(np.sort(times), np.sort(np.array(shown.ticks, np.int64))):
        raise _failed("a picture is not shown at its time")
    # An edit list counts in ticks of its own.
    if abs((video.duration or 0) - shown.end) > 1:
        raise _failed("its last picture does not end at its time")
    off = shown.end * (video.time_base or Fraction(0)) - duration
    if abs(off) > _APART:
        raise _failed(f"its picture ends {float(off):+.3f} s from where it should")


def _failed(reason: str) -> EngineError:
    return EngineError("certificate_failed", f"The result did not pass its check: {reason}.")


@contextmanager
def _opened(file: BinaryIO) -> Iterator[InputContainer]:
    try:
        with open_source(file, NO_LIMITS) as container:
            yield container
    except InputError as error:
        raise _failed(f"it cannot be read ({error.code})") from error
