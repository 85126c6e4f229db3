"""Proof of a cut, read back from the finished file: the right frames, at the right times, intact at every seam.

Within a second of every seam, and of both ends of the file, the pictures are decoded from both files and compared in
step: copied ones must be the same to the bit, encoded ones at least 40 dB PSNR (luma) from the source. Nothing is
decoded twice for that: what the witness of the edges has decoded while it was written (`media.smartcut.witness`) has to
lie in the file byte for byte, under the same headers. Copied sound is found again by its bytes. What lies farther from
a seam is proven by the index; see `media.smartcut.whole`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
from av.container import InputContainer

from media.smartcut.around import compare
from media.smartcut.bulk.carry import PICTURE, Carried
from media.smartcut.bulk.proof import check_carried
from media.smartcut.errors import failed
from media.smartcut.index import picture_table, sample_table
from media.smartcut.pictures import Seam, Span
from media.smartcut.result import SeamReport
from media.smartcut.sync import LISTEN, Opened, sound_offset, sound_tracks
from media.smartcut.whole import check_samples, check_sound, check_times
from media.smartcut.witness import Witness
from media.source import open_source
from media.timeline import timeline
from media.types import NO_LIMITS


@dataclass(frozen=True, slots=True)
class Claim:
    """What a cut says it has written: its ranges and seams in order, frames and seconds in all; the `sound` tracks, by
    their place in the source, with the id that each has in the file, and which tracks of the source were copied, with
    the seconds of a packet: one not in the file has no packets in the ranges. `unit` is the picture's time base.

    `read` and `heard` are, for each range, the ticks of all packets of picture, and of each sound track, that were read
    of the source; `marks` the marks of the samples that were copied (see `media.smartcut.whole`), in decoding order;
    `witness` has seen the edges, `carried` are the runs of samples that were copied as bytes.
    """

    spans: Sequence[Span]
    seams: Sequence[Seam]
    frames: int
    duration: Fraction
    unit: Fraction
    sound: Mapping[int, int]
    copied_sound: Mapping[int, Fraction]
    read: Sequence[npt.NDArray[np.int64]]
    heard: Sequence[Mapping[int, npt.NDArray[np.int64]]]
    marks: Sequence[int]
    witness: Witness
    carried: Sequence[Carried] = ()


def certify(
    source: Opened, target: Path, claim: Claim, *, threads: int, on_work: Callable[[], None]
) -> tuple[SeamReport, ...]:
    """Check `target` against the opened source it was cut from.

    Raises:
        NotCuttable: certificate_failed, with what does not hold.
    """
    with target.open("rb") as file, open_source(file, NO_LIMITS) as opened:
        check_index(opened, claim.frames, claim.unit)
        _check_headers(opened, claim)
        line, table = timeline(opened), picture_table(file, opened, opened.streams.video[0])
        made = Opened(opened, line, None if table is None else table.shown)
        heard = sound_tracks(made, claim.sound)
        if table is not None and claim.carried:
            sounds = {number: sample_table(stream) for number, stream in heard.items()}
            check_carried(file, {PICTURE: table} | sounds, claim.carried, on_work=on_work)
        check_times(made.shown, source, claim, on_work=on_work)
        _check_length(made, claim)
        check_samples(file, opened, claim.marks, digests=claim.witness.digests, on_work=on_work)
        on_work()
        check_sound(source, made, claim)
        _check_ends(source, made, claim, on_work)
        offsets = [_offset(source, made, claim, seam, on_work) for seam in claim.seams]
        compare(source, made, claim, threads=threads, on_work=on_work)
    return tuple(
        SeamReport(
            seam.at * claim.unit,
            len(seam.frames),
            min((claim.witness.psnr[at] for at, _ in seam.frames), default=None),
            None if offset is None else float(offset * 1000),
        )
        for seam, offset in zip(claim.seams, offsets, strict=True)
    )


def check_index(made: InputContainer, frames: int, unit: Fraction) -> None:
    """Check that a file has so many pictures, in ticks of `unit` seconds, and that decoding times rise.

    Raises:
        NotCuttable: certificate_failed.
    """
    video = made.streams.video[0]
    times = [entry.timestamp for entry in video.index_entries]
    if len(times) != frames:
        raise failed(f"{len(times)} pictures were written instead of {frames}")
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise failed("decoding times do not rise")
    if video.time_base != unit:
        raise failed("the time base of the picture is another")


def _check_length(made: Opened, claim: Claim) -> None:
    """Check that the picture track is as long as its pictures are shown, by its decoding times."""
    video = made.line.video
    if video is None or (video.duration or 0) + 1 < math.floor(claim.duration / claim.unit):
        raise failed("the picture ends before its last frame does")


def _check_headers(made: InputContainer, claim: Claim) -> None:
    """Check that the file has the headers under which the witness has decoded all that was encoded."""
    if made.streams.video[0].codec_context.extradata != claim.witness.headers:
        raise failed("the parameter sets of the picture are others")
    if any(at not in claim.witness.psnr for seam in claim.seams for at, _ in seam.frames):
        raise failed("an encoded picture was not looked at")


def _offset(source: Opened, made: Opened, claim: Claim, seam: Seam, on_work: Callable[[], None]) -> Fraction | None:
    """The worst offset of sound where the seam begins and after it."""
    return _worst(source, made, claim, {seam.at, max((at for at, _ in seam.frames), default=seam.at) + 1}, on_work)


def _check_ends(source: Opened, made: Opened, claim: Claim, on_work: Callable[[], None]) -> None:
    """Sound is found again also where no seam is."""
    _worst(source, made, claim, {0, max(math.floor((claim.duration - LISTEN) / claim.unit), 0)}, on_work)


def _worst(
    source: Opened, made: Opened, claim: Claim, places: Collection[int], on_work: Callable[[], None]
) -> Fraction | None:
    """The worst offset of copied sound after some ticks of the output."""
    worst: Fraction | None = None
    for number, packet in claim.copied_sound.items():
        for at in places if number in claim.sound else ():
            on_work()
            offset = sound_offset(source, made, claim, number, at)
            if offset is not None and abs(offset) > packet:
                raise failed(f"sound is {float(offset * 1000):.0f} ms off its picture")
            worst = max((found for found in (worst, offset) if found is not None), key=abs, default=None)
    return worst
