"""What the index of a finished file proves of all of it, at the price of reading the index: every picture is shown when
it should be, every copied sample begins and ends as it was read, and no sound is missing."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.container import InputContainer

from media.smartcut.errors import failed
from media.smartcut.sync import heard_ticks, sound_before, sound_tracks

if TYPE_CHECKING:
    from media.smartcut.certificate import Claim
    from media.smartcut.pictures import Span
    from media.smartcut.sync import Opened

ENCODED, CARRIED = -1, -2
"""Stand for the mark of a sample that was not copied, and of one that was copied with others."""
_ENDS = 512
# Pictures that are looked at before the listener is told again.
_AT_ONCE = 256
_USUAL_FRAME = 1024
# Packets before a joint that are left to the range behind it, whose sound may begin there or not.
_LEFT = 3

Ticks = npt.NDArray[np.int64]


def mark(sample: bytes | memoryview) -> int:
    """A checksum of a sample's size and of its first and last 512 bytes: a sample that is another, cut off, emptied or
    elsewhere in the file has another one."""
    return _mark(len(sample), sample[:_ENDS], sample[-_ENDS:])


def _mark(size: int, head: bytes | memoryview, tail: bytes | memoryview) -> int:
    return zlib.crc32(b"%d" % size, zlib.crc32(tail, zlib.crc32(head)))


def digest(sample: bytes | memoryview) -> bytes:
    """A digest of all of a sample."""
    return hashlib.sha256(sample).digest()


def check_times(
    shown: Ticks | None, source: Opened, claim: Claim, *, on_work: Callable[[], None] = lambda: None
) -> None:
    """Check that pictures are shown at exactly the ticks that follow from those of the source: by its index, or where
    it has none by what was read.

    Raises:
        NotCuttable: certificate_failed.
    """
    if shown is None:
        raise failed("the file has no index")
    expected = [
        _placed(span, read if source.shown is None else source.shown, claim.unit, on_work)
        for span, read in zip(claim.spans, claim.read, strict=True)
    ]
    # Frames that were on show before a range began.
    firsts = {round(span.at / claim.unit): span.first for span in claim.spans}
    held = [at for seam in claim.seams for at, tick in seam.frames if tick < firsts.get(at, tick)]
    wanted = np.sort(np.concatenate([*expected, np.array(held, np.int64)]))
    if len(wanted) != len(shown):
        raise failed(f"the source has {len(wanted)} pictures in the ranges, the cut has {len(shown)}")
    wrong = np.sort(shown) != wanted
    if wrong.any():
        at = float(int(wanted[int(wrong.argmax())]) * claim.unit)
        raise failed(f"a picture at {at:.3f} s is not shown when it should be")


def _placed(span: Span, ticks: Ticks, unit: Fraction, on_work: Callable[[], None]) -> Ticks:
    """Where the pictures of a range go."""
    inside = ticks[(ticks >= span.first) & (ticks < span.stop)]
    places: list[int] = []
    for start in range(0, len(inside), _AT_ONCE):
        # In Python's whole numbers, which do not overflow.
        places += [span.place(tick) for tick in inside[start : start + _AT_ONCE].tolist()]
        on_work()
    if span.moved is not None:
        places = [round(span.at / unit) if tick == span.moved else at for tick, at in zip(inside, places, strict=True)]
    return np.array(places, np.int64)


def check_samples(
    file: BinaryIO,
    made: InputContainer,
    marks: Sequence[int],
    *,
    digests: Mapping[int, bytes] | None = None,
    on_work: Callable[[], None] = lambda: None,
) -> None:
    """Check that copied pictures lie in the file as they were read; `marks` are in decoding order. Of samples whose
    `digests` are known, by their place in it, every byte is looked at; runs of samples have a check of their own.

    Raises:
        NotCuttable: certificate_failed.
    """
    video, whole = made.streams.video[0], digests or {}
    for number, (entry, wanted) in enumerate(zip(video.index_entries, marks, strict=True)):
        if number % _AT_ONCE == 0:
            on_work()
        if wanted == CARRIED:
            continue
        good = wanted == ENCODED or _mark_at(file, entry.pos, entry.size) == wanted
        if good and number in whole:
            good = digest(os.pread(file.fileno(), entry.size, entry.pos)) == whole[number]
        if not good:
            at = float(entry.timestamp * (video.time_base or Fraction(1)))
            kind, was = ("encoded", "decoded") if wanted == ENCODED else ("copied", "read")
            raise failed(f"the {kind} picture at {at:.3f} s is not as it was {was}")


def _mark_at(file: BinaryIO, start: int, size: int) -> int:
    """The mark of the sample that lies there. Its ends alone are read: a map of the file would be counted as memory."""
    length = min(size, _ENDS)
    head = os.pread(file.fileno(), length, start)
    return _mark(size, head, head if size == length else os.pread(file.fileno(), length, start + size - length))


def check_sound(source: Opened, made: Opened, claim: Claim) -> None:
    """Check that no sound is missing: each packet of the source, by its index or where it has none as it was read, has
    copied packet beside it, and what was encoded is as long as the picture.

    Raises:
        NotCuttable: certificate_failed.
    """
    there = sound_tracks(made, claim.sound)
    for number, track in there.items():
        if number not in claim.copied_sound:
            check_length(_times(track), track, claim.duration)
    for number, packet in claim.copied_sound.items():
        # Seconds as floats: sound is told apart by thousandths here.
        times = _times(there[number]) * float(there[number].time_base or 1) if number in there else np.empty(0)
        stream = source.line.audio[number]
        given, index = stream.time_base or Fraction(1), heard_ticks(source, stream)
        picture = source.line.video.time_base if source.line.video is not None else None
        for span, ticks in zip(claim.spans, claim.heard, strict=True):
            end = span.at + (span.stop - span.first) * (picture or Fraction(1))
            if span is not claim.spans[-1]:
                end -= _LEFT * packet
            shift = span.at - span.first * (picture or Fraction(1))
            read = ticks[number]
            if index is None and sound_before(source, stream, span.at - shift, read, packet):
                raise failed(f"sound is missing at {float(span.at):.3f} s")
            wanted = (read if index is None else index) * float(given) + float(shift)
            wanted = wanted[(wanted >= float(span.at)) & (wanted < float(end))]
            _check_near(wanted, times, float(packet))


def _times(track: AudioStream) -> Ticks:
    """The times of the packets of a finished track."""
    return np.array([entry.timestamp for entry in track.index_entries], np.int64)


def _check_near(wanted: npt.NDArray[np.floating], there: npt.NDArray[np.floating], packet: float) -> None:
    if not len(wanted):
        return
    around = np.concatenate([[-np.inf], there, [np.inf]])
    after = np.searchsorted(around, wanted)
    far = np.minimum(np.abs(around[after] - wanted), np.abs(wanted - around[after - 1])) > packet
    if far.any():
        raise failed(f"sound is missing at {wanted[int(far.argmax())]:.3f} s")


def check_length(times: Ticks, track: AudioStream, duration: Fraction) -> None:
    """Check by the times of its packets that an encoded track is `duration` seconds long and has no gap.

    Raises:
        NotCuttable: certificate_failed.
    """
    frame = track.codec_context.frame_size or _USUAL_FRAME
    length = int(duration / (track.time_base or Fraction(1)))
    if not len(times) or times[0] > 0 or abs(int(times[-1]) + frame - length) > 2 * frame:
        raise failed("encoded sound is not as long as the picture")
    if (np.diff(times) > 2 * frame).any():
        raise failed("encoded sound has a gap")
